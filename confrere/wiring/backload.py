"""Carry out files of earlier reports: first a dry run, then row by row, never twice.

Each step is a transaction of its own that also writes how far it came: a job that dies goes
on where the last one ended, and the same file again adds nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from confrere.database.engine import transaction
from confrere.files.folder import BlobStore
from confrere.kernel.errors import DomainError, Invalid
from confrere.kernel.ids import PatientId
from confrere.network import service as network
from confrere.network.model import Site
from confrere.orders import service as orders
from confrere.orders.model import Order, OrderContent
from confrere.patients import service as patients
from confrere.patients.model import Demographics, Patient
from confrere.reading import backloading
from confrere.reading.backload_rows import MOST_ROWS, PriorRow, Problem, read_csv
from confrere.reading.backloads import (
    CHECKED,
    CSV,
    LOADED,
    LOADING,
    UNREADABLE,
    Backload,
    Tally,
)
from confrere.wiring import priors
from confrere.wiring.backload_hl7 import read_hl7
from confrere.worklist import service as worklist

CHUNK = 200  # rows in one transaction
Rows = Sequence[PriorRow | Problem]
Tell = Callable[[Backload], None]


@dataclass(slots=True)
class Seen:
    """Whose each accession number is, among the rows of a dry run."""

    whose: dict[str, tuple[str, str]] = field(default_factory=dict)


def check(
    engine: Engine, blobs: BlobStore, key: UUID, now: datetime, tell: Tell | None = None
) -> Backload:
    """Try every row and write none of them; then a person decides whether to load."""
    try:
        rows = _rows(engine, blobs, key)
    except Invalid as error:
        with transaction(engine, frozenset()) as conn:
            found = backloading.restart_check(conn, key, 0, now)
            why = Problem(0, error.field, str(error), "correct the file and give it again")
            backloading.note_progress(conn, key, 0, Tally(), [why], now)
            return backloading.set_state(conn, found.id, UNREADABLE, now)
    with transaction(engine, frozenset()) as conn:
        backloading.restart_check(conn, key, len(rows), now)
    seen = Seen()
    for start in range(0, len(rows), CHUNK):
        with transaction(engine, frozenset()) as conn:
            found = backloading.get(conn, key)
            site = network.site(conn, found.site)
            part = rows[start : start + CHUNK]
            tally, problems = _tried(conn, site, part, start, seen)
            found = backloading.note_progress(conn, key, len(part), tally, problems, now)
        if tell:
            tell(found)
    with transaction(engine, frozenset()) as conn:
        return backloading.set_state(conn, key, CHECKED, now)


def load(
    engine: Engine, blobs: BlobStore, key: UUID, clock: Callable[[], datetime],
    tell: Tell | None = None,
) -> Backload:  # fmt: skip
    """Load a file from where it stands, until its end or until a person stops it."""
    rows = _rows(engine, blobs, key)
    while True:
        with transaction(engine, frozenset()) as conn:
            found = backloading.get(conn, key, lock=True)
            if found.state != LOADING:
                return found
            part = rows[found.done : found.done + CHUNK]
            if not part:
                return backloading.set_state(conn, key, LOADED, clock())
            found = _load_part(conn, found, part, clock())
        if tell:
            tell(found)


def _rows(engine: Engine, blobs: BlobStore, key: UUID) -> Rows:
    with transaction(engine, frozenset()) as conn:
        found = backloading.get(conn, key)
        site = network.site(conn, found.site)
    raw = blobs.read(found.digest)
    if found.form == CSV:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise Invalid("the file is not UTF-8 text: save it as CSV UTF-8", "file") from None
        rows = list(read_csv(text, ZoneInfo(site.time_zone)))
    else:
        rows = list(read_hl7(raw, site))
    if len(rows) > MOST_ROWS:
        raise Invalid(f"the file holds more than {MOST_ROWS:,} reports: split it", "file")
    if not rows:
        raise Invalid("the file holds no report", "file")
    return rows


def _tried(
    conn: Connection, site: Site, part: Rows, start: int, seen: Seen
) -> tuple[Tally, list[Problem]]:
    problems: list[Problem] = []
    added = same = untyped = 0
    for number, row in enumerate(part, start + 1):
        if isinstance(row, Problem):
            problems.append(replace(row, row=number))
            continue
        try:
            _, order = _judge(conn, site, row)
            first = seen.whose.setdefault(row.accession, (row.assigner, row.mrn))
            if first != (row.assigner, row.mrn):
                raise Invalid("another row gives this number to another patient", "accession")
        except DomainError as error:
            problems.append(_problem(number, error))
            continue
        twice = order is not None and backloading.is_here(conn, site.owner_group, order.id)
        same += twice
        added += not twice
        untyped += not _is_typed(conn, site, row)
    return Tally(added, same, len(problems), untyped), problems


def _load_part(conn: Connection, found: Backload, part: Rows, now: datetime) -> Backload:
    site = network.site(conn, found.site)
    problems: list[Problem] = []
    touched: set[PatientId] = set()
    added = same = untyped = 0
    for number, row in enumerate(part, found.done + 1):
        if isinstance(row, Problem):
            problems.append(replace(row, row=number))
            continue
        try:
            with conn.begin_nested():
                patient = _load_row(conn, found, site, row, now)
        except DomainError as error:
            problems.append(_problem(number, error))
            continue
        same += patient is None
        added += patient is not None
        untyped += not _is_typed(conn, site, row)
        touched |= {patient} if patient else set()
    for one in touched:
        priors.refresh(conn, one, now)
    tally = Tally(added, same, len(problems), untyped)
    return backloading.note_progress(conn, found.id, len(part), tally, problems, now)


def _load_row(
    conn: Connection, found: Backload, site: Site, row: PriorRow, now: datetime
) -> PatientId | None:
    """Keep one report; None when one of its exam is here."""
    patient, _ = _judge(conn, site, row)
    if patient is None:
        patient = patients.record(conn, site.owner_group, _said(site, row), now)
    order = orders.place_prior(
        conn, site.owner_group, site.id, patient.id,
        OrderContent(
            row.accession, procedure_code=row.code, procedure_text=row.procedure,
            study_uid=row.study_uid, ordered_at=row.exam_at, exam_complete_at=row.exam_at,
        ),
        now,
    )  # fmt: skip
    if backloading.is_here(conn, site.owner_group, order.id):
        return None
    backloading.add(conn, found, patient.id, order.id, row, now)
    return patient.id


def _judge(conn: Connection, site: Site, row: PriorRow) -> tuple[Patient | None, Order | None]:
    """Find the row's patient and order; raises Invalid where they contradict what is known."""
    said = _said(site, row)
    patient = patients.find(conn, site.owner_group, said.assigner, said.mrn)
    born = patient.demographics.birth_date if patient else None
    if born and row.birth_date and born != row.birth_date:
        raise Invalid("the patient of this number has another birth date here", "birth_date")
    found = orders.match(conn, site.owner_group, site.id, row.accession, row.study_uid)
    if not found:
        return patient, None
    order = found[0]
    if patient is None or order.patient != patient.id:
        raise Invalid("this accession number is another patient's here", "accession")
    items = worklist.of_exam(conn, site.owner_group, None, [order.id])
    if any(one.finished_at is None for one in items):
        raise Invalid(
            "this exam waits on the worklist: its report comes by the HL7 door", "accession"
        )
    return patient, order


def _said(site: Site, row: PriorRow) -> Demographics:
    return Demographics(
        row.assigner or site.assigner, row.mrn, row.family, row.given, row.birth_date, row.sex
    )


def _is_typed(conn: Connection, site: Site, row: PriorRow) -> bool:
    line = orders.procedure(conn, site.owner_group, site.id, row.code) if row.code else None
    return line is not None


def _problem(number: int, error: DomainError) -> Problem:
    name = error.field if isinstance(error, Invalid) else ""
    return Problem(number, name, str(error), "check the row against the site's records")
