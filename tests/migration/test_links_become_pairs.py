"""What an older version linked stays linked when links become pairs (0018 to the newest)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import Connection

from confrere import migrations
from confrere.database.engine import transaction
from confrere.kernel.ids import GroupId, PatientId
from confrere.patients import linking
from confrere.patients import service as patients
from confrere.patients.pairs import Choice, Said, State
from tests.database import Databases, boot, clone_numbers, databases, drop

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
OWN, PARTNER = UUID(int=1), UUID(int=2)
BEFORE = "0018"


@pytest.fixture
def old(postgres_socket: str, template: str) -> Iterator[Databases]:
    """A database as version 0018 left it; `template` has made the roles."""
    name = f"old_{template}_{next(clone_numbers)}"
    with boot(postgres_socket) as conn:
        conn.execute(f"create database {name} owner confrere_owner")  # type: ignore[call-overload]
    made = databases(postgres_socket, name)
    with made.owner.begin() as conn2:
        command.upgrade(migrations.config(conn2), BEFORE)
    yield made
    drop(made)


def patient(conn: Connection, group: UUID, mrn: str, person: UUID | None) -> PatientId:
    added = conn.execute(
        sa.text(
            "insert into patients (owner_group, assigner, mrn, family, given, birth_date, "
            "postal_code, person_id, updated_at) values (:group, 'A', :mrn, 'Okafor', 'Miriam', "
            "'1962-04-12', '60614', :person, :at) returning id"
        ),
        {"group": group, "mrn": mrn, "person": person, "at": NOW},
    )
    return PatientId(added.scalar_one())


def link(conn: Connection, one: PatientId, person: UUID, score: float, days: int) -> None:
    conn.execute(
        sa.text(
            "insert into patient_links (owner_group, patient_id, person_id, score, how, "
            "decided_by, at) values (:group, :one, :person, :score, 'scored', 'matching', :at)"
        ),
        {"group": OWN, "one": one, "person": person, "score": score,
         "at": NOW - timedelta(days=days)},
    )  # fmt: skip


def test_who_was_one_person_stays_one_and_can_be_parted_as_before(old: Databases) -> None:
    three, two, left = uuid4(), uuid4(), uuid4()
    with transaction(old.system, frozenset()) as conn:
        joined = [patient(conn, OWN, "1", three), patient(conn, PARTNER, "2", three),
                  patient(conn, OWN, "3", three)]  # fmt: skip
        pair = [patient(conn, OWN, "4", two), patient(conn, PARTNER, "5", two)]
        lone, nobody = patient(conn, OWN, "6", left), patient(conn, OWN, "7", None)
        for one in (*joined, *pair):
            person = three if one in joined else two
            link(conn, one, person, 19.0, 30)
            link(conn, one, person, 23.5, 1)  # the newest says why
    with old.owner.begin() as conn:
        assert migrations.upgrade(conn) == (BEFORE, migrations.head())
    with transaction(old.system, frozenset()) as conn:
        for group in (joined, pair):
            for one in group:
                same = patients.same_person(conn, patients.get(conn, one))
                assert {p.id for p in same} == set(group)
                assert {p.person for p in same} == {min(group)}
        for one in (lone, nobody):
            assert patients.get(conn, one).person is None
        links = [
            *linking.settled(conn, GroupId(OWN), State.LINKED, 9),
            *linking.settled(conn, GroupId(PARTNER), State.LINKED, 9),
        ]
        assert {(p.one, p.other) for p in links} == {
            *((min(joined), one) for one in joined if one != min(joined)),
            (min(pair), max(pair)),
        }
        assert {(p.score, p.how, p.decided_at) for p in links} == {
            (23.5, "scored", NOW - timedelta(days=1))
        }
        # the names are found by the keys that came with it, and a link can be taken back
        assert len(patients.search(conn, [], {"family": "OKA"}, 9)) == 7
        tie = next(p for p in links if p.one == min(pair))
        said = Said(GroupId(OWN), "Rae Reed", NOW, "another patient under this number")
        linking.decide(conn, tie.id, tie.version, Choice.APART, said)
        linking.settle(conn, pair, NOW)
        assert [patients.get(conn, one).person for one in pair] == [None, None]
        gone = conn.execute(sa.text("select to_regclass('patient_links')")).scalar_one()
        assert gone is None
