"""Read orders: ORM^O01, OMG^O19, OMI^O23. Source: HL7 v2.5.1 chapter 4; IHE RAD TF-2 4.2, 4.4."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum

from confrere.hl7.datatypes import (
    Coded,
    Identifier,
    Person,
    Times,
    part,
    prose,
    read_coded,
    read_codes,
    read_person,
    read_reader,
    value,
)
from confrere.hl7.groups import OrderGroup, order_groups, preamble
from confrere.hl7.parse import Message, Segment
from confrere.hl7.patients import PatientMessage, read_patient
from confrere.hl7.priority import Priority, read_priority
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import Uid

_KINDS = frozenset({("ORM", "O01"), ("OMG", "O19"), ("OMI", "O23")})
_NEW = "NW"
_COMPLETED = "CM"


class AccessionSource(StrEnum):
    """Where a site's system puts the accession number."""

    AUTOMATIC = "automatic"  # IPC-1, else OBR-18, else the filler order number
    IPC_1 = "IPC-1"
    OBR_18 = "OBR-18"
    OBR_19 = "OBR-19"
    OBR_20 = "OBR-20"
    FILLER = "filler"
    PLACER = "placer"


@dataclass(frozen=True, slots=True)
class Note:
    """A comment (NTE). `follows` is the segment it belongs to; `source` of table 0105."""

    follows: str
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Allergy:
    """One AL1: type, allergen, severity of table 0128, reaction."""

    kind: str
    allergen: Coded
    severity: str
    reaction: str


@dataclass(frozen=True, slots=True)
class Observation:
    """A value sent along with an order (OBX), such as weight or creatinine."""

    observed: Coded
    text: str
    units: str


@dataclass(frozen=True, slots=True)
class OrderMessage:
    """One order as one message tells it. Empty or None means "not told".

    Times are aware UTC. `transaction_at` is ORC-9, `sent_at` MSH-7. `completed_at` is told only
    when ORC-5 is CM: OBR-8, else ORC-9, else OBR-22; `observed_to` is OBR-8 in any case, which
    many senders fill with a plan. `patient_class` is of table 0004 as sent, `modality`
    IPC-5, else OBR-24 as sent. `unreadable` names fields that held what could not be read.
    """

    patient: PatientMessage
    control: str
    status: str
    result_status: str
    placer: Identifier | None
    filler: Identifier | None
    accession: str
    procedure: Coded
    priority: Priority
    modality: str
    transaction_at: datetime | None
    requested_at: datetime | None
    scheduled_at: datetime | None
    observed_from: datetime | None
    observed_to: datetime | None
    completed_at: datetime | None
    sent_at: datetime | None
    patient_class: str
    location: tuple[str, str, str, str]  # point of care, room, bed, facility
    ordering_provider: Person | None
    reason: str
    reason_codes: tuple[Coded, ...]
    clinical_information: str
    diagnoses: tuple[Coded, ...]
    notes: tuple[Note, ...]
    allergies: tuple[Allergy, ...]
    observations: tuple[Observation, ...]
    study_uid: Uid | None
    unreadable: tuple[str, ...]
    payer: tuple[str, str, str] = ("", "", "")  # PV1-20.1, IN1-15, IN1-4 as sent
    interpreter: Person | None = None  # OBR-32: who reads it, or read it


def read_order(
    message: Message,
    zone: tzinfo,
    accession: AccessionSource = AccessionSource.AUTOMATIC,
) -> tuple[OrderMessage, ...]:
    """Read every order of a message; `zone` is the site's, for times without an offset.

    Raises Invalid with the field: no patient, no order, an order without any number, or a new
    order that does not say what is to be done. Nothing is made up.
    """
    if message.kind not in _KINDS:
        raise Invalid("MSH-9 must be ORM^O01, OMG^O19 or OMI^O23", field="MSH-9")
    patient, groups = read_patient(message, zone), order_groups(message)
    if not groups:
        raise Invalid("The message must hold an order: ORC and OBR", field="ORC")
    return tuple(_order(message, group, patient, zone, accession) for group in groups)


