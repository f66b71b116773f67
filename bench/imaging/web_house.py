"""A running house with many studies in its index: rows only, as the doors would write them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from confrere.database import local
from tests.acceptance.house import House, standing

MODALITIES = ("CT", "MR", "CR", "US", "MG", "DX")
NAMES = (
    "Smith", "Johnson", "Garcia", "Miller", "Davis", "Martinez", "Lopez", "Wilson", "Nguyen",
    "Taylor", "Moore", "Jackson", "Lee", "Perez", "Thompson", "White", "Harris", "Clark",
    "Ramirez", "Lewis",
)  # fmt: skip
GIVEN = ("Anna", "Ben", "Carla", "David", "Eva", "Frank", "Grace", "Hugo", "Ines", "Jack")
UID = "1.2.826.0.1.3680043.8.498.7"
# a patient has three studies, ten years hold them all, a tenth belongs to the other group
ROWS = """
insert into studies (owner_group, site_id, study_uid, accession, study_id, study_date,
    study_time, description, referrer, modalities, patient_name, patient_name_key, mrn, issuer,
    birth_date, sex, institution, series_count, instance_count, state, first_at, last_at,
    closed_at)
select case when n % 10 = 0 then %(other)s else %(mine)s end::uuid, null, %(uid)s || '.' || n,
    'A' || lpad(n::text, 9, '0'), n::text, to_char(day, 'YYYYMMDD'),
    to_char(day, 'HH24MISS'), 'CT CHEST ' || n %% 50, 'Ref^Doctor ' || n %% 300,
    array[(%(modalities)s::text[])[1 + n %% 6]], name, lower(name),
    'P' || lpad(p::text, 8, '0'), 'LSM-MRN', to_char(date '1930-01-01' + p %% 33000, 'YYYYMMDD'),
    (array['M', 'F'])[1 + p %% 2], 'Hospital ' || n %% 40, 1 + n %% 8, 1 + n %% 900, 'closed',
    day, day, day
from (
    select n, p, (%(names)s::text[])[1 + p %% 20] || p %% 1000 || '^' ||
        (%(given)s::text[])[1 + p %% 10] as name,
        timestamptz '2016-01-01' + n * 3650.0 / %(count)s * interval '1 day' as day
    from (select n, n / 3 as p from generate_series(1, %(count)s) n) numbered
) made
""".replace("n % 10", "n %% 10")


@contextmanager
def house() -> Iterator[House]:
    """The whole process tree on a home of its own."""
    with tempfile.TemporaryDirectory() as folder, standing(Path(folder) / "home") as made:
        yield made


def fill(made: House, count: int) -> None:
    """Write so many studies into the index and let the planner know them."""
    server = local.status(made.home)
    if server is None:
        raise RuntimeError("the database of the bench is not up")
    url = server.url("confrere_system")
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(
            ROWS,
            {
                "mine": made.groups["lakeshore"], "other": made.groups["prairie"], "uid": UID,
                "modalities": list(MODALITIES), "names": list(NAMES), "given": list(GIVEN),
                "count": count,
            },
        )  # fmt: skip
    with psycopg.connect(server.url("confrere_owner"), autocommit=True) as conn:
        conn.execute("vacuum analyze studies")
    # what the filling left to write must not slow what is measured
    with psycopg.connect(server.url("confrere_boot"), autocommit=True) as conn:
        conn.execute("checkpoint")
