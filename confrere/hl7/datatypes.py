"""HL7 composite data types as plain values. Source: HL7 v2.5.1 chapter 2.A.

Every text is unescaped and stripped. The explicit null `""` reads as empty here; who must
tell "delete" from "unknown" asks `is_null`.
"""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo

from confrere.hl7.parse import Segment
from confrere.hl7.timestamp import read_date, read_timestamp
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import Uid

NULL = '""'
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*", re.ASCII)
_LONGEST_UID = 64


@dataclass(frozen=True, slots=True)
class Coded:
    """A code of some coding system (CE, CWE, CNE)."""

    code: str = ""
    text: str = ""
    system: str = ""


@dataclass(frozen=True, slots=True)
class Identifier:
    """An identifier and who assigned it (CX, EI). Without its assigner it identifies nothing."""

    value: str
    assigner: str = ""
    universal_id: str = ""
    universal_id_type: str = ""
    type_code: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    """A person's name (XPN)."""

    family: str = ""
    given: str = ""
    middle: str = ""
    suffix: str = ""
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """A provider (XCN, CNN): name, degree, and an identifier with its assigner."""

    identifier: str = ""
    name: Name = field(default_factory=Name)
    degree: str = ""
    assigner: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address (XAD)."""

    street: str = ""
    other: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""


def value(segment: Segment | None, number: int, component: int = 1, repetition: int = 0) -> str:
    """Return a field's component, stripped; empty when segment, value or meaning is absent."""
    if segment is None:
        return ""
    return _clean(segment.text(number, component, repetition))


def wording(segment: Segment | None, number: int, component: int, repetition: int = 0) -> str:
    """Return display text: an unescaped subcomponent mark in it is taken literally."""
    if segment is None:
        return ""
    return _clean(segment.text(number, component, repetition, sub=None))


def part(segment: Segment, number: int, component: int, sub: int, repetition: int = 0) -> str:
    """Return a subcomponent, stripped."""
    return _clean(segment.text(number, component, repetition, sub))


def prose(segment: Segment | None, number: int) -> str:
    """Return free text: components taken literally, repetitions as lines, ends stripped."""
    if segment is None:
        return ""
    count = segment.repetitions(number)
    lines = (segment.text(number, component=None, repetition=n) for n in range(count))
    return _clean("\n".join(lines))


def is_null(segment: Segment, number: int) -> bool:
    """Tell whether the sender asks to delete this field's value."""
    return segment.raw(number).strip() == NULL


def read_coded(segment: Segment | None, number: int, repetition: int = 0) -> Coded:
    """Read a CE, CWE or CNE; the alternate triple stands in for an empty first one."""
    for first in (1, 4):
        coded = Coded(
            value(segment, number, first, repetition),
            wording(segment, number, first + 1, repetition),
            value(segment, number, first + 2, repetition),
        )
        if coded.code or coded.text:
            return coded
    return Coded()


def read_codes(segment: Segment | None, number: int) -> tuple[Coded, ...]:
    """Read every repetition that says something."""
    count = segment.repetitions(number) if segment else 0
    codes = (read_coded(segment, number, n) for n in range(count))
    return tuple(coded for coded in codes if coded != Coded())


def read_identifiers(segment: Segment | None, number: int) -> tuple[Identifier, ...]:
    """Read every CX of a field that has a value."""
    if segment is None:
        return ()
    read = (_identifier(segment, number, n) for n in range(segment.repetitions(number)))
    return tuple(identifier for identifier in read if identifier.value)


def _identifier(segment: Segment, number: int, repetition: int) -> Identifier:
    return Identifier(
        value=value(segment, number, 1, repetition),
        assigner=part(segment, number, 4, 1, repetition),
        universal_id=part(segment, number, 4, 2, repetition),
        universal_id_type=part(segment, number, 4, 3, repetition),
        type_code=value(segment, number, 5, repetition),
    )


def read_name(segment: Segment, number: int, repetition: int = 0) -> Name:
    """Read an XPN."""
    family, given, middle, suffix, prefix = (
        value(segment, number, component, repetition) for component in range(1, 6)
    )
    return Name(family, given, middle, suffix, prefix)


def read_person(segment: Segment | None, number: int) -> Person | None:
    """Read the first XCN of a field; None when empty."""
    if segment is None:
        return None
    identifier, family, given, middle, suffix, prefix, degree = (
        value(segment, number, component) for component in range(1, 8)
    )
    name = Name(family, given, middle, suffix, prefix)
    person = Person(identifier, name, degree, part(segment, number, 9, 1))
    return person if identifier or name != Name() else None


def read_reader(segment: Segment | None, number: int) -> Person | None:
    """Read the first NDL of a field; None when empty. An XCN in its place is understood too."""
    if segment is None:
        return None
    if _clean(segment.text(number, 2))[:1].isalpha():
        return read_person(segment, number)
    identifier, family, given, middle, suffix, prefix, degree, _, assigner = (
        part(segment, number, 1, sub) for sub in range(1, 10)
    )
    name = Name(family, given, middle, suffix, prefix)
    person = Person(identifier, name, degree, assigner)
    return person if identifier or name != Name() else None


@dataclass(slots=True)
class Times:
    """Reads times and UIDs of optional fields and remembers which could not be read.

    A malformed optional time must not lose an order; nor may it pass silently.
    """

    zone: tzinfo | None
    unreadable: list[str] = field(default_factory=list)

    def at(self, segment: Segment | None, number: int, component: int = 1) -> datetime | None:
        """Return a field's time as aware UTC, None when absent or unreadable."""
        if segment is None:
            return None
        name = f"{segment.name}-{number}"
        try:
            return read_timestamp(segment.text(number, component), self.zone, name)
        except Invalid:
            self.unreadable.append(name)
            return None

    def day(self, segment: Segment, number: int) -> date | None:
        """Return a field's calendar date, None when absent or unreadable."""
        name = f"{segment.name}-{number}"
        try:
            return read_date(segment.text(number), name)
        except Invalid:
            self.unreadable.append(name)
            return None

    def uid(self, segment: Segment | None, number: int) -> Uid | None:
        """Return a field's DICOM UID, None when absent or malformed."""
        text = value(segment, number)
        if segment is None or not text:
            return None
        if len(text) <= _LONGEST_UID and _UID.fullmatch(text):
            return Uid(text)
        self.unreadable.append(f"{segment.name}-{number}")
        return None


def _clean(text: str) -> str:
    text = text.strip()
    return "" if text == NULL else text
