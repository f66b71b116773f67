"""Take in what stands beside an exam: allergies, lab values, notes, protocol, papers."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from confrere.chart import service as chart
from confrere.chart.model import NOTE
from confrere.files.folder import BlobStore
from confrere.hl7.documents import read_allergies, read_document, read_notes
from confrere.hl7.groups import OrderGroup
from confrere.hl7.labs import LabSaid, labs_of, read_labs
from confrere.hl7.patients import read_patient
from confrere.kernel.errors import Invalid, Refused
from confrere.kernel.ids import PatientId
from confrere.orders import service as orders
from confrere.orders.model import Order
from confrere.patients.model import Patient
from confrere.wiring.heard import Heard, record, refuse_anothers

SAMPLE_TIME = "OBX-14"


def hear_allergies(conn: Connection, heard: Heard, patient: Patient, now: datetime) -> None:
    """Keep the allergies that a message of any kind tells of its patient."""
    found = read_allergies(heard.message)
    chart.hear_allergies(conn, patient.owner_group, patient.id, found, now)


def hear_exam(
    conn: Connection, heard: Heard, order: Order, group: OrderGroup, said_at: datetime
) -> None:
    """Keep the notes, protocol and lab values that came along with an order.

    A value whose sample's time is not told has no age: it stands as a note, not as a value.
    """
    zone = ZoneInfo(heard.site.time_zone)
    for kind, words in read_notes(group):
        chart.hear_note(conn, order, kind, words, heard.source, said_at)
    patient = order.patient
    for said in labs_of(group, zone, by_order=True):
        if said.taken_at is None:
            words = f"{said.told}; the time of the sample was not sent"
            chart.hear_note(conn, order, NOTE, words, heard.source, said_at)
        else:
            _keep(conn, heard, patient, said, said.taken_at)


def receive_labs(conn: Connection, heard: Heard, now: datetime) -> PatientId | None:
    """Keep the lab values of an ORU; None when it holds none that imaging asks for.

    Raises Invalid when a value's sample has no time: a value without an age misleads.
    """
    zone = ZoneInfo(heard.site.time_zone)
    found = read_labs(heard.message, zone)
    if not found:
        return None
    patient = record(conn, heard.site, read_patient(heard.message, zone), now)
    for said in found:
        if said.taken_at is None:
            raise Invalid(
                "the time of the sample is not told: send it in OBX-14 or OBR-7", SAMPLE_TIME
            )
        _keep(conn, heard, patient.id, said, said.taken_at)
    return patient.id


def _keep(
    conn: Connection, heard: Heard, patient: PatientId, said: LabSaid, taken_at: datetime
) -> None:
    owner = heard.site.owner_group
    if said.withdrawn:
        chart.withdraw_lab(conn, owner, patient, said.kind, taken_at)
        return
    value = said.kept(taken_at, heard.source)
    chart.hear_labs(conn, owner, patient, heard.site.id, [value], heard.at)


def receive_document(
    conn: Connection, blobs: BlobStore | None, heard: Heard, now: datetime
) -> PatientId:
    """Keep a document's papers beside the exam they belong to.

    Raises Invalid while its order is not known: the message is kept, and replayed then.
    """
    zone = ZoneInfo(heard.site.time_zone)
    document = read_document(heard.message)
    patient = record(conn, heard.site, read_patient(heard.message, zone), now)
    site = heard.site
    found = [
        order
        for number in document.accessions
        for order in orders.match(conn, site.owner_group, site.id, number, "")
    ]
    if not found:
        raise Invalid(
            "no order has this document's accession number: send it in OBR-18 or TXA-15, or "
            "replay once the order is here",
            "TXA-15",
        )
    refuse_anothers(conn, found, patient)
    order = found[0]
    if document.papers and blobs is None:
        raise Refused("this process keeps no files: replay the message")
    for paper in document.papers:
        assert blobs is not None  # noqa: S101 - refused above
        chart.keep_paper(
            conn, blobs, site.owner_group, site.id, order.patient, order.id, document.title,
            paper, heard.source, now,
        )  # fmt: skip
    if document.text:
        words = f"{document.title}\n{document.text}"
        chart.hear_note(conn, order, NOTE, words, heard.source, now)
    return patient.id
