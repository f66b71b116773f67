"""A lead moves an exam: reasons, rules, walls, the dispatcher's respect, and taking it back."""

import threading
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.kernel.errors import Conflict, Invalid, NotFound, Refused
from confrere.kernel.ids import ReaderId
from confrere.network import credentialing
from confrere.network import service as network
from confrere.network.credentials import RELATIVE, Exclusion
from confrere.network.model import Reader
from confrere.network.records import Recorded
from confrere.worklist import claims, moving
from confrere.worklist import service as worklist
from confrere.worklist.board import Move
from confrere.worklist.dispatch import dispatch
from confrere.worklist.model import ASSIGNED, Item, State
from confrere.worklist.moving import Order
from tests.database import Databases
from tests.integration.test_worklist import claimed, offered
from tests.integration.world import NOW, World, build, suspend

WHY = "Nina leaves for the stroke conference"
LEASE = timedelta(minutes=30)


def rival_of(conn: Connection, world: World, **changes: object) -> Reader:
    """Another reader of the partner group who may read the exam as well."""
    twin = replace(
        network.reader(conn, world.neuro, NOW), id=ReaderId(uuid4()), name="Rowe, Rita", npi="",
        **changes,  # type: ignore[arg-type]
    )  # fmt: skip
    return network.reader(conn, network.add_reader(conn, twin), NOW)


def lead(world: World, **changes: object) -> Order:
    return replace(Order("Lea Lead", world.owner, WHY), **changes)  # type: ignore[arg-type]


def give(conn: Connection, item: Item, to: Reader, order: Order) -> Move:
    return moving.move(conn, item.id, to, order, network.directory(conn, NOW), NOW)


def test_a_moved_exam_stays_with_that_reader_and_is_proved(conn: Connection) -> None:
    world = build(conn)
    item = offered(conn, world)
    rita = rival_of(conn, world)
    made = give(conn, item, rita, lead(world))
    assert (made.from_reader, made.to_reader, made.was_held) == (world.neuro, rita.id, False)
    for _ in range(2):
        dispatch(conn, network.directory(conn, NOW), NOW)
    after = worklist.get(conn, item.id)
    assert (after.offered_to, after.flags[-1]) == (rita.id, ASSIGNED)
    assert after.offer_reason == f"given to you by Lea Lead: {WHY}"
    proof = worklist.proofs_of(conn, item.id)[-1]
    assert (proof.act, proof.attested_by, proof.attestation) == ("assign", "Lea Lead", WHY)
    assert proof.agreement == world.agreement


def test_the_dispatcher_takes_it_up_again_when_that_reader_may_not_or_is_gone(
    conn: Connection,
) -> None:
    world = build(conn)
    item = offered(conn, world)
    rita = rival_of(conn, world)
    give(conn, item, rita, lead(world))
    later = NOW + timedelta(days=3)  # her shift is over
    dispatch(conn, network.directory(conn, later), later)
    after = worklist.get(conn, item.id)
    assert (after.offered_to, ASSIGNED in after.flags) == (None, False)


def test_an_own_reader_keeps_a_moved_exam_only_while_the_rules_allow_it(
    conn: Connection,
) -> None:
    world = build(conn)
    item = offered(conn, world)
    own = rival_of(conn, world, group=world.owner)
    give(conn, item, own, lead(world))
    dispatch(conn, network.directory(conn, NOW), NOW)
    assert worklist.get(conn, item.id).offered_to == own.id
    barred = Exclusion(own.id, RELATIVE, patient=item.patient)
    credentialing.exclude(conn, world.owner, barred, Recorded("Pat", NOW))
    dispatch(conn, network.directory(conn, NOW), NOW)
    after = worklist.get(conn, item.id)
    assert (after.offered_to, ASSIGNED in after.flags) == (world.neuro, False)


def test_what_is_claimed_is_taken_only_with_knowledge_and_tells_the_holder(
    conn: Connection,
) -> None:
    world = build(conn)
    item, hold = claimed(conn, world)
    rita = rival_of(conn, world)
    with pytest.raises(Conflict, match="Novak, Nina has begun to read"):
        give(conn, item, rita, lead(world))
    made = give(conn, item, rita, lead(world, holder=world.neuro))
    assert made.was_held
    with pytest.raises(Conflict, match="Lea Lead gave this exam to Rowe, Rita"):
        claims.confirm(conn, item.id, world.neuro, hold.token, NOW)
    assert moving.moved_from(conn, item.id, world.neuro) == made
    assert moving.moved_from(conn, item.id, rita.id) is None


