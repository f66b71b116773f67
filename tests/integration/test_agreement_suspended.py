"""An agreement that stops in the middle of a read, and one whose daily cap is reached."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.kernel.errors import Conflict, DomainError, Refused
from confrere.kernel.ids import ItemId, ReaderId
from confrere.network import opt_outs, signing
from confrere.network import service as network
from confrere.network.model import OptOut
from confrere.network.signing import By
from confrere.orders import service as orders
from confrere.reading import service as reading
from confrere.wiring.exams import order_changed
from confrere.worklist import claims
from confrere.worklist import service as worklist
from confrere.worklist.dispatch import dispatch
from confrere.worklist.model import Item, State
from tests.database import Databases
from tests.integration.reading_room import Room, reading_room
from tests.integration.test_study_page_reading import TEXT, claimed, sign
from tests.integration.test_worklist import offered, receive
from tests.integration.world import (
    NOW,
    World,
    build,
    order_message,
    reader,
    resume,
    suspend,
    terms_of,
)

LEASE = timedelta(minutes=30)


@pytest.fixture
def room(fresh: Databases, tmp_path: Path) -> Iterator[Room]:
    with reading_room(fresh, tmp_path, tmp_path) as made:
        yield made


def turn(conn: Connection) -> None:
    """One round of the dispatcher."""
    dispatch(conn, network.directory(conn, NOW), NOW)


def test_a_suspension_in_the_middle_of_a_read_loses_nothing(room: Room) -> None:
    reader = room.reader("neuro")
    token = claimed(room, reader)
    draft = {"token": token, "version": 0, "sections": TEXT}
    assert reader.put(f"{room.api}/draft", json=draft).status_code == 200
    with transaction(room.made.system, frozenset()) as conn:
        suspend(conn, room.world)
    refusal = sign(room, reader, token)
    assert refusal.status_code == 403
    for words in ("suspended (staffing)", "Your draft is kept", "may resume", "takes the exam"):
        assert words in refusal.json()["error"]
    with transaction(room.made.system, frozenset()) as conn:
        turn(conn)
    item = room.item_now()
    assert (item.held_by, item.offered_to, item.state) == (None, None, State.WAITING)
    later = sign(room, reader, token)
    assert later.status_code == 409
    assert "went back to its own group" in later.json()["error"]
    assert "draft is kept" in reader.get(room.path).text
    with transaction(room.made.system, frozenset()) as conn:
        resume(conn, room.world)
        turn(conn)
    token = claimed(room, reader)
    kept = reader.get(room.api).json()["report"]["draft"]["sections"]
    assert kept["findings"] == TEXT["findings"]
    assert sign(room, reader, token).status_code == 200


def test_a_reader_of_the_owner_group_takes_the_exam_over_and_the_draft_is_kept(
    room: Room,
) -> None:
    reader = room.reader("neuro")
    token = claimed(room, reader)
    draft = {"token": token, "version": 0, "sections": TEXT}
    reader.put(f"{room.api}/draft", json=draft)
    with transaction(room.made.system, frozenset()) as conn:
        twin = network.reader(conn, room.world.neuro, NOW)
        home = replace(
            twin, id=ReaderId(uuid4()), group=room.world.owner, name="Hale, Hugo", npi=""
        )
        mine = network.add_reader(conn, home)
        suspend(conn, room.world)
        turn(conn)
        item = worklist.get(conn, room.item)
        assert item.offered_to == mine
        directory = network.directory(conn, NOW)
        taken = claims.claim(conn, item, directory.readers[mine], directory, NOW, LEASE)
        begun = reading.open_report(conn, taken, directory.readers[mine], NOW)
        assert begun.draft == {}, "a draft is its group's own"
    with transaction(room.made.app, frozenset({room.world.partner})) as conn:
        kept = reading.of_item(conn, room.item)
        assert kept is not None
        assert kept.draft["findings"] == TEXT["findings"]


def test_what_is_kept_home_meanwhile_goes_back_too(conn: Connection) -> None:
    world = build(conn)
    item = held(conn, world)
    opt_outs.keep_home(
        conn, OptOut(UUID(int=0), world.owner, NOW.date(), procedure="head", reason="trial")
    )
    turn(conn)
    after = worklist.get(conn, item.id)
    assert (after.held_by, after.offered_to) == (None, None)


def test_a_read_begun_in_the_agreements_hours_is_finished_after_them(conn: Connection) -> None:
    world = build(conn)
    item = held(conn, world)
    night = replace(
        terms_of(signing.get(conn, world.agreement)),
        window_start=(NOW - timedelta(hours=8)).time(),  # NOW is 09:00 in Chicago
        window_end=(NOW - timedelta(hours=5, minutes=30)).time(),
    )
    change(conn, world, night)
    later = NOW + timedelta(hours=1)
    dispatch(conn, network.directory(conn, later), later)
    assert worklist.get(conn, item.id).held_by == world.neuro
    directory = network.directory(conn, later)
    reader = directory.readers[world.neuro]
    claims.prove(conn, item, reader, directory, "sign", later, "final")
    with pytest.raises(Refused, match="does not include over-read reads"):
        claims.prove(conn, item, reader, directory, "sign", later, "over-read")


def change(conn: Connection, world: World, terms: object) -> None:
    """Both sides sign other terms."""
    number = signing.amend(conn, world.agreement, terms, By(world.owner, "O"), NOW)  # type: ignore[arg-type]
    signing.sign(conn, world.agreement, number, By(world.partner, "R"), NOW)


def held(conn: Connection, world: World) -> Item:
    item = offered(conn, world)
    directory = network.directory(conn, NOW)
    return claims.claim(conn, item, directory.readers[world.neuro], directory, NOW, LEASE)


def capped(conn: Connection, world: World, cap: int, exams: int) -> list[ItemId]:
    terms = terms_of(signing.get(conn, world.agreement))
    change(conn, world, replace(terms, daily_cap=cap))
    for n in range(exams):
        receive(conn, world, order_message(f"LM{n}", mrn=f"M{n}", control=f"C{n}", status="CM"))
    for order in orders.search(conn, exams):
        order_changed(conn, order.id, NOW)
    assert len(worklist.open_items(conn)) == exams
    return [one.id for one in worklist.open_items(conn)]


def test_no_more_is_offered_than_the_daily_cap_leaves(conn: Connection) -> None:
    world = build(conn)
    for name in ("Noor, Nadia", "Nash, Nora"):
        twin = reader(world.partner, name, {"neuro"}, world.site, "IL", NOW)
        network.add_reader(conn, twin)
    ids = capped(conn, world, 2, 4)
    turn(conn)
    turn(conn)
    items = [worklist.get(conn, one) for one in ids]
    offers = [one for one in items if one.offered_to]
    assert len(offers) == 2, "three are idle, two may be offered"
    directory = network.directory(conn, NOW)
    for one in offers:
        whose = directory.readers[one.offered_to]  # type: ignore[index]
        claims.claim(conn, one, whose, directory, NOW, LEASE)
    turn(conn)
    assert sum(worklist.get(conn, one).offered_to is not None for one in ids) == 2
    waiting = [one for one in items if not one.offered_to]
    neuro = directory.readers[world.neuro]
    with pytest.raises(Refused, match="2 exams of today are taken"):
        claims.claim(conn, waiting[0], neuro, directory, NOW, LEASE)
    tomorrow = NOW + timedelta(hours=16)
    dispatch(conn, network.directory(conn, tomorrow), tomorrow)
    assert any(worklist.get(conn, one.id).offered_to for one in waiting)


def test_claims_at_once_do_not_pass_the_cap(fresh: Databases) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
        ids = capped(conn, world, 2, 6)
        directory = network.directory(conn, NOW)
        items = [worklist.get(conn, one) for one in ids]
    reader, gate = directory.readers[world.neuro], Barrier(3)
    won: list[ItemId] = []

    def race(mine: list[Item]) -> None:
        gate.wait()
        for item in mine:
            try:
                with transaction(fresh.system, frozenset()) as conn:
                    claims.claim(conn, item, reader, directory, NOW, LEASE)
                won.append(item.id)
            except (DomainError, Conflict):
                pass

    racers = [Thread(target=race, args=(items[n::3],)) for n in range(3)]
    for one in racers:
        one.start()
    for one in racers:
        one.join()
    assert len(won) == 2
