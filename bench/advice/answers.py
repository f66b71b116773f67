"""How long a CDS Hooks answer takes with a large history: p50, p95 over real HTTP.

PYTHONPATH=. python bench/advice/answers.py --patients 100000 --requests 400
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from random import Random

import sqlalchemy as sa

from bench.worklist.server import measured
from tests.integration.test_cds_hooks import Room, asks, draft, room

FILL = (
    """insert into patients (owner_group, assigner, mrn, family, given, birth_date, sex,
           updated_at)
       select :owner, 'LMH-MRN', 'B' || n, 'Family' || n % 5000, 'Given' || n % 700,
           date '1940-01-01' + (n % 25000)::int, case when n % 2 = 0 then 'F' else 'M' end, :now
       from generate_series(1, :number) n""",
    """insert into orders (owner_group, site_id, patient_id, accession, procedure_code,
           procedure_text, modality, body_region, subspecialty, mapped, status, contrast,
           ordered_at, exam_complete_at, updated_at)
       select :owner, :site, p.id, p.mrn || '-' || k, 'CTHEAD', 'CT head without contrast',
           'CT', (array['head', 'chest', 'abdomen', 'spine'])[1 + k % 4], 'neuro', true,
           'reported', '', :now - make_interval(days => 3 + 40 * k),
           :now - make_interval(days => 3 + 40 * k), :now
       from patients p, generate_series(0, 5) k where p.mrn like 'B%'""",
    """insert into reports (owner_group, site_id, patient_id, order_ids, author_name, origin,
           state, title, exam_at, final_at, updated_at)
       select :owner, :site, patient_id, array[id], 'Gray', 'external', 'final',
           procedure_text, exam_complete_at, exam_complete_at, :now
       from orders where accession like 'B%'""",
    """insert into report_versions (owner_group, report_id, number, kind, sections, text,
           signer_name, signed_at)
       select owner_group, id, 1, 'final', '{}', repeat('Findings as before. ', 40)
           || 'IMPRESSION: No acute abnormality.', 'Gray', final_at
       from reports where author_name = 'Gray' and title like 'CT%'
           and id not in (select report_id from report_versions)""",
)


def main() -> None:
    """Fill a private server, ask, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=400)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder, measured(durable=False) as made,
        room(made, Path(folder)) as here,
    ):  # fmt: skip
        fill(here, asked.patients)
        measure(here, asked.patients, asked.requests)


def fill(here: Room, number: int) -> None:
    """Add patients with six exams and reports each."""
    values = {
        "owner": here.world.owner, "site": here.world.site, "now": here.site.clock(),
        "number": number,
    }  # fmt: skip
    with here.made.system.begin() as conn:
        for statement in FILL:
            conn.execute(sa.text(statement), values)
    with here.made.owner.connect() as conn:
        conn.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text("analyze"))


def measure(here: Room, patients: int, requests: int) -> None:
    """Ask for random patients and print how long the answers took."""
    client, dice, times, cards = here.client(), Random(4), [], 0
    path = "/cds-services/imaging-order-sign"
    for number in range(requests + 20):
        body = asks(draft(), mrn=f"B{dice.randint(1, patients)}")
        began = time.perf_counter()
        answer = client.post(path, json=body)
        if number >= 20:
            times.append((time.perf_counter() - began) * 1000)
            cards += len(answer.json()["cards"])
    cuts = statistics.quantiles(times, n=100)
    print(
        f"{patients} patients, {6 * patients} orders and reports; {requests} requests, "
        f"{cards} cards: p50 {cuts[49]:.1f} ms, p95 {cuts[94]:.1f} ms, p99 {cuts[98]:.1f} ms, "
        f"most {max(times):.1f} ms"
    )


if __name__ == "__main__":
    main()
