"""From order and images to an offer, a claim and a signature, through the services."""

import threading
import time
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.database.engine import see_as, transaction
from confrere.delivery import service as delivery
from confrere.imaging import service as imaging
from confrere.kernel.errors import Conflict, Invalid, NotFound, Refused
from confrere.kernel.ids import ItemId, MessageId, ReaderId
from confrere.network import service as network
from confrere.orders import service as orders
from confrere.reading import service as reading
from confrere.reading.model import FINAL, PRELIMINARY
from confrere.wiring import exams, inbound_hl7, priors, results
from confrere.worklist import claims
from confrere.worklist import service as worklist
from confrere.worklist.declining import decline
from confrere.worklist.dispatch import dispatch
from confrere.worklist.model import Item, State
from tests.database import Databases
from tests.integration.world import (
    NOW,
    World,
    agree,
    agreed,
    build,
    order_message,
    reader,
    resume,
    suspend,
)

LEASE = timedelta(minutes=30)
KEY = bytes(32)
TEXT = {"findings": "Acute left thalamic haemorrhage.", "impression": "Bleed."}


def receive(conn: Connection, world: World, raw: bytes) -> MessageId:
    peer = network.peer(conn, world.hl7)
    kept = delivery.keep(conn, peer, "ORM^O01", "MSG1", raw, "127.0.0.1", NOW)
    inbound_hl7.process(conn, KEY, kept, NOW)
    return kept


def placed(conn: Connection, world: World, raw: bytes) -> Item:
    """Process an order and follow its event; return the item."""
    kept = receive(conn, world, raw)
    assert delivery.received(conn, kept).state == "done", delivery.received(conn, kept).reason
    order = orders.search(conn, 1)[0]
    exams.order_changed(conn, order.id, NOW)
    return worklist.of_exam(conn, world.owner, None, [order.id])[0]


def offered(conn: Connection, world: World) -> Item:
    item = placed(conn, world, order_message(status="CM"))
    dispatch(conn, network.directory(conn, NOW), NOW)
    return worklist.get(conn, item.id)


def test_the_partners_neuroradiologist_is_offered_the_head_ct(conn: Connection) -> None:
    world = build(conn)
    item = offered(conn, world)
    assert (item.state, item.offered_to) == (State.OFFERED, world.neuro)
    assert item.priority == "stat"
    assert item.clock_source == "order status"
    assert item.due_at == item.clock_at + timedelta(minutes=30)
    judged = worklist.verdicts(item, network.directory(conn, NOW), NOW)
    assert [v.rule for v in judged[world.unlicensed] if not v.holds] == ["LIC_PATIENT"]
    assert [v.rule for v in judged[world.general] if not v.holds] == ["SCOPE"]
    assert all(v.holds for v in judged[world.neuro])
    kept = worklist.proofs_of(conn, item.id)
    assert [(p.reader, p.act, p.eligible) for p in kept] == [(world.neuro, "offer", True)]
    assert kept[0].agreement == world.agreement


def test_an_unmapped_code_goes_to_the_owner_groups_reader_with_a_flag(conn: Connection) -> None:
    world = build(conn)
    item = placed(conn, world, order_message(code="MYSTERY", status="CM"))
    assert (item.subspecialty, item.flags) == ("", ("unmapped", "no images"))
    dispatch(conn, network.directory(conn, NOW), NOW)
    assert worklist.get(conn, item.id).offered_to == world.general


def test_a_suspended_agreement_takes_the_offer_back_at_once(conn: Connection) -> None:
    world = build(conn)
    item = offered(conn, world)
    suspend(conn, world)
    dispatch(conn, network.directory(conn, NOW), NOW)
    after = worklist.get(conn, item.id)
    assert after.offered_to is None
    assert "nobody eligible" in after.flags
    resume(conn, world)
    dispatch(conn, network.directory(conn, NOW), NOW)
    assert worklist.get(conn, item.id).offered_to == world.neuro