def _order(
    message: Message,
    group: OrderGroup,
    patient: PatientMessage,
    zone: tzinfo,
    source: AccessionSource,
) -> OrderMessage:
    orc, obr, times = group.orc, group.obr, Times(zone)
    control, status = value(orc, 1).upper(), value(orc, 5).upper()
    transaction_at, observed_to = times.at(orc, 9), times.at(obr, 8)
    reported_at, procedure = times.at(obr, 22), read_coded(obr, 4)
    placer, filler = read_number(group, 2), read_number(group, 3)
    accession = read_accession(group, source, placer, filler)
    if not (placer or filler or accession):
        raise Invalid("ORC-2 or ORC-3 must hold an order number", field="ORC-2")
    if control == _NEW and procedure == Coded():
        raise Invalid("OBR-4 must say which procedure is ordered", field="OBR-4")
    pv1, in1 = _shared(message, "PV1"), _shared(message, "IN1")
    return OrderMessage(
        patient=patient,
        control=control,
        status=status,
        result_status=value(obr, 25).upper(),
        placer=placer,
        filler=filler,
        accession=accession,
        procedure=procedure,
        priority=_priority(group),
        modality=value(group.first("IPC"), 5) or value(obr, 24),
        transaction_at=transaction_at,
        requested_at=_requested_at(group, times),
        scheduled_at=times.at(obr, 36),
        observed_from=times.at(obr, 7),
        observed_to=observed_to,
        completed_at=(observed_to or transaction_at or reported_at)
        if status == _COMPLETED
        else None,
        sent_at=times.at(message.header, 7),
        patient_class=value(pv1, 2).upper(),
        location=(value(pv1, 3), value(pv1, 3, 2), value(pv1, 3, 3), value(pv1, 3, 4)),
        ordering_provider=read_person(obr, 16) or read_person(orc, 12),
        reason=_reason(obr),
        reason_codes=read_codes(obr, 31),
        clinical_information=prose(obr, 13),
        diagnoses=tuple(_diagnoses(message, group)),
        notes=tuple(_notes(group)),
        allergies=tuple(_allergies(message)),
        observations=tuple(_observations(group)),
        study_uid=times.uid(group.first("ZDS"), 1) or times.uid(group.first("IPC"), 3),
        unreadable=tuple(times.unreadable),
        payer=(value(pv1, 20), value(in1, 15), value(in1, 4)),
        interpreter=read_reader(obr, 32),
    )


def _shared(message: Message, name: str) -> Segment | None:
    told = (s for s in preamble(message) if s.name == name)
    return next(told, None) or message.first(name)


def read_number(group: OrderGroup, field: int) -> Identifier | None:
    """Read the placer (2) or filler (3) order number, from ORC, else from OBR."""
    for segment in (group.orc, group.obr):
        if segment and (text := value(segment, field)):
            assigner, universal_id, kind = (value(segment, field, n) for n in (2, 3, 4))
            return Identifier(text, assigner, universal_id, kind)
    return None


def read_accession(
    group: OrderGroup,
    source: AccessionSource,
    placer: Identifier | None,
    filler: Identifier | None,
) -> str:
    """Find the accession number where the site puts it; empty when it is not there."""
    numbers = {
        AccessionSource.IPC_1: value(group.first("IPC"), 1),
        AccessionSource.OBR_18: value(group.obr, 18),
        AccessionSource.OBR_19: value(group.obr, 19),
        AccessionSource.OBR_20: value(group.obr, 20),
        AccessionSource.FILLER: filler.value if filler else "",
        AccessionSource.PLACER: placer.value if placer else "",
    }
    if source is not AccessionSource.AUTOMATIC:
        return numbers[source]
    usual = (AccessionSource.IPC_1, AccessionSource.OBR_18, AccessionSource.FILLER)
    return next(filter(None, map(numbers.get, usual)), "")


def _priority(group: OrderGroup) -> Priority:
    raw = (
        value(group.orc, 7, 6)
        or value(group.first("TQ1"), 9)
        or value(group.obr, 27, 6)
        or value(group.obr, 5)
    )
    return read_priority(raw)


def _requested_at(group: OrderGroup, times: Times) -> datetime | None:
    return (
        times.at(group.orc, 7, 4)
        or times.at(group.first("TQ1"), 7)
        or times.at(group.obr, 27, 4)
        or times.at(group.obr, 6)
    )


def _reason(obr: Segment | None) -> str:
    told = (coded.text or coded.code for coded in read_codes(obr, 31))
    return "; ".join(told) or prose(obr, 13)


def _diagnoses(message: Message, group: OrderGroup) -> Iterator[Coded]:
    shared = (s for s in preamble(message) if s.name == "DG1")
    for dg1 in (*shared, *group.all("DG1")):
        coded = read_coded(dg1, 3)
        text, system = coded.text or prose(dg1, 4), coded.system or value(dg1, 2)
        if coded.code or text:
            yield Coded(coded.code, text, system)


def _notes(group: OrderGroup) -> Iterator[Note]:
    follows = "OBR" if group.obr else "ORC"
    for segment in group.rest:
        if segment.name != "NTE":
            follows = segment.name
        elif text := prose(segment, 3):
            yield Note(follows, value(segment, 2), text)


def _allergies(message: Message) -> Iterator[Allergy]:
    told = tuple(s for s in preamble(message) if s.name == "AL1") or message.all("AL1")
    for al1 in told:
        allergen = read_coded(al1, 3)
        if allergen != Coded():
            yield Allergy(value(al1, 2), allergen, value(al1, 4), prose(al1, 5))


def _observations(group: OrderGroup) -> Iterator[Observation]:
    for obx in group.all("OBX"):
        if text := prose(obx, 5):
            units = value(obx, 6) or part(obx, 6, 2, 1)
            yield Observation(read_coded(obx, 3), text, units)
