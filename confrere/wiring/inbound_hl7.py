"""What an HL7 message means to us: patients, orders, and reports from elsewhere."""

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from confrere.delivery import service as delivery
from confrere.delivery.model import DONE, Received
from confrere.files.folder import BlobStore
from confrere.hl7.datatypes import Times
from confrere.hl7.groups import OrderGroup, order_groups
from confrere.hl7.orders import OrderMessage, read_order
from confrere.hl7.parse import Message, parse
from confrere.hl7.patients import read_patient, read_patients
from confrere.hl7.results import read_results
from confrere.kernel.errors import DomainError, Invalid, Refused
from confrere.kernel.ids import MessageId, PatientId, SiteId
from confrere.network import service as network
from confrere.network.model import Site
from confrere.network.systems import Peer, SiteHints
from confrere.orders import service as orders
from confrere.orders.model import (
    CANCELLED,
    COMPLETE,
    EXAM_COMPLETE,
    IN_PROGRESS,
    ORDERED,
    Order,
    OrderContent,
)
from confrere.orders.payers import payer_class_of
from confrere.wiring import inbound_chart, status_in
from confrere.wiring.device_audit import note_message
from confrere.wiring.heard import Heard, person_name, record, refuse_anothers
from confrere.wiring.inbound_identities import IDENTITY_EVENTS, obey
from confrere.wiring.inbound_report import receive_report

ORDER_KINDS = frozenset({("ORM", "O01"), ("OMI", "O23"), ("OMG", "O19")})
PATIENT_EVENTS = frozenset({"A01", "A04", "A05", "A08", "A28", "A31"})
REMEDIES = {
    "PID-3": "send the patient identifier with its assigner, then replay",
    "MRG-1": "send the number that is merged away in MRG-1, then replay",
    "OBR-18": "correct the accession number or the patient at the sender and send it again",
    "site": "add a site rule for this sender on the network page, then replay",
}


def process(
    conn: Connection, key: bytes, message_id: MessageId, now: datetime,
    blobs: BlobStore | None = None,
) -> None:  # fmt: skip
    """Process one kept message once; what fails is marked with reason and remedy.

    The work is a savepoint of its own: a failure leaves nothing half done but the mark.
    `key` is the audit chain's: what the message did to a patient is noted. `blobs` keeps the
    papers that documents bring.
    """
    kept = delivery.received(conn, message_id)
    if kept.state == DONE:
        return
    try:
        with conn.begin_nested():
            done = _apply(conn, kept, now, blobs)
    except DomainError as error:
        field = error.field if isinstance(error, Invalid) else ""
        remedy = REMEDIES.get(field, "correct it at the sender and send it again, or replay")
        delivery.mark_failed(conn, kept, str(error), field, remedy, now)
    else:
        delivery.mark_done(conn, kept, done.site, now, done.said_at)
        for patient in done.patients:
            note_message(conn, key, done.peer, done.kind, patient, kept.id, now)


@dataclass(frozen=True, slots=True)
class Done:
    """What a message did: whose, at which site, to which patients."""

    peer: Peer
    site: SiteId
    kind: str  # order, patient, report, document
    patients: frozenset[PatientId]
    said_at: datetime | None  # MSH-7


def _apply(conn: Connection, kept: Received, now: datetime, blobs: BlobStore | None) -> Done:
    message = parse(kept.content)
    if kept.peer is None:
        raise Refused("the message's sender is no longer registered")
    peer = network.peer(conn, kept.peer)
    site = _site(conn, peer, message)
    zone = ZoneInfo(site.time_zone)
    kind, trigger = message.kind
    heard = Heard(peer, site, message, kept.received_at)
    if (kind, trigger) in ORDER_KINDS:
        what = "order"
        said = zip(read_order(message, zone), order_groups(message), strict=True)
        touched = {_place(conn, heard, one, group, now).patient for one, group in said}
    elif kind == "ADT":
        what = "patient"
        touched = _patients(conn, heard, zone, now)
    elif kind == "ORU":
        what = "report"
        touched = {receive_report(conn, heard, one, now) for one in read_results(message, zone)}
        touched |= {one for one in (inbound_chart.receive_labs(conn, heard, now),) if one}
    elif kind == "MDM":
        what = "document"
        touched = {inbound_chart.receive_document(conn, blobs, heard, now)}
    else:
        raise Invalid(f"{kind}^{trigger} is not handled: it is kept", "MSH-9")
    said_at = Times(zone).at(message.header, 7)
    return Done(peer, site.id, what, frozenset(touched), said_at)


