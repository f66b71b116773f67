"""Twenty-four at once claim, sign, release and decline: one wins, the others are told who."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.kernel.errors import Conflict, DomainError
from confrere.kernel.ids import ItemId
from confrere.network import service as network
from confrere.network.model import Directory, Reader
from confrere.reading import service as reading
from confrere.reading.service import Hold
from confrere.worklist import claims, store
from confrere.worklist.declining import decline
from confrere.worklist.in_turn import claim_first
from confrere.worklist.model import READ, Item, State
from confrere.worklist.tables import items
from tests.database import Databases
from tests.integration.world import NOW, World, build, reader

RACERS, ROUNDS = 24, 100
LEASE = timedelta(minutes=30)
TEXT = {"findings": "None.", "impression": "Normal."}
Act = Callable[[Connection, Item, Reader], Any]


@dataclass
class Course:
    """A world with as many readers of the owner group as there are racers."""

    databases: Databases
    world: World
    directory: Directory
    readers: list[Reader]
    pool: ThreadPoolExecutor

    def exam(self, **more: Any) -> Item:
        """A new exam of the owner group."""
        values = {
            "owner_group": self.world.owner, "site_id": self.world.site, "kind": READ,
            "state": State.WAITING, "priority": "ed", "modality": "CT", "body_region": "head",
            "subspecialty": "general", "description": "CT", "site_name": "Lakeshore",
            "site_state": "IL", "images_complete": True, "clock_at": NOW,
            "due_at": NOW + timedelta(hours=1), "created_at": NOW, "updated_at": NOW,
        }  # fmt: skip
        with transaction(self.databases.system, frozenset()) as conn:
            return store.add(conn, values | more)

    def run(self, item: Item, act: Act) -> tuple[list[Any], list[DomainError]]:
        """Let all racers act on one exam at once; give what won and what was said to losers."""
        gate = threading.Barrier(RACERS)

        def race(one: Reader) -> Any:
            gate.wait(30)
            try:
                with transaction(self.databases.system, frozenset()) as conn:
                    return act(conn, item, one)
            except DomainError as error:
                return error

        ends = list(self.pool.map(race, self.readers))
        lost = [one for one in ends if isinstance(one, DomainError)]
        return [one for one in ends if not isinstance(one, DomainError)], lost


@pytest.fixture
def course(fresh: Databases) -> Iterator[Course]:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
        made = [
            network.add_reader(
                conn,
                reader(world.owner, f"Racer {n}", {"general"}, world.site, "IL", NOW),
            )
            for n in range(RACERS)
        ]
        directory = network.directory(conn, NOW)
    with ThreadPoolExecutor(RACERS) as pool:
        yield Course(fresh, world, directory, [directory.readers[one] for one in made], pool)


def test_one_reader_gets_the_exam_and_the_others_are_told_who(course: Course) -> None:
    def claim(conn: Connection, item: Item, one: Reader) -> Item:
        return claims.claim(conn, item, one, course.directory, NOW, LEASE)

    for _ in range(ROUNDS):
        won, lost = course.run(course.exam(), claim)
        assert len(won) == 1
        assert len(lost) == RACERS - 1
        assert {str(one) for one in lost} == {f"{won[0].held_name} has this exam"}


def test_all_who_ask_for_their_next_exam_at_once_get_another_one(course: Course) -> None:
    for _ in range(ROUNDS // 4):
        exams = [course.exam() for _ in range(RACERS)]

        def take(
            conn: Connection, _: Item, one: Reader, exams: list[Item] = exams
        ) -> Item | None:
            return claim_first(conn, exams, one, course.directory, NOW, LEASE)

        won, lost = course.run(exams[0], take)
        assert lost == []
        assert {one.id for one in won if one} == {one.id for one in exams}
        assert len({one.held_by for one in won if one}) == RACERS


def held(course: Course) -> Item:
    holder = course.readers[0]
    return course.exam(
        state=State.HELD, held_by=holder.id, held_group=holder.group, held_name=holder.name,
        hold_token=uuid4(), held_at=NOW, lease_until=NOW + LEASE,
    )  # fmt: skip


def test_an_exam_is_released_once_from_many_windows(course: Course) -> None:
    def release(conn: Connection, item: Item, _: Reader) -> Item:
        assert item.hold_token
        return claims.release(conn, item.id, course.readers[0].id, item.hold_token, NOW)

    for _ in range(ROUNDS):
        won, lost = course.run(held(course), release)
        assert (len(won), len(lost)) == (1, RACERS - 1)
        assert all(isinstance(one, Conflict) for one in lost)


def test_a_report_is_signed_once_from_many_windows(course: Course) -> None:
    def sign(conn: Connection, item: Item, _: Reader) -> Any:
        assert item.hold_token
        hold = Hold(item.id, course.readers[0], item.hold_token)
        return reading.sign(conn, hold, TEXT, "final", course.directory, NOW)

    for _ in range(ROUNDS):
        exam = held(course)
        won, lost = course.run(exam, sign)
        assert (len(won), len(lost)) == (1, RACERS - 1)
        assert all("already" in str(one) for one in lost)
        with transaction(course.databases.system, frozenset()) as conn:
            report = reading.of_item(conn, exam.id)
            assert report
            assert len(reading.versions(conn, [report.id])[report.id]) == 1


def test_an_offer_is_declined_or_taken_once(course: Course) -> None:
    first = course.readers[0]

    def act(conn: Connection, item: Item, one: Reader) -> Item:
        if one.id == course.readers[-1].id:
            return claims.claim(conn, item, first, course.directory, NOW, LEASE)
        return decline(conn, item, first, "busy", "", NOW)

    for _ in range(ROUNDS):
        exam = course.exam(
            state=State.OFFERED, offered_to=first.id, offered_group=first.group, offered_at=NOW
        )
        won, _ = course.run(exam, act)
        with transaction(course.databases.system, frozenset()) as conn:
            (now,) = store.get(conn, [exam.id])
            declined = store.decliners(conn).get(exam.id, frozenset())
        taken = [one for one in won if one.held_by == first.id]
        given = [one for one in won if one.held_by is None]
        assert len(given) <= 1
        assert len(taken) <= 1
        assert now.held_by == (first.id if taken else None)
        assert declined == ({first.id} if given else frozenset())


def test_the_database_itself_knows_one_holder(course: Course) -> None:
    exam = course.exam()
    assert exam.version == 0

    def claim(conn: Connection, item: Item, one: Reader) -> Item:
        return claims.claim(conn, item, one, course.directory, NOW, LEASE)

    course.run(exam, claim)
    with transaction(course.databases.system, frozenset()) as conn:
        rows = conn.execute(items.select().where(items.c.id == exam.id)).all()
        holders = {row.held_by for row in rows}
        proofs = store.proofs_of(conn, ItemId(exam.id))
    assert len(holders) == 1
    assert [one.act for one in proofs] == ["claim"]
