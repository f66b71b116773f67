"""Tell a site what became of its order here: ORM^O01 with ORC-1 SC.

Source: HL7 v2.5.1 sections 4.4.1 and 4.5.1; tables 0119, 0038 (ORC-5) and 0123 (OBR-25).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from confrere.hl7.datatypes import Coded, Identifier, Name, Person
from confrere.hl7.emit import Field, Header, message, segment
from confrere.hl7.outbound import Parties, number_field, patient_segment, reader_field
from confrere.hl7.timestamp import write_timestamp
from confrere.kernel.errors import Invalid

_CHANGED = "SC"  # table 0119: status changed


class OrderStatus(Enum):
    """ORC-5, OBR-25 and the words of ORC-16, as one."""

    READY = ("SC", "S", "waits to be read")
    READING = ("IP", "I", "is being read")
    READY_PRELIMINARY = ("SC", "P", "has a preliminary report, waits for the final one")
    READING_PRELIMINARY = ("IP", "P", "has a preliminary report, is being read")
    FINAL = ("CM", "F", "final report signed")
    CANCELLED = ("CA", "X", "taken off the list, the order was cancelled")
    REPORTED_THERE = ("CM", "F", "reported by the site itself")


@dataclass(frozen=True, slots=True)
class OutboundStatus:
    """The state of one order. `since` is aware: when the state began, for ORC-9 and OBR-22."""

    identifiers: tuple[Identifier, ...]
    name: Name
    birth_date: date | None
    sex: str
    placer: Identifier | None
    filler: Identifier | None
    accession: str
    procedure: Coded
    status: OrderStatus
    since: datetime
    reader: Person | None = None  # who reads, or signed
    patient_class: str = ""


def write_status(
    told: OutboundStatus, parties: Parties, control_id: str, sent_at: datetime
) -> bytes:
    """Write the message; Invalid without a patient identifier or any order number."""
    if not told.identifiers:
        raise Invalid("PID-3 must hold a patient identifier with its assigner", field="PID-3")
    if not (told.placer or told.filler or told.accession):
        raise Invalid("OBR-3 must hold an order number", field="OBR-3")
    header = Header(
        parties.sender, parties.receiver, ("ORM", "O01", "ORM_O01"), control_id, sent_at,
        processing=(parties.processing,),
    )  # fmt: skip
    return message(header, _segments(told))


def _segments(told: OutboundStatus) -> Iterator[str]:
    order, result, words = told.status.value
    since = write_timestamp(told.since)
    numbers: dict[int, Field] = {2: number_field(told.placer), 3: number_field(told.filler)}
    yield patient_segment(told.identifiers, told.name, told.birth_date, told.sex)
    # ORM^O01 asks for PV1-2 where there is a PV1 (table 0004: N is not applicable)
    yield segment("PV1", {1: "1", 2: told.patient_class or "N"})
    yield segment("ORC", {1: _CHANGED, **numbers, 5: order, 9: since, 16: ("", words)})
    request: dict[int, Field] = {
        1: "1", **numbers, 18: told.accession, 22: since, 25: result,
        4: (told.procedure.code, told.procedure.text, told.procedure.system),
        32: reader_field(told.reader) if told.reader else "",
    }  # fmt: skip
    yield segment("OBR", request)
