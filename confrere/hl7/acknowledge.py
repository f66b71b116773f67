"""Build and read acknowledgements. Source: HL7 v2.5.1 sections 2.9.2, 2.15.5 and 2.15.8."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from confrere.hl7.emit import Field, Header, message, segment
from confrere.hl7.envelope import Envelope
from confrere.hl7.parse import parse
from confrere.kernel.errors import Invalid

_NEWEST = "2.5.1"
_FIRST_WITH_ERR_PARTS = (2, 5)
_FIRST_WITH_STRUCTURE = (2, 3, 1)
_VERSION = re.compile(r"\d+(?:\.\d+){1,3}", re.ASCII)
_LOCATION = re.compile(r"([A-Z][A-Z0-9]{2})(?:-(\d{1,3})(?:\.(\d{1,3}))?)?", re.ASCII)
_LONGEST_TEXT = 250


class Code(StrEnum):
    """MSA-1 in original mode (table 0008)."""

    ACCEPTED = "AA"
    ERROR = "AE"  # trying again later may help
    REJECTED = "AR"  # trying the same again will not


class Fault(NamedTuple):
    """A condition of table HL70357."""

    code: str
    text: str


SEGMENT_SEQUENCE = Fault("100", "Segment sequence error")
REQUIRED_FIELD = Fault("101", "Required field missing")
DATA_TYPE = Fault("102", "Data type error")
UNSUPPORTED_TYPE = Fault("200", "Unsupported message type")
UNKNOWN_KEY = Fault("204", "Unknown key identifier")
INTERNAL = Fault("207", "Application internal error")


class Stamp(NamedTuple):
    """When an acknowledgement is made, aware, and its own control id (at most 20 characters)."""

    at: datetime
    control_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What to tell the sender: a code and, unless accepted, why and where.

    `text` is for people and must hold no patient data; `location` is like "PID" or "PID-3.1".
    """

    code: Code
    text: str = ""
    fault: Fault = INTERNAL
    location: str = ""


def acknowledge(envelope: Envelope, answer: Answer, stamp: Stamp) -> bytes:
    """Build the ACK, in the sender's version and processing mode, with the parties swapped.

    Works without any readable MSH: then MSA-2 is empty and version 2.5.1 is assumed.
    """
    version = envelope.version if _VERSION.fullmatch(envelope.version) else _NEWEST
    number = tuple(map(int, version.split(".")))
    kind = ("ACK", envelope.trigger, "ACK" if number >= _FIRST_WITH_STRUCTURE else "")
    header = Header(
        sender=(envelope.receiving_application, envelope.receiving_facility),
        receiver=(envelope.sending_application, envelope.sending_facility),
        kind=kind if envelope.trigger else ("ACK",),
        control_id=stamp.control_id,
        sent_at=stamp.at,
        version=version,
        processing=envelope.processing or ("P",),
    )
    text = answer.text[:_LONGEST_TEXT]
    segments = [segment("MSA", {1: answer.code.value, 2: envelope.control_id, 3: text})]
    if answer.code is not Code.ACCEPTED:
        parted = number >= _FIRST_WITH_ERR_PARTS
        segments.append(segment("ERR", _err(answer) if parted else _old_err(answer)))
    return message(header, segments)


def _err(answer: Answer) -> dict[int, Field]:
    return {
        2: _location(answer.location),
        3: (*answer.fault, "HL70357"),
        4: "E",
        8: answer.text[:_LONGEST_TEXT],
    }


def _old_err(answer: Answer) -> dict[int, Field]:
    place = (*_location(answer.location)[:3], "", "", "")[:3]
    return {1: (*place, (*answer.fault, "HL70357"))}


def _location(location: str) -> tuple[str, ...]:
    found = _LOCATION.fullmatch(location)
    if not found:
        return ()
    name, field, component = found.groups("")
    return (name, "1", field, "1" if component else "", component)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What a receiver answered: MSA-1 (AA, AE, AR; CA, CE, CR), its words, and MSA-2."""

    code: str
    text: str
    control_id: str

    @property
    def accepted(self) -> bool:
        """Whether the receiver took the message."""
        return self.code in {"AA", "CA"}


def read_acknowledgement(raw: bytes) -> Acknowledgement:
    """Read an ACK. Raises Invalid when it is none."""
    answer = parse(raw)
    msa, err = answer.first("MSA"), answer.first("ERR")
    code = msa.text(1).strip().upper() if msa else ""
    if msa is None or code not in {"AA", "AE", "AR", "CA", "CE", "CR"}:
        raise Invalid("MSA-1 must hold an acknowledgement code", field="MSA-1")
    said = msa.text(3, component=None).strip()
    if not said and err:
        said = err.text(8, component=None).strip() or err.text(3, 2).strip()
    return Acknowledgement(code, said, msa.text(2).strip())