def _patients(conn: Connection, heard: Heard, zone: ZoneInfo, now: datetime) -> set[PatientId]:
    trigger = heard.message.kind[1]
    if trigger in IDENTITY_EVENTS:
        told = read_patients(heard.message, zone)
        return {one.id for one in obey(conn, heard, told, now)}
    if trigger not in PATIENT_EVENTS:
        raise Invalid(f"ADT^{trigger} is not handled yet: it is kept", "MSH-9")
    patient = record(conn, heard.site, read_patient(heard.message, zone), now)
    inbound_chart.hear_allergies(conn, heard, patient, now)
    return {patient.id}


def _site(conn: Connection, peer: Peer, message: Message) -> Site:
    pid = message.first("PID")
    obr = message.first("OBR")
    hints = SiteHints(
        facility=message.header.text(4),
        issuer=pid.text(3, component=4) if pid else "",
        accession=(obr.text(18) or obr.text(3)) if obr else "",
    )
    found = network.site_of(conn, peer, hints)
    if found is None:
        raise Invalid("no rule tells which site this message belongs to", "site")
    return network.site(conn, found)


def _place(
    conn: Connection, heard: Heard, said: OrderMessage, group: OrderGroup, now: datetime
) -> Order:
    site = heard.site
    patient = record(conn, site, said.patient, now)
    known = orders.match(conn, site.owner_group, site.id, said.accession, "")
    refuse_anothers(conn, known, patient)
    content = replace(
        order_content(said), said_at=said.sent_at, said_by=heard.source, heard_at=heard.at
    )
    order = orders.place(conn, site.owner_group, site.id, patient.id, content, now)
    if said.completed_at:
        orders.note_time(conn, order, EXAM_COMPLETE, said.completed_at, heard.at)
    inbound_chart.hear_allergies(conn, heard, patient, said.sent_at or now)
    inbound_chart.hear_exam(conn, heard, order, group, said.sent_at or heard.at)
    status_in.hear_order(conn, site, heard.peer, heard.message, said, order, heard.at)
    return order


def order_content(said: OrderMessage) -> OrderContent:
    """Turn one order of a message into our words."""
    provider = said.ordering_provider
    return OrderContent(
        accession=said.accession,
        placer_number=said.placer.value if said.placer else "",
        filler_number=said.filler.value if said.filler else "",
        procedure_code=said.procedure.code,
        procedure_text=said.procedure.text,
        requested_priority=said.priority.code or said.priority.raw,
        clinical_question=said.reason or said.clinical_information,
        notes="\n".join(note.text for note in said.notes),
        allergies=", ".join(a.allergen.text or a.allergen.code for a in said.allergies),
        diagnoses=tuple(d.code or d.text for d in said.diagnoses),
        patient_class=said.patient_class,
        location=" ".join(part for part in said.location if part),
        referrer_name=person_name(provider),
        referrer_id=provider.identifier if provider else "",
        study_uid=said.study_uid or "",
        status=order_status(said),
        ordered_at=said.requested_at or said.transaction_at,
        exam_complete_at=said.completed_at,
        payer_class=payer_class_of(*said.payer),
    )


def order_status(said: OrderMessage) -> str:
    """Tell the order's status from ORC-1 and ORC-5 (HL7 tables 0119 and 0038)."""
    if said.control in ("CA", "DC", "OC", "CR", "OD") or said.status == "CA":
        return CANCELLED
    if said.completed_at or said.status == "CM":
        return COMPLETE
    return IN_PROGRESS if said.status in ("IP", "A") else ORDERED
