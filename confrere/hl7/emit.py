"""Write HL7 v2 messages. Every value is escaped here and nowhere else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from confrere.hl7.escape import STANDARD, escape
from confrere.hl7.timestamp import write_timestamp

Component = str | tuple[str, ...]
Repetition = str | tuple[Component, ...]


@dataclass(frozen=True, slots=True)
class Repeated:
    """A field with several repetitions."""

    values: tuple[Repetition, ...]


Field = str | tuple[Component, ...] | Repeated


@dataclass(frozen=True, slots=True)
class Header:
    """What MSH says: who sends what to whom, when. Parties are HD parts (namespace, id, type)."""

    sender: tuple[tuple[str, ...], tuple[str, ...]]  # application, facility
    receiver: tuple[tuple[str, ...], tuple[str, ...]]
    kind: tuple[str, ...]  # e.g. ("ORU", "R01", "ORU_R01")
    control_id: str
    sent_at: datetime
    version: str = "2.5.1"
    processing: tuple[str, ...] = ("P",)


def segment(name: str, fields: Mapping[int, Field]) -> str:
    """Write one segment from its fields by number; trailing empty fields are left out."""
    last = max((number for number, value in fields.items() if value), default=0)
    written = (_field(fields.get(number, "")) for number in range(1, last + 1))
    return STANDARD.field.join((name, *written))


def message(header: Header, segments: Iterable[str]) -> bytes:
    """Write a message: MSH, then `segments` as made by `segment`, each ended by CR.

    ASCII when it fits, else UTF-8 and MSH-18 says so. A lone surrogate becomes `?`.
    """
    body = tuple(segments)
    plain = "\r".join((_header(header, ""), *body, ""))
    if plain.isascii():
        return plain.encode("ascii")
    return "\r".join((_header(header, "UNICODE UTF-8"), *body, "")).encode("utf-8", "replace")


def _header(header: Header, character_set: str) -> str:
    rest: dict[int, Field] = {
        1: header.sender[0],
        2: header.sender[1],
        3: header.receiver[0],
        4: header.receiver[1],
        5: write_timestamp(header.sent_at),
        7: header.kind,
        8: header.control_id,
        9: header.processing,
        10: header.version,
        16: character_set,
    }
    return segment(f"MSH{STANDARD.field}{STANDARD.encoding_characters}", rest)


def _field(value: Field) -> str:
    if isinstance(value, Repeated):
        return STANDARD.repetition.join(map(_repetition, value.values))
    return _repetition(value)


def _repetition(value: Repetition) -> str:
    if isinstance(value, str):
        return escape(value)
    return STANDARD.component.join(map(_component, value)).rstrip(STANDARD.component)


def _component(value: Component) -> str:
    if isinstance(value, str):
        return escape(value)
    return STANDARD.sub.join(map(escape, value)).rstrip(STANDARD.sub)