def test_the_database_shows_an_exam_to_the_partner_only_while_it_is_offered(
    fresh: Databases,
) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
        item = offered(conn, world)
    with transaction(fresh.app, frozenset({world.partner})) as conn:
        assert worklist.get(conn, item.id).id == item.id
        assert len(orders.search(conn, 5)) == 1
    with transaction(fresh.app, frozenset()) as conn, pytest.raises(NotFound):
        worklist.get(conn, item.id)
    with transaction(fresh.system, frozenset()) as conn:
        suspend(conn, world)
        dispatch(conn, network.directory(conn, NOW), NOW)
    with transaction(fresh.app, frozenset({world.partner})) as conn:
        with pytest.raises(NotFound):
            worklist.get(conn, item.id)
        assert orders.search(conn, 5) == []


def test_a_hundred_claims_at_once_have_one_winner(fresh: Databases) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
        item = offered(conn, world)
        rival = network.add_reader(
            conn,
            replace(
                network.reader(conn, world.neuro, NOW), id=ReaderId(uuid4()), name="R", npi=""
            ),
        )
        readers = [network.reader(conn, one, NOW) for one in (world.neuro, rival)]
    for _ in range(100):
        won, lost = race(fresh, world, item, readers)
        assert len(won) == 1
        assert all("has this exam" in one for one in lost)
        with transaction(fresh.app, frozenset({world.partner})) as conn:
            assert won[0].hold_token
            assert won[0].held_by
            claims.release(conn, item.id, won[0].held_by, won[0].hold_token, NOW)


def race(
    fresh: Databases, world: World, item: Item, readers: list[network.Reader]
) -> tuple[list[Item], list[str]]:
    start, won, lost = threading.Barrier(2), [], []

    def run(reader: network.Reader) -> None:
        with transaction(fresh.app, frozenset({world.partner})) as conn:
            directory = network.directory(conn, NOW)
            now_item = worklist.get(conn, item.id)
            start.wait()
            try:
                won.append(claims.claim(conn, now_item, reader, directory, NOW, LEASE))
            except Conflict as error:
                lost.append(str(error))

    threads = [threading.Thread(target=run, args=(one,)) for one in readers]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return won, lost


def claimed(conn: Connection, world: World) -> tuple[Item, reading.Hold]:
    item = offered(conn, world)
    neuro = network.reader(conn, world.neuro, NOW)
    taken = claims.claim(conn, item, neuro, network.directory(conn, NOW), NOW, LEASE)
    assert taken.hold_token
    return taken, reading.Hold(item.id, neuro, taken.hold_token)


def test_an_ineligible_reader_cannot_claim_and_is_told_why(conn: Connection) -> None:
    world = build(conn)
    item = offered(conn, world)
    other = network.reader(conn, world.unlicensed, NOW)
    with pytest.raises(Refused, match="LIC_PATIENT: no licence in IL"):
        claims.claim(conn, item, other, network.directory(conn, NOW), NOW, LEASE)


def test_signing_finishes_the_item_and_puts_a_result_into_the_outbox(conn: Connection) -> None:
    world = build(conn)
    item, hold = claimed(conn, world)
    directory = network.directory(conn, NOW)
    report = reading.open_report(conn, item, hold.reader, NOW)
    saved = reading.save_draft(conn, hold, TEXT, report.version, NOW, LEASE)
    with pytest.raises(Conflict, match="another window"):
        reading.save_draft(conn, hold, TEXT, report.version, NOW, LEASE)
    reading.sign(conn, hold, TEXT, PRELIMINARY, directory, NOW)
    version = reading.sign(conn, hold, TEXT, FINAL, directory, NOW)
    assert saved.draft["impression"] == "Bleed."
    assert version.text == "FINDINGS:\nAcute left thalamic haemorrhage.\n\nIMPRESSION:\nBleed."
    done = worklist.get(conn, item.id)
    assert (done.state, done.finished_by) == (State.FINAL, world.neuro)
    for _ in range(2):  # a job may run again: one result still
        results.report_signed(conn, report.id, version.number, NOW)
    out = delivery.of_report(conn, report.id)
    assert len(out) == 1
    assert b"|LM100|" in out[0].content
    assert b"Acute left thalamic" in out[0].content
    assert orders.search(conn, 1)[0].content.status == "reported"
    acts = [p.act for p in worklist.proofs_of(conn, item.id)]
    assert acts == ["offer", "claim", "sign", "sign"]


