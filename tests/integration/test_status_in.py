"""A site's own system says who reads there: not offered, not claimed, nothing lost."""

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.kernel.errors import Conflict, Invalid
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.orders import service as orders
from confrere.reading import doubles
from confrere.reading import service as reading
from confrere.reading.model import FINAL
from confrere.wiring import exams
from confrere.worklist import outside
from confrere.worklist import service as worklist
from confrere.worklist.dispatch import dispatch
from confrere.worklist.model import SILENT, Item, State
from tests.database import Databases
from tests.integration.beside_house import (
    LEASE,
    TEXT,
    claim,
    complete,
    look,
    receive,
    report,
    settle,
    status,
    told,
    world_told,
)
from tests.integration.reading_room import Room, reading_room
from tests.integration.world import NOW, World, build, order_message

MINUTE = timedelta(minutes=1)


def hear(conn: Connection, world: World, raw: bytes, at: datetime = NOW) -> None:
    kept = receive(conn, world, raw, at)
    assert delivery.received(conn, kept).state == "done", delivery.received(conn, kept).reason
    exams.order_changed(conn, orders.search(conn, 1, accession="LM100")[0].id, at)


def offered(conn: Connection, item: Item, at: datetime) -> Item:
    directory = network.directory(conn, at)
    outside.note_silence(conn, directory, at)
    dispatch(conn, directory, at)
    return worklist.get(conn, item.id)


def test_what_the_site_reads_is_not_offered_and_not_claimed_until_it_lets_go(
    conn: Connection,
) -> None:
    world = build(conn)
    item = complete(conn, world)
    assert item.offered_to == world.neuro
    hear(conn, world, status("IP", at=NOW + MINUTE), NOW + MINUTE)
    there = offered(conn, item, NOW + 2 * MINUTE)
    assert (there.offered_to, there.outside_by) == (None, "Smith, Sam")
    assert there.outside_since == NOW + MINUTE
    with pytest.raises(Conflict, match=r"Smith, Sam at Lakeshore Memorial.*take it over"):
        claim(conn, there, world.neuro, NOW + 2 * MINUTE)
    hear(conn, world, status("CM", at=NOW + 5 * MINUTE), NOW + 5 * MINUTE)
    assert offered(conn, item, NOW + 6 * MINUTE).offered_to == world.neuro


def test_a_claim_that_races_the_sites_word_loses(conn: Connection) -> None:
    world = build(conn)
    seen = complete(conn, world)
    hear(conn, world, status("IP", at=NOW + MINUTE), NOW + MINUTE)
    with pytest.raises(Conflict, match="the site reads this exam itself"):
        claim(conn, seen, world.neuro, NOW + MINUTE)


def test_repeated_and_late_messages_change_nothing(conn: Connection) -> None:
    world = build(conn)
    item = complete(conn, world)
    said = [
        status("IP", at=NOW + MINUTE),
        status("CM", at=NOW + 2 * MINUTE),
        status("IP", "P", at=NOW + 3 * MINUTE),
    ]
    for number, order in enumerate(itertools.permutations(said)):
        for raw in (*order, *order):
            hear(conn, world, raw, NOW + 10 * MINUTE)
        there = worklist.get(conn, item.id)
        assert (there.outside_word, there.outside_since) == ("preliminary", NOW + 3 * MINUTE)
        assert orders.get(conn, item.orders[0]).content.status == "complete", number


@pytest.mark.parametrize("course", list(itertools.permutations(range(3))))
def test_any_order_of_messages_leaves_the_same_exam(
    conn: Connection, course: tuple[int, ...]
) -> None:
    world = build(conn)
    placed = order_message(status="SC")
    done = order_message(status="CM", control="DONE").replace(
        b"0900-0600||ORM", b"0905-0600||ORM"
    )
    reads = status("IP", reader="", at=NOW + 20 * MINUTE)
    for one in course:
        hear(conn, world, (placed, done, reads)[one], NOW + 30 * MINUTE)
    order = orders.search(conn, 1, accession="LM100")[0]
    item = worklist.of_exam(conn, world.owner, None, [order.id])[0]
    assert (order.content.status, item.outside_word, item.outside_since) == (
        "complete", "being read", NOW + 20 * MINUTE,
    )  # fmt: skip
    assert item.clock_at == datetime.fromisoformat("2026-11-24T14:50:00+00:00")


def test_in_progress_before_the_exam_is_complete_is_the_acquisition(conn: Connection) -> None:
    world = build(conn)
    hear(conn, world, order_message(status="SC"))
    hear(conn, world, status("IP", reader="", at=NOW - 30 * MINUTE))
    item = complete(conn, world)
    assert item.outside_since is None
    assert item.offered_to == world.neuro


