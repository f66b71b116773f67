"""What a round of the dispatcher does beside choosing: silence, bundles, settings of groups."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.kernel.errors import Refused
from confrere.kernel.ids import GroupId, ItemId, ReaderId
from confrere.network import rostering, signing
from confrere.network import service as network
from confrere.network.routing_settings import PULL, PUSH, RoutingSettings
from confrere.network.signing import By
from confrere.worklist import claims, store
from confrere.worklist import service as worklist
from confrere.worklist.asking import asked_aside
from confrere.worklist.dispatch import Dispatcher
from confrere.worklist.model import NO_ANSWER, PUT_ASIDE, Item
from tests.integration.world import NOW, World, agreed, build, npi_of, terms_of

LEASE = timedelta(minutes=30)
MINUTES = {"stat": 30, "ed": 60, "inpatient": 240, "routine": 1440}


@pytest.fixture
def world(conn: Connection) -> World:
    """The small collaborative with two neuroradiologists of the partner group."""
    made = build(conn)
    twin(conn, made, "Second, Sam")
    return made


def twin(conn: Connection, world: World, name: str) -> ReaderId:
    like = network.reader(conn, world.neuro, NOW)
    return network.add_reader(
        conn, replace(like, id=ReaderId(uuid4()), name=name, npi=npi_of(name))
    )


def neuros(conn: Connection, world: World) -> list[ReaderId]:
    return [
        one.id
        for one in network.readers(conn, NOW)
        if one.group == world.partner and one.id != world.unlicensed
    ]


def exam(
    conn: Connection, world: World, level: str = "stat", at: datetime = NOW, **more: object
) -> ItemId:
    """A neuro CT that waits, complete at `at`."""
    values = {
        "owner_group": world.owner, "site_id": world.site, "kind": "read", "state": "waiting",
        "priority": level, "modality": "CT", "subspecialty": "neuro",
        "description": "CT head", "minutes": 6, "wrvu": Decimal("0.85"),
        "images_complete": True, "clock_at": at, "created_at": at, "updated_at": at,
        "due_at": at + timedelta(minutes=MINUTES[level]), "order_ids": [], "accessions": [],
    } | more  # fmt: skip
    return store.add(conn, values).id


def turn(conn: Connection, at: datetime = NOW, by: Dispatcher | None = None) -> None:
    (by or Dispatcher()).round(conn, network.directory(conn, at), at)


def take(conn: Connection, item: ItemId, at: datetime = NOW) -> Item:
    """Who is offered an exam claims it."""
    one = worklist.get(conn, item)
    directory = network.directory(conn, at)
    assert one.offered_to is not None
    return claims.claim(conn, one, directory.readers[one.offered_to], directory, at, LEASE)


def offered_to(conn: Connection, *items: ItemId) -> list[ReaderId | None]:
    return [worklist.get(conn, one).offered_to for one in items]


def want(conn: Connection, group: GroupId, **settings: object) -> None:
    network.set_routing(conn, group, RoutingSettings(**settings))  # type: ignore[arg-type]


def sign_on(conn: Connection, *readers: ReaderId, at: datetime = NOW) -> None:
    for one in readers:
        rostering.sign_on(conn, one, at - timedelta(minutes=5))


def test_an_offer_without_an_answer_goes_to_another_idle_reader_with_a_mark(
    conn: Connection, world: World
) -> None:
    sign_on(conn, *neuros(conn, world))
    item = exam(conn, world)
    turn(conn)
    first = offered_to(conn, item)[0]
    turn(conn, NOW + timedelta(seconds=89))
    assert offered_to(conn, item)[0] == first
    turn(conn, NOW + timedelta(seconds=90))
    after = worklist.get(conn, item)
    assert after.offered_to in set(neuros(conn, world)) - {first}
    assert NO_ANSWER in after.flags
    kept = conn.execute(sa.text("select reader_id, reason from declines")).all()
    assert [tuple(row) for row in kept] == [(first, "no answer")]


def test_silence_of_a_reader_who_never_signed_on_means_nothing(
    conn: Connection, world: World
) -> None:
    item = exam(conn, world)
    turn(conn)
    first = offered_to(conn, item)
    turn(conn, NOW + timedelta(minutes=5))
    assert offered_to(conn, item) == first
    assert conn.execute(sa.text("select count(*) from declines")).scalar_one() == 0


def test_an_unanswered_offer_stays_when_nobody_else_is_idle(
    conn: Connection, world: World
) -> None:
    one, other = neuros(conn, world)
    sign_on(conn, one, other)
    items = [exam(conn, world), exam(conn, world)]
    turn(conn)
    before = offered_to(conn, *items)
    assert set(before) == {one, other}
    turn(conn, NOW + timedelta(minutes=3))
    assert offered_to(conn, *items) == before


def test_a_patients_second_exam_goes_to_who_reads_the_first(
    conn: Connection, world: World
) -> None:
    patient = uuid4()
    first = exam(conn, world, "ed", patient_id=patient)
    turn(conn)
    held = take(conn, first)
    second = exam(conn, world, "ed", patient_id=patient)
    turn(conn)
    assert offered_to(conn, second) == [held.held_by]
    assert "same patient" in worklist.get(conn, second).offer_reason
    other = exam(conn, world, "ed", patient_id=uuid4())
    turn(conn)
    assert offered_to(conn, other)[0] not in (held.held_by, None)


def test_a_stat_of_the_same_patient_does_not_wait_for_the_read_to_end(
    conn: Connection, world: World
) -> None:
    patient = uuid4()
    first = exam(conn, world, "ed", patient_id=patient)
    turn(conn)
    held = take(conn, first)
    stat = exam(conn, world, "stat", patient_id=patient)
    late = exam(conn, world, "ed", at=NOW - timedelta(minutes=50), patient_id=patient)
    turn(conn)
    assert offered_to(conn, stat)[0] not in (held.held_by, None)
    assert offered_to(conn, late) == offered_to(conn, stat)  # it is at risk, too


def test_two_exams_of_a_patient_are_one_offer(conn: Connection, world: World) -> None:
    patient = uuid4()
    items = [exam(conn, world, "ed", patient_id=patient) for _ in range(2)]
    turn(conn)
    again = offered_to(conn, *items)
    assert again[0] is not None
    assert again[0] == again[1]
    turn(conn)
    assert offered_to(conn, *items) == again


def test_a_trauma_patients_many_acute_exams_are_read_side_by_side(
    conn: Connection, world: World
) -> None:
    patient = uuid4()
    items = [exam(conn, world, "stat", patient_id=patient, minutes=12) for _ in range(2)]
    turn(conn)
    assert set(offered_to(conn, *items)) == set(neuros(conn, world))


def test_a_stat_is_put_before_a_long_routine_read_where_the_group_wants_that(
    conn: Connection, world: World
) -> None:
    long = [exam(conn, world, "routine", minutes=30) for _ in range(2)]
    turn(conn)
    for one in long:
        take(conn, one)
    stat = exam(conn, world, "stat")
    turn(conn)
    assert PUT_ASIDE not in worklist.get(conn, stat).flags
    want(conn, world.partner, put_aside=True)
    turn(conn)
    asked = worklist.get(conn, stat)
    assert asked.offered_to in neuros(conn, world)
    assert PUT_ASIDE in asked.flags
    assert "put aside what you read" in asked.offer_reason
    assert asked.offered_to is not None
    assert [one.id for one in asked_aside(conn, asked.offered_to)] == [stat]
    take(conn, stat)  # both are held then
    assert {worklist.get(conn, one).state for one in long} == {"held"}


def test_readers_of_a_group_that_wants_it_have_several_offers_at_once(
    conn: Connection, world: World
) -> None:
    items = [exam(conn, world, "routine") for _ in range(6)]
    turn(conn)
    assert len([one for one in offered_to(conn, *items) if one]) == 2
    want(conn, world.partner, ahead=2)
    turn(conn)
    given = [one for one in offered_to(conn, *items) if one]
    assert sorted(given, key=str) == sorted([*neuros(conn, world)] * 2, key=str)
    turn(conn)
    assert [one for one in offered_to(conn, *items) if one] == given


def test_a_group_that_pulls_is_offered_only_what_presses(
    conn: Connection, world: World
) -> None:
    want(conn, world.partner, mode=PULL)
    routine, stat = exam(conn, world, "routine"), exam(conn, world, "stat")
    turn(conn)
    assert offered_to(conn, routine) == [None]
    assert "waits for a reader" in worklist.get(conn, routine).offer_reason
    assert offered_to(conn, stat)[0] in neuros(conn, world)
    late = exam(conn, world, "inpatient", at=NOW - timedelta(minutes=181))
    turn(conn)
    assert offered_to(conn, late)[0] in neuros(conn, world)


def test_a_group_that_pushes_claims_only_what_is_offered(
    conn: Connection, world: World
) -> None:
    want(conn, world.partner, mode=PUSH)
    items = [exam(conn, world, "routine") for _ in range(3)]
    turn(conn)
    spare = next(one for one in items if offered_to(conn, one) == [None])
    directory = network.directory(conn, NOW)
    with pytest.raises(Refused, match="your group reads what is offered"):
        claims.claim(
            conn,
            worklist.get(conn, spare),
            directory.readers[world.neuro],
            directory,
            NOW,
            LEASE,
        )
    acute = exam(conn, world, "ed", at=NOW - timedelta(minutes=46))
    claims.claim(
        conn, worklist.get(conn, acute), directory.readers[world.neuro], directory, NOW, LEASE
    )


def test_an_agreements_hold_keeps_advanced_exams_from_others_than_subspecialists(
    conn: Connection, world: World
) -> None:
    terms = replace(terms_of(agreed(world.owner, world.partner)), hold_share=Decimal("0.25"))
    signing.amend(conn, world.agreement, terms, By(world.owner, "Olga Owner"), NOW)
    signing.sign(conn, world.agreement, 2, By(world.partner, "Rolf Reading"), NOW)
    item = exam(conn, world, "inpatient", advanced=True)
    turn(conn)
    assert offered_to(conn, item) == [None]
    turn(conn, NOW + timedelta(minutes=181))
    assert offered_to(conn, item)[0] in neuros(conn, world)


def test_rounds_that_remember_decide_as_rounds_that_do_not(
    conn: Connection, world: World
) -> None:
    by, remembered, fresh = Dispatcher(), [], []
    for n in range(6):
        at = NOW + timedelta(minutes=7 * n)
        exam(conn, world, ("stat", "routine", "ed")[n % 3], at=at)
        with conn.begin_nested() as both:
            turn(conn, at)
            fresh.append([(i.id, i.offered_to, i.offer_reason) for i in store.open_items(conn)])
            both.rollback()
        turn(conn, at, by)
        remembered.append(
            [(i.id, i.offered_to, i.offer_reason) for i in store.open_items(conn)]
        )
        if n == 3:
            rostering.sign_on(conn, world.neuro, at)
            rostering.pause(conn, world.neuro, at)
    assert remembered == fresh
