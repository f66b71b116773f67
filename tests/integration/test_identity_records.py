"""What links and merges mean for priors and signed reports: opened, closed, never rewritten."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.kernel.ids import PatientId
from confrere.network import service as network
from confrere.patients import linking
from confrere.patients import service as patients
from confrere.patients.pairs import Choice, State
from confrere.reading import service as reading
from confrere.wiring import priors
from confrere.worklist import service as worklist
from confrere.worklist.dispatch import dispatch
from tests.integration.lists_house import House
from tests.integration.lists_patients import JANE, Read, placed, reported_house
from tests.integration.test_identities import adt, decide, known, record, send
from tests.integration.world import NOW


@pytest.fixture
def both(postgres_socket: str, template: str) -> Iterator[tuple[House, Read]]:
    with reported_house(postgres_socket, template, []) as made:
        yield made


def opened(conn: Connection, house: House) -> frozenset[PatientId]:
    found = network.shared(conn, frozenset({house.world.partner}), "patient")
    return frozenset(PatientId(one) for one in found)


def follow(conn: Connection, *changed: PatientId) -> None:
    """Do the jobs of PersonChanged."""
    for one in changed:
        priors.person_changed(conn, one, NOW)


def test_a_link_taken_back_closes_the_priors_and_made_again_opens_them(
    both: tuple[House, Read],
) -> None:
    house, read = both
    with transaction(house.made.system, frozenset()) as conn:
        world = house.world
        clinic = record(conn, world.owner, replace(JANE, assigner="CLINIC", mrn="C1"))
        city = record(conn, world.owner, replace(JANE, assigner="CITY", mrn="Y1"))
        order = placed(conn, house, clinic.id, "CL1")
        dispatch(conn, network.directory(conn, NOW), NOW)
        item = worklist.of_exam(conn, world.owner, None, [order.id])[0]
        assert item.offered_group == world.partner
        priors.share_priors(conn, item.id, world.partner, NOW)
        assert {clinic.id, city.id} <= opened(conn, house)
        links = linking.settled(conn, world.owner, State.LINKED, 9)
        citys = [one for one in links if city.id in (one.one, one.other)]
        for pair in citys:
            decide(conn, pair, Choice.APART, world.owner, "another person")
        follow(conn, clinic.id, city.id, read.patient, read.elsewhere)
        assert city.id not in opened(conn, house)
        assert clinic.id in opened(conn, house), "the exam itself stays on offer"
        again = next(one for one in citys if one.groups == {world.owner})
        decide(conn, again, Choice.LINK, world.owner)
        follow(conn, clinic.id, city.id)
        assert {clinic.id, city.id} <= opened(conn, house)


def test_a_doubtful_pair_opens_nothing(both: tuple[House, Read]) -> None:
    house, _ = both
    with transaction(house.made.system, frozenset()) as conn:
        world = house.world
        other = replace(JANE, assigner="CLINIC", mrn="C1", family="Lindqvist")
        clinic = record(conn, world.owner, other)
        assert linking.waiting(conn, world.owner, 9)
        order = placed(conn, house, clinic.id, "CL1")
        dispatch(conn, network.directory(conn, NOW), NOW)
        item = worklist.of_exam(conn, world.owner, None, [order.id])[0]
        priors.share_priors(conn, item.id, world.partner, NOW)
        assert worklist.get(conn, item.id).prior_count == 0
        assert [one.id for one in patients.same_person(conn, clinic)] == [clinic.id]


def test_a_merge_after_a_signed_report_keeps_its_text_and_signature(
    both: tuple[House, Read],
) -> None:
    house, read = both
    with transaction(house.made.system, frozenset()) as conn:
        world = house.world
        before = signed(conn)
        for at, raw in story():
            assert send(conn, world, raw, at) == ""
            survivor, person = known(conn, world, "M5"), patients.get(conn, read.patient)
            same = patients.same_person(conn, survivor)
            follows = [one.id for one in reading.of_patients(conn, [p.id for p in same])]
            merged = person.merged_into == survivor.id
            assert (read.report in follows) is merged
            assert signed(conn) == before
            assert reading.get(conn, read.report).patient == read.patient
        assert merged, "merged, undone, merged again"


def story() -> list[tuple[datetime, bytes]]:
    """Merge, undo, merge again."""
    at = [NOW + timedelta(minutes=n) for n in (1, 2, 3)]
    jane, five = ("M1", "Jane"), ("M5", "Jane")
    return [
        (at[0], adt("A40", five, at=at[0], merged="M1")),
        (at[1], adt("A37", five, jane, at=at[1])),
        (at[2], adt("A40", five, at=at[2], merged="M1")),
    ]


def signed(conn: Connection) -> list[object]:
    """All that was ever signed, whole."""
    return list(conn.execute(sa.text("select * from report_versions order by id")).all())
