"""Shadow mode: real feeds in, nothing out, by any path; and the way live and back."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.delivery import service as delivery
from confrere.delivery.model import HELD_BACK, WAITING
from confrere.jobs import events
from confrere.kernel.errors import Conflict, Invalid, NotFound
from confrere.network import modes
from confrere.network import service as network
from confrere.network.model import LIVE, SHADOW
from confrere.network.signing import By
from confrere.orders import service as orders
from confrere.reading import service as reading
from confrere.reading.model import FINAL, PRELIMINARY
from confrere.web.reading_next import next_item
from confrere.wiring import exams, facts, results
from confrere.worklist import claims, shadowing
from confrere.worklist import service as worklist
from confrere.worklist.assigning import Attestation, assign_attested
from confrere.worklist.dispatch import dispatch
from confrere.worklist.model import Item, ItemOffered, State
from tests.database import count
from tests.integration.beside_house import (
    LEASE,
    TEXT,
    claim,
    complete,
    look,
    receive,
    report,
    settle,
    told,
    world_told,
)
from tests.integration.world import NOW, World, build, order_message

MINUTE = timedelta(minutes=1)
WHY = "the codes are not mapped yet"


def turn(conn: Connection, world: World, mode: str, minute: int = 0) -> shadowing.Followed:
    """Put the site into a mode as the page does."""
    at = NOW + minute * MINUTE
    site = modes.change(conn, world.site, mode, By(world.owner, "Olga Owner"), WHY, at)
    return shadowing.follow(conn, [site], at)


def shadowed(conn: Connection) -> tuple[World, Item]:
    world = world_told(conn)
    turn(conn, world, SHADOW)
    return world, complete(conn, world)


def test_an_exam_of_a_shadow_site_is_seen_and_offered_to_nobody(conn: Connection) -> None:
    _, item = shadowed(conn)
    assert item.shadow
    assert (item.state, item.offered_to) == (State.WAITING, None)
    assert count(conn, "proofs") == 0
    assert count(conn, "decisions") == 0


def test_it_cannot_be_claimed_assigned_or_be_next(conn: Connection) -> None:
    world, item = shadowed(conn)
    for reader in (world.neuro, world.general):
        with pytest.raises(Conflict, match="Lakeshore Memorial is in shadow mode"):
            claim(conn, item, reader)
    attested = Attestation("Olga", world.owner, "nobody else is there tonight")
    with pytest.raises(Conflict, match="shadow mode"):
        assign_attested(conn, item, network.reader(conn, world.neuro, NOW), attested, NOW)
    directory = network.directory(conn, NOW)
    assert next_item(worklist.open_items(conn), directory, world.neuro, NOW) is None


def test_a_claim_that_races_the_change_of_mode_loses(conn: Connection) -> None:
    world = build(conn)
    item = complete(conn, world)
    before = network.directory(conn, NOW)
    turn(conn, world, SHADOW)
    neuro = network.reader(conn, world.neuro, NOW)
    with pytest.raises(Conflict, match="reads this exam itself"):
        claims.claim(conn, item, neuro, before, NOW, LEASE)


def test_the_outbox_holds_back_whatever_is_put_into_it(conn: Connection) -> None:
    world, _ = shadowed(conn)
    for kind in ("ORU^R01", "ORM^O01", "MDM^T02"):
        message = delivery.send(
            conn, world.owner, world.results, world.site, None, kind, "LM9", "C", b"x", NOW
        )
        assert delivery.going_out(conn, message).state == HELD_BACK
    assert delivery.due_peers(conn, NOW + timedelta(days=1)) == []
    with pytest.raises(Conflict, match="shadow mode"):
        delivery.send_again(conn, message, NOW)
    turn(conn, world, LIVE, 1)
    assert delivery.due_peers(conn, NOW + timedelta(days=1)) == [], (
        "nothing stale leaves by itself"
    )
    delivery.send_again(conn, message, NOW)
    assert delivery.going_out(conn, message).state == WAITING


def sends_a_result(conn: Connection, world: World, item: Item) -> None:
    """A report that nobody could have signed here, were the gates not there."""
    conn.execute(
        sa.text(
            "update items set held_by = :r, hold_token = :t, lease_until = :l where id = :i"
        ),
        {"r": world.neuro, "t": uuid4(), "l": NOW + LEASE, "i": item.id},
    )
    held = worklist.get(conn, item.id)
    assert held.hold_token
    hold = reading.Hold(item.id, network.reader(conn, world.neuro, NOW), held.hold_token)
    version = reading.sign(conn, hold, TEXT, FINAL, network.directory(conn, NOW), NOW)
    results.report_signed(conn, version.report, version.number, NOW)


def sends_a_status(conn: Connection, world: World, item: Item) -> None:
    settle(conn, NOW)
    receive(conn, world, order_message(status="CA", control="CANCEL"), NOW + MINUTE)
    exams.order_changed(conn, item.orders[0], NOW + MINUTE)
    settle(conn, NOW + MINUTE)


def offers(conn: Connection, world: World, _: Item) -> None:
    for minute in range(3):
        at = NOW + minute * MINUTE
        directory = network.directory(conn, at)
        claims.free_lapsed(conn, at)
        dispatch(conn, directory, at)
    assert world


@pytest.mark.parametrize("path", [sends_a_result, sends_a_status, offers])
def test_no_outward_path_lets_anything_out(
    conn: Connection, path: Callable[[Connection, World, Item], None]
) -> None:
    world, item = shadowed(conn)
    kept = events.subscribers.copy()
    events.subscribers[ItemOffered] = ("tests.offered",)
    try:
        path(conn, world, item)
    finally:
        events.subscribers.clear()
        events.subscribers.update(kept)
    states = {m.state for m in delivery.outbox(conn, [])}
    assert states <= {HELD_BACK}
    assert worklist.get(conn, item.id).offered_to is None
    assert count(conn, "shares") == 0
    jobs = conn.execute(
        sa.text("select count(*) from procrastinate_jobs where task_name = 'tests.offered'")
    )
    assert jobs.scalar_one() == 0


def test_the_sites_own_report_closes_it_and_no_measure_counts_it(conn: Connection) -> None:
    world, item = shadowed(conn)
    receive(conn, world, report("F", at=NOW + 9 * MINUTE), NOW + 9 * MINUTE)
    assert worklist.get(conn, item.id).state is State.EXTERNAL
    facts.item_finished(conn, item.id)
    receive(conn, world, order_message("LM200", mrn="M1", status="CM", control="O2"))
    other = orders.search(conn, 1, accession="LM200")[0]
    came = reading.Received(
        world.owner, world.site, other.patient, (other.id,), None, "CT", "Fine.", True,
        "Smith", NOW, NOW,
    )  # fmt: skip
    facts.report_received(conn, reading.receive(conn, came, [], NOW).id)
    assert count(conn, "exam_facts") == 0


def test_a_cut_over_opens_what_waits_and_closes_what_the_site_reported(
    conn: Connection,
) -> None:
    world, item = shadowed(conn)
    done = complete(conn, world, "LM300")
    conn.execute(
        sa.text("update orders set status = 'reported' where id = :o"), {"o": done.orders[0]}
    )
    assert turn(conn, world, LIVE, 1) == shadowing.Followed(opened=1, closed=1)
    assert worklist.get(conn, done.id).state is State.EXTERNAL
    dispatch(conn, network.directory(conn, NOW + MINUTE), NOW + MINUTE)
    assert worklist.get(conn, item.id).offered_to == world.neuro
    claim(conn, worklist.get(conn, item.id), world.neuro, NOW + 2 * MINUTE)
    settle(conn, NOW + 2 * MINUTE)
    assert len(told(conn, WAITING)) == 1


def test_back_into_shadow_holds_are_finished_and_their_reports_leave(conn: Connection) -> None:
    world = world_told(conn)
    waits = complete(conn, world)
    _, hold = claim(conn, waits, world.neuro)
    other = complete(conn, world, "LM400")
    settle(conn, NOW)
    followed = turn(conn, world, SHADOW, 5)
    assert followed == shadowing.Followed(shadowed=1)
    assert worklist.get(conn, other.id).shadow
    assert not worklist.get(conn, waits.id).shadow
    directory = network.directory(conn, NOW + 6 * MINUTE)
    reading.sign(conn, hold, TEXT, PRELIMINARY, directory, NOW + 6 * MINUTE)
    version = reading.sign(conn, hold, TEXT, FINAL, directory, NOW + 7 * MINUTE)
    results.report_signed(conn, version.report, version.number, NOW + 7 * MINUTE)
    look(conn, NOW + 7 * MINUTE)
    out = {
        m.kind: m.state for m in reversed(delivery.outbox(conn, [])) if m.accession == "LM100"
    }
    assert out == {"ORU^R01": WAITING, "ORM^O01": WAITING}
    facts.item_finished(conn, waits.id)
    assert count(conn, "exam_facts") == 1, "it was read here and counts"


def test_what_is_given_back_in_shadow_is_only_compared_from_then_on(conn: Connection) -> None:
    world = world_told(conn)
    item, hold = claim(conn, complete(conn, world), world.neuro)
    settle(conn, NOW)
    turn(conn, world, SHADOW, 5)
    claims.release(conn, item.id, world.neuro, hold.token, NOW + 6 * MINUTE)
    sites = network.sites(conn)
    assert shadowing.follow(conn, sites, NOW + 6 * MINUTE).shadowed == 1
    assert worklist.get(conn, item.id).shadow
    assert shadowing.follow(conn, sites, NOW + 7 * MINUTE).changed == 0


def test_a_lapse_into_shadow_frees_the_sites_lock(conn: Connection) -> None:
    world = world_told(conn)
    item, hold = claim(conn, complete(conn, world), world.neuro)
    settle(conn, NOW)
    turn(conn, world, SHADOW, 5)
    claims.release(conn, item.id, world.neuro, hold.token, NOW + 6 * MINUTE)
    shadowing.follow(conn, network.sites(conn), NOW + 6 * MINUTE)
    settle(conn, NOW + 6 * MINUTE)
    assert b"|SC||||" in told(conn)[-1].content, "the site must not wait for us"
    assert told(conn)[-1].state != HELD_BACK


def test_who_why_and_against_what_is_kept(conn: Connection) -> None:
    world = build(conn)
    by = By(world.owner, "Olga Owner")
    with pytest.raises(Conflict, match="live already"):
        modes.change(conn, world.site, LIVE, by, "", NOW)
    with pytest.raises(Invalid, match="reason"):
        modes.change(conn, world.site, SHADOW, by, "oops", NOW)
    modes.change(conn, world.site, SHADOW, by, WHY, NOW)
    with pytest.raises(Invalid, match="reason"):
        modes.change(conn, world.site, LIVE, by, "", NOW + MINUTE, ["codes mapped"])
    modes.change(
        conn, world.site, LIVE, by, "the rest is typed by hand", NOW + MINUTE, ["codes mapped"]
    )
    newest, first = modes.history(conn, world.site)
    assert (newest.mode, newest.by, newest.unmet) == (LIVE, "Olga Owner", ("codes mapped",))
    assert (first.mode, first.reason) == (SHADOW, WHY)
    with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
        conn.execute(sa.text("delete from site_modes"))


def test_another_group_cannot_change_the_mode(app_conn: Connection, conn: Connection) -> None:
    world = build(conn)
    assert world
    with pytest.raises(NotFound):
        modes.change(app_conn, world.site, SHADOW, By(world.partner, "Rolf"), WHY, NOW)
