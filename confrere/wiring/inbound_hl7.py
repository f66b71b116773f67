"""What an HL7 message means to us: patients, orders, and reports from elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from confrere.delivery import service as delivery
from confrere.delivery.model import DONE, Received
from confrere.hl7.datatypes import Identifier, Name, Person
from confrere.hl7.orders import OrderMessage, read_order
from confrere.hl7.parse import Message, parse
from confrere.hl7.patients import PatientMessage, read_patient
from confrere.hl7.results import ResultMessage, read_results
from confrere.imaging import service as imaging
from confrere.kernel.errors import DomainError, Invalid, NotFound, Refused
from confrere.kernel.ids import MessageId, PatientId, SiteId
from confrere.network import service as network
from confrere.network.model import Site
from confrere.network.systems import Peer, SiteHints
from confrere.orders import service as orders
from confrere.orders.model import (
    CANCELLED,
    COMPLETE,
    IN_PROGRESS,
    ORDERED,
    REPORTED,
    Order,
    OrderContent,
)
from confrere.orders.payers import payer_class_of
from confrere.patients import service as patients
from confrere.patients.model import Demographics, Patient
from confrere.reading import service as reading
from confrere.wiring.device_audit import note_message
from confrere.worklist import service as worklist

ORDER_KINDS = frozenset({("ORM", "O01"), ("OMI", "O23"), ("OMG", "O19")})
PATIENT_EVENTS = frozenset({"A01", "A04", "A05", "A08", "A28", "A31"})
REMEDIES = {
    "PID-3": "send the patient identifier with its assigner, then replay",
    "OBR-18": "correct the accession number or the patient at the sender and send it again",
    "site": "add a site rule for this sender on the network page, then replay",
}


def process(conn: Connection, key: bytes, message_id: MessageId, now: datetime) -> None:
    """Process one kept message once; what fails is marked with reason and remedy.

    The work is a savepoint of its own: a failure leaves nothing half done but the mark.
    `key` is the audit chain's: what the message did to a patient is noted.
    """
    kept = delivery.received(conn, message_id)
    if kept.state == DONE:
        return
    try:
        with conn.begin_nested():
            done = _apply(conn, kept, now)
    except DomainError as error:
        field = error.field if isinstance(error, Invalid) else ""
        remedy = REMEDIES.get(field, "correct it at the sender and send it again, or replay")
        delivery.mark_failed(conn, kept, str(error), field, remedy, now)
    else:
        delivery.mark_done(conn, kept, done.site, now)
        for patient in done.patients:
            note_message(conn, key, done.peer, done.kind, patient, kept.id, now)


@dataclass(frozen=True, slots=True)
class Done:
    """What a message did: whose, at which site, to which patients."""

    peer: Peer
    site: SiteId
    kind: str  # order, patient, report
    patients: frozenset[PatientId]


def _apply(conn: Connection, kept: Received, now: datetime) -> Done:
    message = parse(kept.content)
    if kept.peer is None:
        raise Refused("the message's sender is no longer registered")
    peer = network.peer(conn, kept.peer)
    site = _site(conn, peer, message)
    zone = ZoneInfo(site.time_zone)
    kind, trigger = message.kind
    if (kind, trigger) in ORDER_KINDS:
        what = "order"
        touched = {_place(conn, site, one, now).patient for one in read_order(message, zone)}
    elif kind == "ADT":
        if trigger not in PATIENT_EVENTS:
            raise Invalid(f"ADT^{trigger} is not handled yet: it is kept", "MSH-9")
        what = "patient"
        touched = {_record(conn, site, read_patient(message, zone), now).id}
    elif kind == "ORU":
        what = "report"
        touched = {_receive_report(conn, site, one, now) for one in read_results(message, zone)}
    else:
        raise Invalid(f"{kind}^{trigger} is not handled: it is kept", "MSH-9")
    return Done(peer, site.id, what, frozenset(touched))


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


def _record(conn: Connection, site: Site, said: PatientMessage, now: datetime) -> Patient:
    return patients.record(conn, site.owner_group, demographics(site, said), now)


def demographics(site: Site, said: PatientMessage) -> Demographics:
    """Choose the identifier of the site's own assigner, else the first that has one.

    An identifier that names no assigner is the site's own: the sender is registered for it.
    """
    if not said.identifiers:
        raise Invalid("the message names no patient: send PID-3", "PID-3")
    own = [i for i in said.identifiers if i.assigner in ("", site.assigner)]
    chosen = (own or list(said.identifiers))[0]
    return Demographics(
        chosen.assigner or chosen.universal_id or site.assigner, chosen.value,
        said.name.family, " ".join(p for p in (said.name.given, said.name.middle) if p),
        said.birth_date, said.sex[:1].upper(), said.address.postal_code,
    )  # fmt: skip


def _place(conn: Connection, site: Site, said: OrderMessage, now: datetime) -> Order:
    patient = _record(conn, site, said.patient, now)
    known = orders.match(conn, site.owner_group, site.id, said.accession, "")
    _refuse_anothers(conn, known, patient)
    return orders.place(conn, site.owner_group, site.id, patient.id, order_content(said), now)


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
        referrer_name=_person(provider),
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


def _person(person: Person | None) -> str:
    if person is None:
        return ""
    name = ", ".join(p for p in (person.name.family, person.name.given) if p)
    return f"{name} {person.degree}".strip()


def _receive_report(
    conn: Connection, site: Site, came: ResultMessage, now: datetime
) -> PatientId:
    if came.status not in ("F", "C", "P", "A", "R"):
        raise Invalid("OBR-25 must be P, F or C for a report", "OBR-25")
    final = came.status in ("F", "C")
    patient = _record(conn, site, came.patient, now)
    found = orders.match(
        conn, site.owner_group, site.id, came.accession, came.study_uid or ""
    ) or [_order_of_report(conn, site, patient, came, now)]
    _refuse_anothers(conn, found, patient)
    studies = [s for order in found for s in imaging.studies_of_order(conn, order.id)]
    study = studies[0].id if studies else None
    ids = tuple(order.id for order in found)
    items = worklist.of_exam(conn, site.owner_group, study, ids)
    reading.receive(
        conn,
        reading.Received(
            site.owner_group, site.id, patient.id, ids, study,
            found[0].content.procedure_text or came.procedure.text, came.text, final,
            _person(came.reader), came.reported_at or came.sent_at or now,
            came.observed_at or found[0].content.exam_complete_at,
        ),
        [one for one in items if one.finished_at is None],
        now,
    )  # fmt: skip
    if final:
        orders.mark(conn, ids, REPORTED, now)
    return patient.id


def _refuse_anothers(conn: Connection, found: Sequence[Order], patient: Patient) -> None:
    """Raise Invalid where a message names one patient, and the order of another."""
    for order in found:
        if order.patient != patient.id and not _same(conn, order, patient):
            raise Invalid(
                "the accession number belongs to another patient's order: nothing was changed",
                "OBR-18",
            )


def _same(conn: Connection, order: Order, patient: Patient) -> bool:
    try:
        other = patients.get(conn, order.patient)
    except NotFound:
        return False
    return other.person is not None and other.person == patient.person


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
        status=REPORTED if came.status in ("F", "C") else COMPLETE,
        study_uid=came.study_uid or "",
        exam_complete_at=came.observed_at,
    )
    return orders.place(conn, site.owner_group, site.id, patient.id, content, now)


def identifier(patient: Patient) -> Identifier:
    """Write an identifier for PID-3: its value with its assigner."""
    return Identifier(patient.demographics.mrn, patient.demographics.assigner, type_code="MR")


def name(patient: Patient) -> Name:
    """Write a name for PID-5."""
    return Name(patient.demographics.family, patient.demographics.given)
