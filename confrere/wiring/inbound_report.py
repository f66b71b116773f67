"""Take in a report, or a report's status, that a site's own system sent."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from confrere.hl7.results import ResultMessage
from confrere.imaging import service as imaging
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import PatientId
from confrere.network.model import READS_HERE, Site
from confrere.orders import service as orders
from confrere.orders.model import (
    COMPLETE,
    IN_PROGRESS,
    REPORT_FINAL,
    REPORTED,
    Order,
    OrderContent,
)
from confrere.patients.model import Patient
from confrere.reading import doubles
from confrere.reading import service as reading
from confrere.wiring import status_in
from confrere.wiring.heard import Heard, person_name, record, refuse_anothers
from confrere.worklist import service as worklist

STATUSES = ("F", "C", "P", "A", "R", *sorted(status_in.ONLY_STATUS))


def receive_report(
    conn: Connection, heard: Heard, came: ResultMessage, now: datetime
) -> PatientId:
    """Keep a report; a final one closes its exam, and any tells who reads it.

    Raises Invalid for another status, or an accession number of another patient's order.
    """
    if came.status not in STATUSES:
        raise Invalid(f"OBR-25 must be one of {', '.join(STATUSES)}", "OBR-25")
    site = heard.site
    patient = record(conn, site, came.patient, now)
    found = orders.match(
        conn, site.owner_group, site.id, came.accession, came.study_uid or ""
    ) or [_order_of_report(conn, site, patient, came, now)]
    refuse_anothers(conn, found, patient)
    ids = [order.id for order in found]
    if came.status not in status_in.ONLY_STATUS:
        _keep(conn, site, patient, found, came, now)
    if came.status in status_in.FINAL and came.reported_at:
        for order in found:
            orders.note_time(conn, order, REPORT_FINAL, came.reported_at, heard.at)
    status_in.hear_result(conn, site, heard.peer, heard.message, came, ids, heard.at)
    return patient.id


def _keep(
    conn: Connection, site: Site, patient: Patient, found: Sequence[Order],
    came: ResultMessage, now: datetime,
) -> None:  # fmt: skip
    final = came.status in status_in.FINAL
    studies = [s for order in found for s in imaging.studies_of_order(conn, order.id)]
    study = studies[0].id if studies else None
    ids = tuple(order.id for order in found)
    items = worklist.of_exam(conn, site.owner_group, study, ids)
    kept = reading.receive(
        conn,
        reading.Received(
            site.owner_group, site.id, patient.id, ids, study,
            found[0].content.procedure_text or came.procedure.text, came.text, final,
            person_name(came.reader), came.reported_at or came.sent_at or now,
            came.observed_at or found[0].content.exam_complete_at,
        ),
        [one for one in items if one.finished_at is None],
        now,
    )  # fmt: skip
    if final:
        orders.mark(conn, ids, REPORTED, now)
        if site.reporting == READS_HERE:
            doubles.find(conn, items, kept, now)


def _order_of_report(
    conn: Connection, site: Site, patient: Patient, came: ResultMessage, now: datetime
) -> Order:
    """A report without an order we know, such as an old one, brings its own."""
    if not came.accession:
        raise Invalid(
            "the report names no accession number: send it in OBR-18 or OBR-3", "OBR-18"
        )
    content = OrderContent(
        came.accession,
        came.placer.value if came.placer else "",
        came.filler.value if came.filler else "",
        came.procedure.code,
        came.procedure.text,
        status=_status(came.status),
        study_uid=came.study_uid or "",
        exam_complete_at=came.observed_at,
    )
    return orders.place(conn, site.owner_group, site.id, patient.id, content, now)


def _status(status: str) -> str:
    if status in status_in.FINAL:
        return REPORTED
    return IN_PROGRESS if status in status_in.ONLY_STATUS else COMPLETE