def test_a_report_cannot_be_signed_twice(conn: Connection) -> None:
    world = build(conn)
    _, hold = claimed(conn, world)
    directory = network.directory(conn, NOW)
    reading.sign(conn, hold, TEXT, FINAL, directory, NOW)
    with pytest.raises(Conflict, match="already reported"):
        reading.sign(conn, hold, TEXT, FINAL, directory, NOW)


def test_a_stale_claim_cannot_sign_and_keeps_its_draft(conn: Connection) -> None:
    world = build(conn)
    item, hold = claimed(conn, world)
    reading.save_draft(conn, hold, TEXT, 0, NOW, LEASE)
    later = NOW + timedelta(hours=1)
    assert claims.free_lapsed(conn, later) == 1
    directory = network.directory(conn, later)
    with pytest.raises(Conflict, match="your claim on this exam has ended"):
        reading.sign(conn, hold, TEXT, FINAL, directory, later)
    assert reading.of_item(conn, item.id).draft["impression"] == "Bleed."


def test_a_signed_version_cannot_be_changed_by_anyone(conn: Connection) -> None:
    world = build(conn)
    _, hold = claimed(conn, world)
    reading.sign(conn, hold, TEXT, FINAL, network.directory(conn, NOW), NOW)
    with pytest.raises(sa.exc.DatabaseError, match="never changed"):
        conn.execute(sa.text("update report_versions set text = 'other'"))


def test_losing_the_agreement_in_the_middle_of_a_read_refuses_the_signature(
    conn: Connection,
) -> None:
    world = build(conn)
    _, hold = claimed(conn, world)
    suspend(conn, world)
    with pytest.raises(Refused, match="CONSENT_ORG"):
        reading.sign(conn, hold, TEXT, FINAL, network.directory(conn, NOW), NOW)


def test_an_addendum_is_a_version_of_its_own_and_is_sent(conn: Connection) -> None:
    world = build(conn)
    _, hold = claimed(conn, world)
    reading.sign(conn, hold, TEXT, FINAL, network.directory(conn, NOW), NOW)
    report = reading.search(conn, 1)[0]
    added = reading.addend(conn, report.id, hold.reader, "No shift.", NOW)
    results.report_signed(conn, report.id, added.number, NOW)
    content = delivery.of_report(conn, report.id)[-1].content.decode()
    assert "ADDENDUM (Novak, Nina" in content
    assert "|C|" in content
    stranger = network.reader(conn, world.general, NOW)
    with pytest.raises(Refused):
        reading.addend(conn, report.id, stranger, "Mine.", NOW)


def test_an_order_without_a_patient_is_kept_with_the_field_and_can_be_replayed(
    conn: Connection,
) -> None:
    world = build(conn)
    kept = receive(conn, world, order_message(mrn=""))
    failed = delivery.received(conn, kept)
    assert (failed.state, failed.field) == ("failed", "PID-3")
    assert failed.remedy
    delivery.replay(conn, kept)
    inbound_hl7.process(conn, KEY, kept, NOW)
    assert delivery.received(conn, kept).attempts == 2


def test_the_same_order_twice_has_one_effect(conn: Connection) -> None:
    world = build(conn)
    receive(conn, world, order_message())
    receive(conn, world, order_message())
    assert len(orders.search(conn, 5)) == 1


def test_scope_is_enforced_for_shared_rows_only(app_conn: Connection) -> None:
    see_as(app_conn, frozenset())
    with pytest.raises(NotFound):
        worklist.get(app_conn, ItemId(uuid4()))


