"""The demonstration's earlier reports: a file of its story's patients, loaded as a site would."""

import csv
import io
from datetime import datetime, timedelta

from sqlalchemy import Engine

from confrere.database.engine import transaction
from confrere.demo import catalogue, places, scenes
from confrere.demo.casting import mrn
from confrere.files.folder import BlobStore
from confrere.network import service as network
from confrere.reading import backloading
from confrere.reading.backload_rows import COLUMNS
from confrere.reading.backloads import CHECKED, CSV
from confrere.wiring import backload

# site, person, procedure, how long ago, report
REPORTS = (
    (
        "HCM", scenes.HEAD_PERSON, "CTHEAD", timedelta(days=1171),
        "FINDINGS: No hemorrhage. Mild small vessel change.\nIMPRESSION: No acute finding.",
    ),
    (
        "SMC", scenes.CHEST_PERSON, "XRCHEST1", timedelta(days=912),
        "FINDINGS: Lungs are clear. Heart size is normal.\nIMPRESSION: Normal chest.",
    ),
)  # fmt: skip


def load(engine: Engine, blobs: BlobStore, now: datetime) -> int:
    """Load the file of each site that has one, once; return how many reports were added."""
    added = 0
    for code in sorted({one[0] for one in REPORTS}):
        content = file_of(code, now)
        with transaction(engine, frozenset()) as conn:
            site = next((s for s in network.sites(conn) if s.code == code), None)
            names = {one.name for one in backloading.listed(conn)}
            if site is None or f"{code}-earlier.csv" in names:
                continue
            taken = backloading.take(
                conn, site.owner_group, site.id, CSV, f"{code}-earlier.csv",
                blobs.put(content), len(content), "demonstration", now,
            )  # fmt: skip
        if backload.check(engine, blobs, taken.id, now).state != CHECKED:
            continue
        with transaction(engine, frozenset()) as conn:
            backloading.begin(conn, taken.id, now)
        added += backload.load(engine, blobs, taken.id, lambda: now).added
    return added


def file_of(code: str, now: datetime) -> bytes:
    """Write the file of one site."""
    out = io.StringIO()
    lines = csv.DictWriter(out, tuple(COLUMNS))
    lines.writeheader()
    site = next(one for one in places.SITES if one.code == code)
    known = {one.word: one for one in catalogue.PROCEDURES}
    for number, (where, person, word, ago, text) in enumerate(REPORTS, 1):
        if where != code:
            continue
        on = f"{now - ago:%Y-%m-%d} 10:40"
        lines.writerow({
            "patient_id": mrn(site, person), "assigner": site.assigner,
            "accession": f"{site.prefix}OLD{number:04d}",
            "procedure_code": catalogue.local_code(site, word),
            "procedure": known[word].text, "exam_at": on, "signed_by": "Dr. Before",
            "report": text, "family_name": person.family, "given_name": person.given,
            "birth_date": person.birth_date.isoformat(), "sex": person.sex,
        })  # fmt: skip
    return out.getvalue().encode()
