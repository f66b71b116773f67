"""One patient among a million, matched and searched as a service does, behind row-level security.

PYTHONPATH=. python bench/patients/online.py [patients]

The rows are made by PostgreSQL, of two groups: names drawn with frequencies like real ones,
birth dates of ninety years, addresses of two hundred ZIP codes, a third with a telephone. Half
of the patients asked for have a slip. Printed are milliseconds of a whole transaction.
"""

import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from bench.worklist.server import measured
from confrere.database.engine import transaction
from confrere.demo.persons import FAMILY, GIVEN_FEMALE
from confrere.kernel.ids import GroupId
from confrere.network import service as network
from confrere.network.model import Group
from confrere.patients import linking, service
from confrere.patients.model import Demographics, Fit, NameSought, Patient, PatientsSought
from tests.database import Databases

ASKED = 400
ROWS = """
insert into patients (owner_group, assigner, mrn, family, given, birth_date, sex, postal_code,
    street, phone, national_last4, updated_at)
select case when n % 2 = 0 then cast(:a as uuid) else cast(:b as uuid) end,
    'SITE' || n % 9, 'M' || n,
    (cast(:family as text[]))[1 + floor(:families * power(random(), 1.7))::int]
        || case when random() < 0.8 then chr(97 + (random() * 25)::int)
        || chr(97 + (random() * 25)::int) else '' end,
    (cast(:given as text[]))[1 + floor(:givens * power(random(), 1.5))::int],
    date '1930-01-01' + (random() * 33000)::int, case when random() < 0.5 then 'F' else 'M' end,
    (60000 + (random() * 200)::int)::text,
    (1 + (random() * 4000)::int) || ' ' || chr(65 + (random() * 25)::int) || 'lm St',
    case when random() < 0.33 then '312' || (1000000 + (random() * 8999999)::int) else '' end,
    case when random() < 0.5 then lpad((random() * 9999)::int::text, 4, '0') else '' end,
    timestamptz '2026-01-01' + n * interval '1 second'
from generate_series(1, :count) n
"""


def main() -> None:
    """Print the times."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with measured(durable=True) as made:
        groups = fill(made, count)
        people, dice = some(made), random.Random(2)
        asked = [slip(one.demographics, dice) for one in people]
        print(f"{count} patients, {len(asked)} asked for")
        tell("match, app role", lambda n: match(made, groups, asked[n]))
        tell("match and link, system role", lambda n: link(made, people[n]))
        for letters in (3, 5, 40):
            wanted = [one.demographics.family[:letters] for one in people]
            tell(f"family, {letters} letters", lambda n, w=wanted: search(made, groups, w[n]))


def fill(made: Databases, count: int) -> frozenset[GroupId]:
    """Make two groups and their patients."""
    with transaction(made.system, frozenset()) as conn:
        groups = [
            network.add_group(conn, Group(GroupId(UUID(int=0)), code, code, "UTC"))
            for code in ("A", "B")
        ]
        conn.execute(sa.text(ROWS), {
            "a": groups[0], "b": groups[1], "count": count, "family": list(FAMILY),
            "given": list(GIVEN_FEMALE), "families": len(FAMILY), "givens": len(GIVEN_FEMALE),
        })  # fmt: skip
    with made.owner.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(sa.text("vacuum analyze patients"))
    return frozenset(groups[:1])


def some(made: Databases) -> list[Patient]:
    """Draw who is asked for."""
    with transaction(made.system, frozenset()) as conn:
        query = sa.text("select id from patients order by md5(mrn) limit :most")
        ids = list(conn.execute(query, {"most": ASKED}).scalars())
        return service.get_many(conn, ids)


def slip(said: Demographics, dice: random.Random) -> Demographics:
    """Come from elsewhere, every other time with a wrong birth date or a changed name."""
    born = said.birth_date
    luck = dice.random()
    if luck < 0.25 and born:
        born += timedelta(days=dice.choice((1, 10, 30)))
    family = said.family[:-1] + "x" if 0.25 < luck < 0.5 else said.family
    return replace(said, assigner="ELSEWHERE", mrn="X1", birth_date=born, family=family)


def match(made: Databases, groups: frozenset[GroupId], said: Demographics) -> int:
    """Find who is meant, as `Patient/$match` does."""
    with transaction(made.app, groups) as conn:
        return len(linking.candidates(conn, said))


def link(made: Databases, patient: Patient) -> int:
    """Match a patient that is on record, as the job of `PatientSeen` does."""
    with transaction(made.system, frozenset()) as conn:
        return len(linking.link_matches(conn, patient.id, datetime.now(UTC)))


def search(made: Databases, groups: frozenset[GroupId], start: str) -> int:
    """Search by the beginning of a family name, as the FHIR door does."""
    sought = PatientsSought(names=(NameSought(("family",), (start,), Fit.START),))
    with transaction(made.app, groups) as conn:
        return len(service.page(conn, sought, 51))


def tell(what: str, act: Callable[[int], int]) -> None:
    """Time an act for each patient, after twenty to warm up."""
    for n in range(20):
        act(n)
    times, found = [], []
    for n in range(ASKED):
        started = time.perf_counter()
        found.append(act(n))
        times.append((time.perf_counter() - started) * 1000)
    at = statistics.quantiles(times, n=100)
    print(
        f"{what}: p50 {at[49]:.1f} ms, p95 {at[94]:.1f} ms, most {max(times):.1f} ms; "
        f"rows {statistics.mean(found):.0f} on average"
    )


if __name__ == "__main__":
    main()
