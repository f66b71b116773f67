"""Which reports a person may read, and finding them."""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import OrderId, PatientId
from confrere.kernel.periods import Place
from confrere.kernel.principal import Principal, Role
from confrere.orders import service as orders
from confrere.orders.model import Order
from confrere.patients import service as patients
from confrere.patients.model import Patient
from confrere.reading import service as reading
from confrere.reading.model import Report, ReportsSought, Version

BATCH = 200
MOST_BATCHES = 10  # looked through for one page, where a filter fits few


@dataclass(frozen=True, slots=True)
class Row:
    """One report as listed."""

    report: Report
    orders: tuple[Order, ...]
    versions: tuple[Version, ...]
    patient: Patient | None

    @property
    def modality(self) -> str:
        """The modality of its orders."""
        return next((one.modality for one in self.orders if one.modality), "")


def may_read(me: Principal, report: Report, opened: frozenset[PatientId] = frozenset()) -> bool:
    """Say whether a report is this person's to read.

    A hospital client reads its own site's; others what their group owns or signed, and what
    is known of a patient whose waiting exam they may read (`opened`).
    """
    if me.role is Role.HOSPITAL_CLIENT:
        return report.owner_group == me.group and report.site == me.site
    if me.group in (report.owner_group, report.reader_group):
        return me.group is not None
    return report.patient is not None and report.patient in opened


def find(
    conn: Connection, me: Principal, sought: ReportsSought, modality: str, wanted: int,
    after: Place | None,
) -> tuple[list[Row], Place | None]:  # fmt: skip
    """Find one page, newest change first; the place is None at the end."""
    rows: list[Row] = []
    for _ in range(MOST_BATCHES):
        batch = reading.page(conn, sought, BATCH, after)
        for row in _rows(conn, [one for one in batch if may_read(me, one)]):
            if modality and row.modality != modality:
                continue
            if len(rows) == wanted:
                last = rows[-1].report
                return rows, Place(last.updated_at, last.id)
            rows.append(row)
        if len(batch) < BATCH:
            return rows, None
        after = Place(batch[-1].updated_at, batch[-1].id)
    return rows, after


def row_of(conn: Connection, report: Report) -> Row:
    """One report with what stands around it."""
    return _rows(conn, [report])[0]


def _rows(conn: Connection, found: list[Report]) -> list[Row]:
    ids: set[OrderId] = {one for report in found for one in report.orders}
    known = {one.id: one for one in orders.get_many(conn, sorted(ids))}
    signed = reading.versions(conn, [one.id for one in found])
    whose = {one.id: one for one in patients.get_many(conn, _patients(found))}
    return [
        Row(
            one,
            tuple(known[each] for each in one.orders if each in known),
            tuple(signed[one.id]),
            whose.get(one.patient) if one.patient else None,
        )
        for one in found
    ]


def _patients(found: Iterable[Report]) -> list[PatientId]:
    return sorted({one.patient for one in found if one.patient is not None})


def mark(place: Place | None) -> str:
    """Write a place for the page's form; empty at the end."""
    if place is None:
        return ""
    written = json.dumps([place.changed.isoformat(), str(place.id)])
    return base64.urlsafe_b64encode(written.encode()).decode()


def place_of(text: str) -> Place | None:
    """Read a place; Invalid where it is none of ours."""
    if not text:
        return None
    try:
        changed, key = json.loads(base64.urlsafe_b64decode(text))
        at = datetime.fromisoformat(changed)
        if at.tzinfo is not None:
            return Place(at, UUID(key))
    except (ValueError, TypeError, AttributeError):
        pass
    raise Invalid("The place in the list is not valid; search again.", "before")