def test_a_site_that_falls_silent_is_flagged_and_the_exam_offered_again(
    conn: Connection,
) -> None:
    world = build(conn)
    item = complete(conn, world)
    hear(conn, world, status("IP", at=NOW + MINUTE), NOW + MINUTE)
    later = NOW + MINUTE + timedelta(minutes=120)
    assert offered(conn, item, later - MINUTE).offered_to is None
    again = offered(conn, item, later)
    assert again.offered_to == world.neuro
    assert SILENT in again.flags
    exams.order_changed(conn, item.orders[0], later)
    assert SILENT in worklist.get(conn, item.id).flags, "a refresh keeps the mark"
    claim(conn, again, world.neuro, later)
    hear(conn, world, status("IP", at=later + MINUTE), later + MINUTE)
    assert SILENT not in worklist.get(conn, item.id).flags, "there is news"


def test_who_holds_it_here_keeps_it_and_the_site_is_told_again(conn: Connection) -> None:
    world = world_told(conn)
    item, hold = claim(conn, complete(conn, world), world.neuro)
    settle(conn, NOW)
    for minute in (1, 2):
        hear(conn, world, status("IP", at=NOW + minute * MINUTE), NOW + minute * MINUTE)
        settle(conn, NOW + minute * MINUTE)
    both = worklist.get(conn, item.id)
    assert (both.held_by, both.outside_by) == (world.neuro, "Smith, Sam")
    assert len(told(conn)) == 2, "once more, and not at every word of the site"
    reading.sign(conn, hold, TEXT, FINAL, network.directory(conn, NOW), NOW + 5 * MINUTE)
    hear(conn, world, report("F", at=NOW + 9 * MINUTE), NOW + 9 * MINUTE)
    (twice,) = doubles.unsettled(conn, world.owner)
    assert (twice.kind, twice.holder) == ("second report", "Novak, Nina")
    found = reading.of_exam(conn, None, item.orders)
    assert sorted(one.origin for one in found) == ["confrere", "external"]
    hear(conn, world, report("F", at=NOW + 9 * MINUTE), NOW + 10 * MINUTE)
    assert len(doubles.unsettled(conn, world.owner)) == 1


def test_the_sites_report_first_closes_it_and_keeps_what_was_written(conn: Connection) -> None:
    world = world_told(conn)
    item, hold = claim(conn, complete(conn, world), world.neuro)
    settle(conn, NOW)
    reading.save_draft(conn, hold, TEXT, 0, NOW + MINUTE, LEASE)
    hear(conn, world, report("F", at=NOW + 2 * MINUTE), NOW + 2 * MINUTE)
    closed = worklist.get(conn, item.id)
    assert (closed.state, closed.held_by) == (State.EXTERNAL, None)
    with pytest.raises(Conflict, match="the site's own report closed it"):
        reading.sign(conn, hold, TEXT, FINAL, network.directory(conn, NOW), NOW + 3 * MINUTE)
    (twice,) = doubles.unsettled(conn, world.owner)
    assert twice.kind == "while read here"
    assert twice.here
    assert reading.get(conn, twice.here).draft["impression"] == "Bleed."
    look(conn, NOW + 3 * MINUTE)
    assert b"|CM||||20261124150200+0000" in told(conn)[-1].content, "our lock ends at the site"
    doubles.settle(conn, twice.id, "same finding", "Pat", NOW + 4 * MINUTE)
    assert doubles.unsettled(conn, world.owner) == []
    with pytest.raises(Conflict):
        doubles.settle(conn, twice.id, "again", "Pat", NOW + 4 * MINUTE)


def test_our_own_words_that_a_system_sends_back_are_not_the_sites(conn: Connection) -> None:
    world = world_told(conn)
    item, hold = claim(conn, complete(conn, world), world.neuro)
    settle(conn, NOW)
    npi = network.reader(conn, world.neuro, NOW).npi
    hear(conn, world, status("IP", reader=f"{npi}&Novak&Nina", at=NOW + MINUTE), NOW + MINUTE)
    hear(conn, world, status("IP", reader="&NOVAK&NINA", at=NOW + MINUTE), NOW + MINUTE)
    assert worklist.get(conn, item.id).outside_since is None
    version = reading.sign(
        conn, hold, TEXT, FINAL, network.directory(conn, NOW), NOW + 2 * MINUTE
    )
    back = version.text.replace("\n", "\\.br\\")
    hear(conn, world, report("F", back, NOW + 3 * MINUTE), NOW + 3 * MINUTE)
    assert doubles.unsettled(conn, world.owner) == []