def test_images_that_come_after_the_offer_are_open_to_the_reading_group(
    fresh: Databases,
) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
        item = offered(conn, world)
        study = conn.execute(
            sa.text(
                "insert into studies (owner_group, site_id, study_uid, accession, mrn, modalities,"
                " first_at, last_at) values (:o, :s, '1.2.3', 'LM100', 'M1', '{CT}', :t, :t)"
                " returning id"
            ),
            {"o": world.owner, "s": world.site, "t": NOW},
        ).scalar_one()
        exams.study_changed(conn, study, NOW, new_images=True)
    with transaction(fresh.app, frozenset({world.partner})) as conn:
        assert worklist.get(conn, item.id).study == study
        assert imaging.study(conn, study).study_uid == "1.2.3"


def test_another_groups_reader_begins_a_draft_of_their_own_after_a_release(
    fresh: Databases,
) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
        item, hold = claimed(conn, world)
        third = network.add_group(
            conn, replace(network.groups(conn)[0], code="THI", name="Third")
        )
        agree(conn, agreed(world.owner, third))
        other = network.add_reader(
            conn, reader(third, "Third, Theo", {"neuro"}, world.site, "IL", NOW)
        )
    with transaction(fresh.app, frozenset({world.partner})) as conn:
        reading.save_draft(conn, hold, TEXT, 0, NOW, LEASE)
        claims.release(conn, item.id, hold.reader.id, hold.token, NOW)
    with transaction(fresh.system, frozenset()) as conn:
        conn.execute(sa.text("delete from shifts where reader_id = :r"), {"r": world.neuro})
        dispatch(conn, network.directory(conn, NOW), NOW)
        assert worklist.get(conn, item.id).offered_to == other
    with transaction(fresh.app, frozenset({world.partner})) as conn, pytest.raises(NotFound):
        worklist.get(conn, item.id)
    with transaction(fresh.app, frozenset({third})) as conn:
        directory = network.directory(conn, NOW)
        who = network.reader(conn, other, NOW)
        taken = claims.claim(conn, worklist.get(conn, item.id), who, directory, NOW, LEASE)
        assert reading.open_report(conn, taken, who, NOW).draft == {}


def test_a_partners_signer_sees_late_images_and_the_delivery(fresh: Databases) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
        item, hold = claimed(conn, world)
        version = reading.sign(conn, hold, TEXT, FINAL, network.directory(conn, NOW), NOW)
        results.report_signed(conn, version.report, version.number, NOW)
        order = orders.search(conn, 1)[0]
        site = network.site(conn, world.site)
        task = worklist.refresh(
            conn, world.owner, site, None, [order], None, NOW, new_images=True
        )
        assert task
    with transaction(fresh.app, frozenset({world.partner})) as conn:
        assert worklist.get(conn, task.id).offered_to == world.neuro
        assert [m.accession for m in delivery.of_report(conn, version.report)] == ["LM100"]
    assert item.id != task.id


def test_a_signature_waits_while_a_worker_touches_the_exam(fresh: Databases) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
        item = offered(conn, world)
        held = claims.claim(
            conn, item, network.reader(conn, world.neuro, NOW), network.directory(conn, NOW),
            NOW, LEASE,
        )  # fmt: skip
    touched, token = threading.Event(), held.hold_token
    assert token

    def touch() -> None:
        with transaction(fresh.system, frozenset()) as conn:
            worklist.set_prior_count(conn, item.id, 7)
            touched.set()
            time.sleep(0.3)

    worker = threading.Thread(target=touch)
    worker.start()
    touched.wait(5)
    with transaction(fresh.system, frozenset()) as conn:
        assert claims.confirm(conn, item.id, world.neuro, token, NOW).prior_count == 7
    worker.join()


def test_a_prior_report_that_comes_after_the_offer_stands_beside_the_exam(
    fresh: Databases,
) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
        item = offered(conn, world)
        order = orders.search(conn, 1)[0]
        assert item.clock_at
        came = reading.Received(
            world.owner, world.site, order.patient, (), None, "CT head", "Old and normal.",
            final=True, author_name="Elsewhere", signed_at=item.clock_at - timedelta(days=400),
            exam_at=item.clock_at - timedelta(days=401),
        )  # fmt: skip
        report = reading.receive(conn, came, [], NOW)
    with transaction(fresh.app, frozenset({world.partner})) as conn, pytest.raises(NotFound):
        reading.get(conn, report.id)
    with transaction(fresh.system, frozenset()) as conn:
        priors.refresh(conn, order.patient, NOW)
    with transaction(fresh.app, frozenset({world.partner})) as conn:
        assert reading.get(conn, report.id).author_name == "Elsewhere"


