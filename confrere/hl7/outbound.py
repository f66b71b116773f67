"""Write our own signed reports as ORU^R01 v2.5.1. Source: HL7 v2.5.1 section 7.3.1."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from confrere.hl7.datatypes import Coded, Identifier, Name, Person
from confrere.hl7.emit import Component, Field, Header, Repeated, message, segment
from confrere.hl7.timestamp import write_timestamp
from confrere.kernel.errors import Invalid

_REPORT = ("18748-4", "Diagnostic imaging report", "LN")
_ORDER_STATUS = {"P": "IP", "F": "CM", "C": "CM"}  # OBR-25 -> ORC-5, tables 0123 and 0038


@dataclass(frozen=True, slots=True)
class Parties:
    """Sender and receiver, each application and facility as HD parts."""

    sender: tuple[tuple[str, ...], tuple[str, ...]]
    receiver: tuple[tuple[str, ...], tuple[str, ...]]
    processing: str = "P"


@dataclass(frozen=True, slots=True)
class OutboundResult:
    """A report to send. `status` is P, F or C. Times are aware; `text` has one line per OBX."""

    identifiers: tuple[Identifier, ...]
    name: Name
    birth_date: date | None
    sex: str
    placer: Identifier | None
    filler: Identifier | None
    accession: str
    procedure: Coded
    status: str
    reader: Person
    observed_at: datetime | None
    reported_at: datetime
    text: str
    patient_class: str = ""
    study_uid: str = ""


def write_result(
    result: OutboundResult, parties: Parties, control_id: str, sent_at: datetime
) -> bytes:
    """Write the message; every value is escaped, so that none can become another field.

    Raises Invalid for a report without a patient identifier, order number or known status.
    """
    if not result.identifiers:
        raise Invalid("PID-3 must hold a patient identifier with its assigner", field="PID-3")
    if not (result.placer or result.filler or result.accession):
        raise Invalid("OBR-3 must hold an order number", field="OBR-3")
    if result.status not in _ORDER_STATUS:
        raise Invalid("OBR-25 must be P, F or C", field="OBR-25")
    header = Header(
        parties.sender,
        parties.receiver,
        ("ORU", "R01", "ORU_R01"),
        control_id,
        sent_at,
        processing=(parties.processing,),
    )
    return message(header, _segments(result))


def _segments(result: OutboundResult) -> Iterator[str]:
    yield patient_segment(result.identifiers, result.name, result.birth_date, result.sex)
    if result.patient_class:
        yield segment("PV1", {1: "1", 2: result.patient_class})
    numbers: dict[int, Field] = {2: number_field(result.placer), 3: number_field(result.filler)}
    yield segment("ORC", {1: "RE", **numbers, 5: _ORDER_STATUS[result.status]})
    yield segment("OBR", {1: "1", **numbers, **_report(result)})
    lines = result.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, line in enumerate(lines, start=1):
        yield segment("OBX", _line(number, line, result.status))
    if result.study_uid:
        yield segment("ZDS", {1: (result.study_uid, "", "Application", "DICOM")})


def patient_segment(
    identifiers: tuple[Identifier, ...], name: Name, birth_date: date | None, sex: str
) -> str:
    """Write PID; no identifier is ever made up."""
    return segment(
        "PID",
        {
            1: "1",
            3: Repeated(tuple(map(_identifier, identifiers))),
            5: (name.family, name.given, name.middle, name.suffix, name.prefix),
            7: birth_date.isoformat().replace("-", "") if birth_date else "",
            8: sex,
        },
    )


def _identifier(identifier: Identifier) -> tuple[Component, ...]:
    assigner = (identifier.assigner, identifier.universal_id, identifier.universal_id_type)
    return (identifier.value, "", "", assigner, identifier.type_code)


def number_field(number: Identifier | None) -> tuple[Component, ...]:
    """Write an order number (EI)."""
    if number is None:
        return ()
    return (number.value, number.assigner, number.universal_id, number.universal_id_type)


def reader_field(reader: Person) -> tuple[Component, ...]:
    """Write who interprets (NDL), for OBR-32."""
    name = reader.name
    return (
        (
            reader.identifier,
            name.family,
            name.given,
            name.middle,
            name.suffix,
            name.prefix,
            reader.degree,
            "",
            reader.assigner,
        ),
    )


def _report(result: OutboundResult) -> dict[int, Field]:
    procedure = result.procedure
    return {
        4: (procedure.code, procedure.text, procedure.system),
        7: write_timestamp(result.observed_at) if result.observed_at else "",
        18: result.accession,
        22: write_timestamp(result.reported_at),
        25: result.status,
        32: reader_field(result.reader),
    }


def _line(number: int, text: str, status: str) -> dict[int, Field]:
    return {1: str(number), 2: "TX", 3: _REPORT, 4: str(number), 5: text, 11: status}
