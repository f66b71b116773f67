"""A stroke order rings a reader before images; the exam comes to them first."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.kernel.errors import Conflict, NotFound
from confrere.kernel.ids import GroupId, ReaderId
from confrere.network import service as network
from confrere.network.model import Directory
from confrere.notices import service as notices
from confrere.notices.contacts import CHIEF, READER, Contact
from confrere.notices.model import Channel, Notice
from confrere.orders import service as orders
from confrere.orders.model import Order, OrderContent
from confrere.patients import service as patients
from confrere.patients.model import Demographics
from confrere.wiring import exams
from confrere.worklist import claims, prealerting
from confrere.worklist import service as worklist
from confrere.worklist.declining import decline
from confrere.worklist.dispatch import dispatch
from confrere.worklist.model import Item, State
from confrere.worklist.prealert import LASTS, PATIENCE, kind_of
from tests.database import Databases
from tests.integration.reading_room import colleague
from tests.integration.world import NOW, World, build

MINUTE = timedelta(minutes=1)
NUMBER = "+13125550142"


def order(
    conn: Connection, world: World, question: str = "CODE STROKE, aphasia", at: datetime = NOW,
    accession: str = "LM900", **said: str,
) -> Order:  # fmt: skip
    patient = patients.record(
        conn, world.owner, Demographics("LMH-MRN", accession, "Doe", "Jo"), at
    )
    content = OrderContent(
        accession, procedure_code="CTHEAD", procedure_text="CT head without contrast",
        requested_priority="S", patient_class="E", clinical_question=question, ordered_at=at,
    )  # fmt: skip
    made = orders.place(conn, world.owner, world.site, patient.id, replace(content, **said), at)
    prealerting.note_order(conn, made, at)
    return made


def named(conn: Connection, world: World) -> World:
    """Give the readers and the owner's chief a line on their call lists."""
    for group, reader, role in (
        (world.partner, world.neuro, READER), (world.owner, None, CHIEF),
    ):  # fmt: skip
        line = Contact(
            uuid4(), group, role, "Somebody", reader, None, "", NUMBER,
            frozenset({Channel.SMS, Channel.VOICE}),
        )  # fmt: skip
        notices.add_contact(conn, line, "test", NOW)
    return world


def turn(conn: Connection, at: datetime) -> Directory:
    """One round of the dispatcher."""
    directory = network.directory(conn, at)
    kept = prealerting.raise_alerts(conn, directory, at)
    dispatch(conn, directory, at, kept)
    return directory


def arrives(conn: Connection, asked: Order, at: datetime) -> Item:
    """The exam is complete."""
    done = replace(asked.content, status="complete", exam_complete_at=at)
    orders.place(conn, asked.owner_group, asked.site, asked.patient, done, at)
    item = exams.order_changed(conn, asked.id, at)
    assert item is not None
    return item


def told(conn: Connection) -> Sequence[tuple[str, str]]:
    found: list[Notice] = notices.history(conn, [], 50)
    return sorted((one.what.role, one.what.channel.value) for one in found)


def test_the_reader_is_rung_before_images_and_offered_the_exam_first(conn: Connection) -> None:
    world = named(conn, build(conn))
    asked = order(conn, world)
    turn(conn, NOW)
    assert prealerting.reserved(conn, NOW) == {asked.id: world.neuro}
    assert told(conn) == [("Reader", "product"), ("Reader", "sms"), ("Reader", "voice")]
    turn(conn, NOW + MINUTE)
    assert len(told(conn)) == 3
    alert = prealerting.for_reader(conn, world.neuro, NOW)[0]
    prealerting.answer(conn, alert.id, world.neuro, ready=True)
    item = arrives(conn, asked, NOW + 8 * MINUTE)
    turn(conn, NOW + 8 * MINUTE)
    offered = worklist.get(conn, item.id)
    assert (offered.state, offered.offered_to) == (State.OFFERED, world.neuro)
    assert offered.offer_reason == "Code stroke: reserved before the images"
    assert [p.act for p in worklist.proofs_of(conn, item.id)] == ["offer"]
    turn(conn, NOW + 12 * MINUTE)
    assert prealerting.reserved(conn, NOW + 12 * MINUTE) == {}
    assert worklist.get(conn, item.id).offered_to == world.neuro


def test_who_says_not_me_frees_it_for_the_next_and_at_last_the_chief_hears(
    conn: Connection,
) -> None:
    world = named(conn, build(conn))
    second = colleague(conn, world)
    asked = order(conn, world)
    turn(conn, NOW)
    first = prealerting.reserved(conn, NOW)[asked.id]
    other = next(one for one in (world.neuro, second) if one != first)
    alert = prealerting.for_reader(conn, first, NOW)[0]
    prealerting.answer(conn, alert.id, first, ready=False)
    assert prealerting.for_reader(conn, first, NOW) == []
    turn(conn, NOW)
    assert prealerting.reserved(conn, NOW) == {asked.id: other}
    with pytest.raises(Conflict):
        prealerting.answer(conn, alert.id, first, ready=True)
    prealerting.answer(conn, alert.id, other, ready=False)
    turn(conn, NOW)
    assert prealerting.reserved(conn, NOW) == {}
    turn(conn, NOW + MINUTE)
    assert [one for one in told(conn) if one[0] == "Chief"] == [
        ("Chief", "sms"), ("Chief", "voice"),
    ]  # fmt: skip