def test_a_declined_exam_goes_to_another_and_only_the_decliners_group_knows(
    fresh: Databases,
) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
        other = network.add_reader(
            conn, reader(world.partner, "Noor, Nadia", {"neuro"}, world.site, "IL", NOW)
        )
        item = offered(conn, world)
        first = network.reader(conn, item.offered_to or world.neuro, NOW)
        second = ({world.neuro, other} - {first.id}).pop()
    with transaction(fresh.app, frozenset({world.partner})) as conn:
        with pytest.raises(Invalid, match="few words"):
            decline(conn, item, first, "other", " ", NOW)
        assert decline(conn, item, first, "busy", "", NOW).state is State.WAITING
        with pytest.raises(Conflict):
            decline(conn, item, first, "busy", "", NOW)
        assert len(conn.execute(sa.text("select * from declines")).all()) == 1
    with transaction(fresh.app, frozenset({world.owner})) as conn:
        assert conn.execute(sa.text("select * from declines")).all() == []
    with transaction(fresh.system, frozenset()) as conn:
        directory = network.directory(conn, NOW)
        dispatch(conn, directory, NOW)
        again = worklist.get(conn, item.id)
        assert again.offered_to == second
        decline(conn, again, directory.readers[second], "leaving", "", NOW)
        dispatch(conn, directory, NOW)
        assert worklist.get(conn, item.id).offered_to in (first.id, second)


def test_what_is_being_written_keeps_the_exam_until_it_is_at_risk(fresh: Databases) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
        item = offered(conn, world)
        directory = network.directory(conn, NOW)
        neuro, short = directory.readers[world.neuro], timedelta(minutes=1)
        held = claims.claim(conn, item, neuro, directory, NOW, short)
        assert held.hold_token
        hold = reading.Hold(item.id, neuro, held.hold_token)
        reading.save_draft(conn, hold, TEXT, 0, NOW, short)
        risk = worklist.get(conn, item.id).at_risk_at
        assert risk
        assert risk - timedelta(seconds=1) > NOW + short
        assert claims.free_lapsed(conn, risk - timedelta(seconds=1)) == 0
        assert claims.free_lapsed(conn, risk) == 1
        kept = reading.of_item(conn, item.id)
        assert kept
        assert kept.draft["impression"] == TEXT["impression"]


def test_an_acute_exam_that_finds_nobody_idle_stands_next_with_the_specialist(
    conn: Connection,
) -> None:
    world = build(conn)
    first = offered(conn, world)
    assert first.offered_to == world.neuro
    receive(conn, world, order_message("LM2", mrn="M2", control="C2", status="CM"))
    (order,) = orders.search(conn, 1, accession="LM2")
    exams.order_changed(conn, order.id, NOW)
    (second,) = worklist.of_exam(conn, world.owner, None, [order.id])
    directory, later = network.directory(conn, NOW), NOW + timedelta(seconds=5)
    dispatch(conn, directory, later)
    waits = worklist.get(conn, second.id)
    assert (waits.offered_to, waits.state) == (world.neuro, State.OFFERED)
    assert "nobody is idle" in waits.offer_reason
    assert dispatch(conn, directory, later) == 0, "nothing flaps"
    other = network.add_reader(
        conn, reader(world.partner, "Noor, Nadia", {"neuro"}, world.site, "IL", NOW)
    )
    dispatch(conn, network.directory(conn, later), later)
    assert worklist.get(conn, second.id).offered_to == other
    assert worklist.get(conn, first.id).offered_to == world.neuro
    told = worklist.why_offered(conn, second.id)
    assert told.startswith("STAT neuro: partner group under agreement")
