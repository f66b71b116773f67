"""Put the synthetic history into the database: patients, orders, exam facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np
from sqlalchemy import Connection

from confrere.analytics import service as analytics
from confrere.database.bulk import add_rows
from confrere.demo import catalogue, history_patients, people, persons, places
from confrere.demo.history import CLASSES, EXAMS, PRIORITIES, Arrivals, Ints, arrivals
from confrere.demo.history_patients import Crowd
from confrere.demo.history_reading import Reads, read_all
from confrere.kernel.ids import GroupId, ReaderId, SiteId
from confrere.network.model import READS_ELSEWHERE
from confrere.orders.model import REPORTED
from confrere.orders.priorities import MINUTES

Texts = list[str]
_EXAMS_EACH, _FEWEST_PATIENTS = 3.2, 2000
_STILL_OPEN = 3600  # seconds: what would be signed later than an hour ago is left out


@dataclass(frozen=True, slots=True)
class Ids:
    """The database's ids of the collaborative's codes and keys."""

    groups: Mapping[str, GroupId]
    sites: Mapping[str, SiteId]
    readers: Mapping[str, ReaderId]


@dataclass(frozen=True, slots=True)
class History:
    """The drawn history, before it has ids."""

    crowd: Crowd
    patient: Ints
    seen: Arrivals
    reads: Reads


def draw(now: datetime, seed: int, exams: int = EXAMS) -> History:
    """Draw a history; the same `now`, `seed` and `exams` give the same."""
    rng = np.random.default_rng(seed)
    crowd = history_patients.crowd(rng, max(_FEWEST_PATIENTS, round(exams / _EXAMS_EACH)))
    seen = arrivals(now, rng, exams)
    reads = read_all(seen, now, rng)
    return History(crowd, history_patients.attend(crowd, seen, rng), seen, reads)


def load(conn: Connection, history: History, ids: Ids, now: datetime, seed: int) -> int:
    """Write a history, every row marked synthetic; return how many exams."""
    rng = np.random.default_rng((seed, 1))
    patients = _uuids(rng, history.crowd.site.size)
    exams = _exams(history, ids, patients, now, rng)
    add_rows(conn, "patients", _patient_columns(history.crowd, ids, patients, now))
    add_rows(conn, "orders", _orders(exams))
    return analytics.load_synthetic(conn, _facts(exams))


def _uuids(rng: np.random.Generator, count: int) -> Texts:
    raw = rng.bytes(16 * count)
    return [str(UUID(bytes=raw[n : n + 16], version=4)) for n in range(0, len(raw), 16)]


def _patient_columns(
    crowd: Crowd, ids: Ids, patients: Texts, now: datetime
) -> dict[str, Sequence[str]]:
    owners = [str(ids.groups[one.group]) for one in places.SITES]
    size = len(patients)
    return {
        "id": patients,
        "owner_group": [owners[n] for n in crowd.site],
        **history_patients.columns(crowd, now),
        "synthetic": ["t"] * size,
        "updated_at": [now.isoformat()] * size,
    }


def _pick(values: Sequence[str], index: Ints) -> Texts:
    return [values[n] for n in index.tolist()]


def _times(seconds: Ints) -> Texts:
    # a time without a zone would be read in the session's; 'Z' says UTC
    written = np.datetime_as_string(seconds.astype("datetime64[s]"), timezone="UTC")
    texts: Texts = written.tolist()
    return texts


def _exams(
    history: History, ids: Ids, patients: Texts, now: datetime, rng: np.random.Generator
) -> dict[str, Sequence[str | None]]:
    """Everything about the exams that orders and facts are made of, as text columns."""
    kept = np.flatnonzero(history.reads.final < int(now.timestamp()) - _STILL_OPEN)
    seen = history.seen
    site, procedure = seen.site[kept], seen.procedure[kept]
    prefixes = [one.prefix for one in places.SITES]
    words: dict[str, Sequence[str | None]] = {
        "id": _uuids(rng, kept.size),
        "fact": _uuids(rng, kept.size),
        "patient_id": _pick(patients, history.patient[kept]),
        "accession": [f"{prefixes[s]}{1_000_000 + n}" for n, s in enumerate(site.tolist())],
        "owner_group": _pick([str(ids.groups[s.group]) for s in places.SITES], site),
        "site_id": _pick([str(ids.sites[s.code]) for s in places.SITES], site),
        "reported_by": _pick([_dictated(s) for s in places.SITES], site),
        "priority": _pick(PRIORITIES, seen.priority[kept]),
        "patient_class": _pick(CLASSES, seen.patient_class[kept]),
        "location": _pick([persons.LOCATIONS[c] for c in CLASSES], seen.patient_class[kept]),
        "procedure_code": [
            _CODES[s][p] for s, p in zip(site.tolist(), procedure.tolist(), strict=True)
        ],
    }
    for name in ("text", "modality", "body_region", "subspecialty", "wrvu"):
        words[name] = _pick([str(getattr(p, name)) for p in catalogue.PROCEDURES], procedure)
    return words | _people(history, ids, kept, rng) | _instants(history, kept)


def _dictated(site: places.SitePlan) -> str:
    return "external" if site.reporting == READS_ELSEWHERE else "confrere"


_CODES = [
    [catalogue.local_code(site, one.word) for one in catalogue.PROCEDURES]
    for site in places.SITES
]


def _people(
    history: History, ids: Ids, kept: Ints, rng: np.random.Generator
) -> dict[str, Sequence[str | None]]:
    reader, procedure = history.reads.reader[kept], history.seen.procedure[kept]
    plans = people.RADIOLOGISTS
    asked = [persons.QUESTIONS[one.body_region] for one in catalogue.PROCEDURES]
    luck = rng.integers(0, 1 << 30, kept.size)
    return {
        "reader_id": _pick([str(ids.readers[one.key]) for one in plans], reader),
        "reader_group": _pick([str(ids.groups[one.group]) for one in plans], reader),
        "clinical_question": [
            asked[p][n % len(asked[p])]
            for p, n in zip(procedure.tolist(), luck.tolist(), strict=True)
        ],
        "referrer_name": _pick(persons.REFERRERS, luck % len(persons.REFERRERS)),
    }


def _instants(history: History, kept: Ints) -> dict[str, Sequence[str | None]]:
    seen, reads = history.seen, history.reads
    complete = seen.complete[kept]
    minutes = np.array([MINUTES[one] for one in PRIORITIES])[seen.priority[kept]]
    preliminary = reads.preliminary[kept]
    return {
        "ordered_at": _times(reads.ordered[kept]),
        "complete_at": _times(complete),
        "first_image_at": _times(reads.first_image[kept]),
        "offered_at": _times(reads.offered[kept]),
        "claimed_at": _times(reads.claimed[kept]),
        "preliminary_at": [
            text if told >= 0 else None
            for told, text in zip(preliminary.tolist(), _times(preliminary), strict=True)
        ],
        "final_at": _times(reads.final[kept]),
        "due_at": _times(complete + minutes * 60),
    }


def _orders(exams: Mapping[str, Sequence[str | None]]) -> dict[str, Sequence[str | None]]:
    size = len(exams["id"])
    same = (
        "id", "owner_group", "site_id", "patient_id", "accession", "procedure_code",
        "modality", "body_region", "subspecialty", "priority", "clinical_question",
        "patient_class", "location", "referrer_name", "ordered_at",
    )  # fmt: skip
    return {name: exams[name] for name in same} | {
        "filler_number": exams["accession"],
        "procedure_text": exams["text"],
        "exam_complete_at": exams["complete_at"],
        "updated_at": exams["final_at"],
        "clock_source": ["order status"] * size,
        "status": [REPORTED] * size,
        "mapped": ["t"] * size,
        "synthetic": ["t"] * size,
    }


def _facts(exams: Mapping[str, Sequence[str | None]]) -> dict[str, Sequence[str | None]]:
    size = len(exams["id"])
    same = (
        "owner_group", "site_id", "accession", "modality", "body_region", "subspecialty",
        "priority", "patient_class", "ordered_at", "complete_at", "first_image_at",
        "offered_at", "claimed_at", "preliminary_at", "final_at", "due_at", "reader_id",
        "reader_group", "reported_by", "wrvu",
    )  # fmt: skip
    return {name: exams[name] for name in same} | {
        "id": exams["fact"],
        "order_id": exams["id"],
        "clock_source": ["order status"] * size,
        "synthetic": ["t"] * size,
    }
