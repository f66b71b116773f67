"""Read who a message is about, and merges. Source: HL7 v2.5.1 sections 3.3 and 3.4.2."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from confrere.hl7.datatypes import (
    Address,
    Identifier,
    Name,
    Times,
    is_null,
    part,
    read_identifiers,
    read_name,
    value,
    wording,
)
from confrere.hl7.parse import Message, Segment
from confrere.kernel.errors import Invalid

NATIONAL_TYPE = "SS"  # table 0203
_LEGAL = "L"
_CLEARABLE = {5: "name", 7: "birth_date", 8: "sex", 11: "address", 13: "phones"}
_EMAIL_USES = frozenset({"INTERNET", "X.400"})


@dataclass(frozen=True, slots=True)
class PatientMessage:
    """A patient as one message tells it. Empty means "not told", never "none".

    `accounts` are of PID-18: each names a stay or a bill. `merged` are the identifiers of MRG that now belong to this patient (A40, A34, A36 ...).
    `cleared` names the attributes that the sender asks to delete with the explicit null.
    `unreadable` names fields, like "PID-7", that held something that could not be read.
    `national` is a social security or like number (PID-3 of type SS, else PID-19), in full.
    `sex` is as sent (table 0001). Times are aware UTC; `occurred_at` is EVN-6, else EVN-2,
    else MSH-7.
    """

    event: str
    control_id: str
    identifiers: tuple[Identifier, ...]
    accounts: tuple[Identifier, ...]
    name: Name
    other_names: tuple[Name, ...]
    birth_date: date | None
    sex: str
    address: Address
    phones: tuple[str, ...]
    email: str
    merged: tuple[Identifier, ...]
    national: str
    occurred_at: datetime | None
    cleared: frozenset[str]
    unreadable: tuple[str, ...]


def read_patient(message: Message, zone: tzinfo | None = None) -> PatientMessage:
    """Read the one patient of a message.

    `zone` is the site's, for times without an offset; without it such times stay unread.
    Raises Invalid when nobody is identified, or when PID segments name different people:
    a message must never land on two patients.
    """
    patients = read_patients(message, zone)
    if any(p.identifiers != patients[0].identifiers for p in patients[1:]):
        raise Invalid("PID-3 must name one patient in a message", field="PID-3")
    return patients[0]


def read_patients(message: Message, zone: tzinfo | None = None) -> tuple[PatientMessage, ...]:
    """Read every PID, each with the MRG that follow it: ADT^A40 may hold several merges."""
    pairs = tuple(_pairs(message))
    if not pairs:
        raise _nobody()
    return tuple(_read(message, pid, mrgs, zone) for pid, mrgs in pairs)


def _pairs(message: Message) -> Iterator[tuple[Segment, tuple[Segment, ...]]]:
    pid: Segment | None = None
    mrgs: list[Segment] = []
    for segment in message.segments:
        if segment.name == "PID":
            if pid:
                yield pid, tuple(mrgs)
            pid, mrgs = segment, []
        elif segment.name == "MRG" and pid:
            mrgs.append(segment)
    if pid:
        yield pid, tuple(mrgs)


def _read(
    message: Message, pid: Segment, mrgs: tuple[Segment, ...], zone: tzinfo | None
) -> PatientMessage:
    identifiers = read_identifiers(pid, 3) or (
        *read_identifiers(pid, 2),
        *read_identifiers(pid, 4),
    )
    if not identifiers:
        raise _nobody()
    times = Times(zone)
    evn, names = message.first("EVN"), _names(pid)
    return PatientMessage(
        event=message.kind[1] or value(evn, 1),
        control_id=value(message.header, 10),
        identifiers=identifiers,
        accounts=read_identifiers(pid, 18),
        name=names[0],
        other_names=names[1:],
        birth_date=times.day(pid, 7),
        sex=value(pid, 8).upper(),
        address=_address(pid),
        phones=tuple(_phones(pid)),
        email=_email(pid),
        merged=tuple(i for mrg in mrgs for i in _merged(mrg)),
        national=_national(pid, identifiers),
        occurred_at=times.at(evn, 6) or times.at(evn, 2) or times.at(message.header, 7),
        cleared=frozenset(name for n, name in _CLEARABLE.items() if is_null(pid, n)),
        unreadable=tuple(times.unreadable),
    )


def _national(pid: Segment, identifiers: tuple[Identifier, ...]) -> str:
    told = (one.value for one in identifiers if one.type_code.upper() == NATIONAL_TYPE)
    return next(told, value(pid, 19))


def _nobody() -> Invalid:
    return Invalid("PID-3 must hold a patient identifier with its assigner", field="PID-3")


def _merged(mrg: Segment) -> tuple[Identifier, ...]:
    old = read_identifiers(mrg, 1) or read_identifiers(mrg, 4)
    if not old:
        raise Invalid("MRG-1 must hold the identifier that is merged away", field="MRG-1")
    return old


def _names(pid: Segment) -> tuple[Name, ...]:
    count = range(pid.repetitions(5))
    legal_first = sorted(count, key=lambda n: value(pid, 5, 7, n).upper() != _LEGAL)
    told = [read_name(pid, 5, n) for n in legal_first]
    told += [read_name(pid, 9, n) for n in range(pid.repetitions(9))]
    return tuple(name for name in told if name != Name()) or (Name(),)


def _address(pid: Segment) -> Address:
    other, city, state, postal_code, country = (wording(pid, 11, n) for n in range(2, 7))
    return Address(part(pid, 11, 1, 1), other, city, state, postal_code, country)


def _phones(pid: Segment) -> Iterator[str]:
    for field in (13, 14):
        for n in range(pid.repetitions(field)):
            if value(pid, field, 3, n).upper() in _EMAIL_USES:
                continue
            pieces = (value(pid, field, component, n) for component in (5, 6, 7))
            written = value(pid, field, 1, n) or value(pid, field, 12, n)
            if number := written or " ".join(filter(None, pieces)):
                yield number


def _email(pid: Segment) -> str:
    for n in range(pid.repetitions(13)):
        if value(pid, 13, 3, n).upper() in _EMAIL_USES:
            return value(pid, 13, 4, n) or value(pid, 13, 1, n)
    return ""