def test_a_preliminary_report_and_in_process_lock_it_a_later_preliminary_does_not_undo_final(
    conn: Connection,
) -> None:
    world = build(conn)
    item = complete(conn, world)
    hear(conn, world, report("I", at=NOW + MINUTE), NOW + MINUTE)
    assert worklist.get(conn, item.id).outside_word == "being read"
    assert reading.of_exam(conn, None, item.orders) == [], "a status brings no report"
    hear(conn, world, report("P", at=NOW + 2 * MINUTE), NOW + 2 * MINUTE)
    assert worklist.get(conn, item.id).outside_word == "preliminary"
    hear(conn, world, report("F", "Final.", at=NOW + 3 * MINUTE), NOW + 3 * MINUTE)
    hear(conn, world, report("P", "Late.", at=NOW + 2 * MINUTE), NOW + 4 * MINUTE)
    hear(conn, world, report("F", "Older.", at=NOW + MINUTE), NOW + 5 * MINUTE)
    (kept,) = reading.of_exam(conn, None, item.orders)
    assert reading.versions(conn, [kept.id])[kept.id][-1].text == "Final."
    assert worklist.get(conn, item.id).state is State.EXTERNAL


def test_a_person_takes_it_over_with_a_reason_until_the_site_speaks_again(
    conn: Connection,
) -> None:
    world = build(conn)
    item = complete(conn, world)
    site = network.site(conn, world.site)
    with pytest.raises(Conflict, match="can be claimed as it is"):
        outside.take_over(conn, item, site, "asked", "Pat", NOW)
    hear(conn, world, status("IP", at=NOW + MINUTE), NOW + MINUTE)
    there = worklist.get(conn, item.id)
    with pytest.raises(Invalid, match="whom you asked"):
        outside.take_over(conn, there, site, " ", "Pat", NOW + 2 * MINUTE)
    opened = outside.take_over(conn, there, site, "called them", "Pat", NOW + 2 * MINUTE)
    assert opened.outside_since is None
    assert offered(conn, item, NOW + 3 * MINUTE).offered_to == world.neuro
    hear(conn, world, status("IP", at=NOW + MINUTE), NOW + 4 * MINUTE)
    assert worklist.get(conn, item.id).outside_since is None, "the old word again is no news"
    hear(conn, world, status("IP", at=NOW + 5 * MINUTE), NOW + 5 * MINUTE)
    assert worklist.get(conn, item.id).outside_since == NOW + 5 * MINUTE


@pytest.fixture
def room(fresh: Databases, tmp_path: Path) -> Iterator[Room]:
    with reading_room(fresh, tmp_path, tmp_path) as made:
        yield made


def begins(room: Room) -> None:
    with transaction(room.made.system, frozenset()) as conn:
        hear(conn, room.world, status("IP", at=NOW - MINUTE), NOW - MINUTE)


def test_the_pages_say_who_reads_it_there_and_let_the_owner_take_it_over(room: Room) -> None:
    begins(room)
    general = room.reader("general")
    page = general.get(room.path).text
    assert "Read at the site." in page
    assert "Smith, Sam at Lakeshore Memorial has been reading this exam since" in page
    assert "Take over" in page
    assert general.get(room.api).json()["mode"] == "outside"
    rows = general.get("/worklist/rows").text
    assert "At the site" in rows
    refused = room.reader("neuro").post(f"{room.api}/claim")
    assert refused.status_code == 404, "its group does not see the exam any more"
    path = f"{room.path}/take-over"
    assert general.post(path, data={"reason": "no"}).status_code == 422
    assert general.post(path, data={"reason": "called the reading room"}).status_code == 303
    assert room.item_now().outside_since is None
    assert "Read at the site." not in general.get(room.path).text


def test_the_holder_is_told_in_the_page_and_the_program(room: Room) -> None:
    neuro = room.reader("neuro")
    assert neuro.post(f"{room.api}/claim").status_code == 200
    assert neuro.get(room.api).json()["outside"] == ""
    begins(room)
    assert "Smith, Sam" in neuro.get(room.api).json()["outside"]
    assert neuro.get(room.api).json()["mode"] == "mine"
    assert "Also read at the site." in neuro.get(room.path).text
    manager = room.browser(room.person(Role.GROUP_MANAGER, room.world.owner, None))
    assert "Also read at the site." in manager.get(room.path).text