def test_a_move_is_taken_back_within_two_minutes_with_the_same_hold(conn: Connection) -> None:
    world = build(conn)
    item, hold = claimed(conn, world)
    made = give(conn, item, rival_of(conn, world), lead(world, holder=world.neuro))
    directory = network.directory(conn, NOW)
    soon = NOW + timedelta(minutes=1)
    with pytest.raises(NotFound):
        moving.take_back(conn, made.id, world.partner, directory, soon)
    with pytest.raises(Conflict, match="two minutes"):
        moving.take_back(conn, made.id, world.owner, directory, NOW + timedelta(minutes=3))
    moving.take_back(conn, made.id, world.owner, directory, soon)
    again = claims.confirm(conn, item.id, world.neuro, hold.token, soon)
    assert again.state is State.HELD
    assert again.lease_until == item.lease_until + timedelta(minutes=1)
    assert ASSIGNED not in again.flags
    assert moving.moved_from(conn, item.id, world.neuro) is None
    with pytest.raises(Conflict):
        moving.take_back(conn, made.id, world.owner, directory, soon)


def test_what_may_no_longer_be_theirs_waits_when_it_is_taken_back(conn: Connection) -> None:
    world = build(conn)
    item = offered(conn, world)
    made = give(conn, item, rival_of(conn, world), lead(world))
    suspend(conn, world)
    back = moving.take_back(
        conn, made.id, world.owner, network.directory(conn, NOW), NOW + timedelta(minutes=1)
    )
    assert (back.state, back.offered_to) == (State.WAITING, None)


def test_a_move_is_not_taken_back_from_who_has_begun(conn: Connection) -> None:
    world = build(conn)
    item = offered(conn, world)
    rita = rival_of(conn, world)
    made = give(conn, item, rita, lead(world))
    directory = network.directory(conn, NOW)
    claims.claim(conn, worklist.get(conn, item.id), rita, directory, NOW, LEASE)
    with pytest.raises(Conflict, match="Rowe, Rita has begun"):
        moving.take_back(conn, made.id, world.owner, directory, NOW)


def test_rules_roster_reasons_and_ownership_stand_before_a_lead(conn: Connection) -> None:
    world = build(conn)
    item = offered(conn, world)
    rita = rival_of(conn, world)
    off = rival_of(conn, world, shifts=())
    general, unlicensed = (
        network.reader(conn, one, NOW) for one in (world.general, world.unlicensed)
    )
    with pytest.raises(Invalid, match="reason in at least"):
        give(conn, item, rita, lead(world, reason="busy"))
    with pytest.raises(Refused, match="only the group that owns"):
        give(conn, item, rita, lead(world, group=world.partner))
    with pytest.raises(Refused, match="SCOPE"):
        give(conn, item, general, lead(world))
    with pytest.raises(Refused, match="LIC_PATIENT"):
        give(conn, item, unlicensed, lead(world))
    with pytest.raises(Refused, match="not on duty"):
        give(conn, item, off, lead(world))
    suspend(conn, world)
    with pytest.raises(Refused, match="CONSENT_ORG"):
        give(conn, item, rita, lead(world))
    assert moving.last_move(conn, item.id) is None


def test_of_two_leads_the_second_learns_what_the_first_did(fresh: Databases) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
        item = offered(conn, world)
        both = [rival_of(conn, world) for _ in range(2)]
    start, won, lost = threading.Barrier(2), [], []

    def run(to: Reader) -> None:
        with transaction(fresh.app, frozenset({world.owner})) as conn:
            directory = network.directory(conn, NOW)
            start.wait()
            try:
                won.append(moving.move(conn, item.id, to, lead(world), directory, NOW))
            except Conflict as error:
                lost.append(str(error))

    threads = [threading.Thread(target=run, args=(one,)) for one in both]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(won) == 1
    assert lost == ["Lea Lead gave this exam to Rowe, Rita meanwhile; look again"]


def test_both_readers_groups_see_the_move_and_nobody_else(fresh: Databases) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
        item, _ = claimed(conn, world)
        rita = rival_of(conn, world)
        third = network.add_group(
            conn, replace(network.directory(conn, NOW).groups[world.owner], code="OTH")
        )
    with transaction(fresh.app, frozenset({world.owner})) as conn:
        give(conn, item, rita, lead(world, holder=world.neuro))
    with transaction(fresh.app, frozenset({world.partner})) as conn:
        assert moving.moved_from(conn, item.id, world.neuro) is not None
        assert worklist.get(conn, item.id).offered_to == rita.id
    with transaction(fresh.app, frozenset({third})) as conn:
        assert moving.last_move(conn, item.id) is None