def test_silence_passes_it_on_and_a_yes_keeps_it(conn: Connection) -> None:
    world = build(conn)
    colleague(conn, world)
    asked = order(conn, world)
    turn(conn, NOW)
    first = prealerting.reserved(conn, NOW)[asked.id]
    turn(conn, NOW + PATIENCE)
    second = prealerting.reserved(conn, NOW)[asked.id]
    assert second != first
    alert = prealerting.for_reader(conn, second, NOW)[0]
    prealerting.answer(conn, alert.id, second, ready=True)
    turn(conn, NOW + 5 * PATIENCE)
    assert prealerting.reserved(conn, NOW) == {asked.id: second}


def test_who_reads_something_and_promised_nothing_holds_nobody_up(conn: Connection) -> None:
    world = build(conn)
    second = colleague(conn, world)
    asked = order(conn, world)
    turn(conn, NOW)
    first = prealerting.reserved(conn, NOW)[asked.id]
    routine = order(
        conn, world, "Headache", NOW, "LM901", requested_priority="R", patient_class="O"
    )
    other = arrives(conn, routine, NOW)
    directory = network.directory(conn, NOW)
    claims.claim(conn, other, directory.readers[first], directory, NOW, MINUTE)
    item = arrives(conn, asked, NOW)
    turn(conn, NOW)
    free = second if first == world.neuro else world.neuro
    assert worklist.get(conn, item.id).offered_to == free
    assert prealerting.reserved(conn, NOW) == {}


def test_an_alert_without_images_expires(conn: Connection) -> None:
    world = build(conn)
    order(conn, world)
    turn(conn, NOW)
    turn(conn, NOW + LASTS)
    assert prealerting.reserved(conn, NOW) == {}


def test_a_cancelled_order_frees_the_reader(conn: Connection) -> None:
    world = build(conn)
    asked = order(conn, world)
    turn(conn, NOW)
    order(conn, world, status="cancelled")
    assert prealerting.reserved(conn, NOW) == {}
    assert asked.id == orders.search(conn, 1)[0].id


def test_the_reader_gets_no_routine_exam_once_the_stroke_is_imminent(conn: Connection) -> None:
    world = build(conn)
    asked = order(conn, world)
    turn(conn, NOW)
    later = NOW + 11 * MINUTE
    routine = order(
        conn, world, "Headache for years", NOW, "LM901", requested_priority="R",
        patient_class="O",
    )  # fmt: skip
    waits = arrives(conn, routine, later)
    conn.exec_driver_sql("update items set images_complete = true")
    turn(conn, later)
    assert worklist.get(conn, waits.id).offered_to is None
    item = arrives(conn, asked, later)
    turn(conn, later)
    assert worklist.get(conn, item.id).offered_to == world.neuro
    turn(conn, NOW + LASTS)
    assert worklist.get(conn, waits.id).offered_to is None  # one offer at a time


def test_a_claimed_or_declined_exam_ends_the_alert(conn: Connection) -> None:
    world = build(conn)
    asked = order(conn, world)
    turn(conn, NOW)
    item = arrives(conn, asked, NOW)
    directory = turn(conn, NOW)
    reader = directory.readers[world.neuro]
    decline(conn, worklist.get(conn, item.id), reader, "busy", "", NOW)
    turn(conn, NOW)
    assert prealerting.reserved(conn, NOW) == {}
    again = order(conn, world, accession="LM902")
    turn(conn, NOW)
    second = arrives(conn, again, NOW)
    claims.claim(conn, worklist.get(conn, second.id), reader, directory, NOW, MINUTE)
    turn(conn, NOW)
    assert prealerting.reserved(conn, NOW) == {}


@pytest.mark.parametrize(
    ("question", "said", "kind"),
    [
        ("Code stroke", {}, "stroke"),
        ("left MCA syndrome, LVO?", {}, "stroke"),
        ("salvo of ectopic beats", {}, ""),
        ("Fall", {"procedure_text": "CT TRAUMA ACTIVATION pan scan"}, "trauma"),
        ("MVC, LEVEL 1 TRAUMA", {"requested_priority": "R"}, "trauma"),
        ("Headache", {}, ""),
        ("Code stroke", {"status": "complete"}, ""),
    ],
)
def test_an_alert_is_told_by_the_orders_words(
    conn: Connection, question: str, said: dict[str, str], kind: str
) -> None:
    world = build(conn)
    assert kind_of(order(conn, world, question, **said)) == kind


def test_only_the_group_that_is_asked_sees_and_answers_an_alert(fresh: Databases) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = named(conn, build(conn))
        order(conn, world)
        turn(conn, NOW)
        alert = prealerting.for_reader(conn, world.neuro, NOW)[0]
    stranger = frozenset({GroupId(UUID(int=99))})
    with transaction(fresh.app, stranger) as conn:
        with pytest.raises(NotFound):
            prealerting.answer(conn, alert.id, ReaderId(UUID(int=9)), ready=True)
        assert notices.history(conn, [], 9) == []
        assert notices.contacts(conn) == []
    with transaction(fresh.app, frozenset({world.partner})) as conn:
        prealerting.answer(conn, alert.id, world.neuro, ready=True)
        assert [one.role for one in notices.contacts(conn)] == [READER]
        assert len(notices.history(conn, [], 9)) == 3
    with transaction(fresh.app, frozenset({world.owner})) as conn:
        assert prealerting.for_reader(conn, world.neuro, NOW)[0].answer == "yes"
        assert [one.role for one in notices.contacts(conn)] == [CHIEF]
