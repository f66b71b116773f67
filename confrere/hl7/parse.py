"""Read an HL7 v2 message: tolerant in form, bounded in size, strict about what could mislead.

Fields are cut only when asked for, so that a hostile message costs no more than its bytes.
Source: HL7 v2.5.1 chapter 2.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from confrere.hl7.charset import choose_encoding
from confrere.hl7.escape import Delimiters, read_delimiters, unescape
from confrere.kernel.errors import Invalid

LARGEST_MESSAGE = 16 * 1024 * 1024
MOST_SEGMENTS = 100_000
MOST_FIELDS = 10_000
MOST_REPETITIONS = 1_000

_HEADERS = frozenset({"MSH", "BHS", "FHS"})
_TEXT_BEARING = frozenset({"OBX", "NTE"})
_SEGMENT_END = re.compile(rb"\r\n|\r|\n")
_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
_NAME_LENGTH = 3


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment. Fields, components and subcomponents count from 1, repetitions from 0."""

    name: str
    line: str
    delimiters: Delimiters
    encoding: str

    def raw(self, field: int) -> str:
        """Return a field as received, escapes and all; empty when absent."""
        if self.name in _HEADERS:
            if field == 1:
                return self.delimiters.field
            field -= 1
        parts = self.line.split(self.delimiters.field, field + 1)
        return parts[field] if 0 < field < len(parts) else ""

    def repetitions(self, field: int) -> int:
        """Count the repetitions of a field; an empty field has none. Invalid beyond 1,000."""
        raw, mark = self.raw(field), self.delimiters.repetition
        count = (raw.count(mark) if mark else 0) + 1 if raw else 0
        if count > MOST_REPETITIONS:
            name = f"{self.name}-{field}"
            raise Invalid(f"{name} holds more than 1,000 repetitions", field=name)
        return count

    def text(
        self,
        field: int,
        component: int | None = 1,
        repetition: int = 0,
        sub: int | None = 1,
    ) -> str:
        """Return one value, unescaped; empty when absent.

        `component=None` gives the whole repetition and `sub=None` the whole component, lower
        delimiters taken literally: for free text, where senders forget to escape them.
        The explicit null `""` is returned as it is: it means "delete", not "unknown".
        """
        marks = self.delimiters
        if self.name in _HEADERS and field in {1, 2}:
            return self.raw(field)
        value = _part(self.raw(field), marks.repetition, repetition)
        if component is not None:
            value = _part(value, marks.component, component - 1)
            if sub is not None:
                value = _part(value, marks.sub, sub - 1)
        return unescape(value, marks, self.encoding)


def _part(text: str, separator: str, index: int) -> str:
    parts = text.split(separator, index + 1) if separator else [text]
    return parts[index] if 0 <= index < len(parts) else ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message: its segments in order, MSH first, and how its bytes were read."""

    segments: tuple[Segment, ...]
    delimiters: Delimiters
    encoding: str

    @property
    def header(self) -> Segment:
        """MSH."""
        return self.segments[0]

    @property
    def kind(self) -> tuple[str, str]:
        """Message type and trigger event, MSH-9.1 and MSH-9.2."""
        return self.header.text(9).strip().upper(), self.header.text(9, 2).strip().upper()

    def first(self, name: str) -> Segment | None:
        """Return the first segment of that name."""
        return next((s for s in self.segments if s.name == name), None)

    def all(self, name: str) -> tuple[Segment, ...]:
        """Return every segment of that name, in order."""
        return tuple(s for s in self.segments if s.name == name)


def strip_frame(raw: bytes) -> bytes:
    """Remove a byte order mark, MLLP marks and blank lines around a message."""
    return raw.removeprefix(b"\xef\xbb\xbf").lstrip(b"\x0b\r\n\t ").rstrip(b"\x1c\r\n")


def parse(raw: bytes) -> Message:
    """Parse one message. Raises only Invalid, naming the segment or field.

    Segments end with CR, CRLF or LF. A line that can't be a segment continues the one before
    it (senders leave bare line feeds in report text), joined by a line feed.
    """
    if len(raw) > LARGEST_MESSAGE:
        raise Invalid("The message is larger than 16 MiB; send it in parts", field="MSH")
    body = strip_frame(raw)
    if not body.startswith(b"MSH"):
        raise Invalid("The message must begin with MSH; split batches first", field="MSH")
    lines = _lines(body)
    start = lines[0].decode("iso8859-1")
    delimiters = read_delimiters(start)
    encoding = choose_encoding(lines, _declared(start, delimiters))
    segments = tuple(_segments(lines, delimiters, encoding))
    if any(s.name in _HEADERS for s in segments[1:]):
        raise Invalid("One message must hold one MSH; split batches first", field="MSH")
    return Message(segments, delimiters, encoding)


def _lines(body: bytes) -> list[bytes]:
    ends = body.count(b"\r") + body.count(b"\n") - body.count(b"\r\n")
    if ends >= MOST_SEGMENTS:
        raise Invalid("The message holds more than 100,000 segments", field="MSH")
    return _SEGMENT_END.split(body)


def _declared(header: str, delimiters: Delimiters) -> str:
    return Segment("MSH", header, delimiters, "iso8859-1").text(18)


def _segments(lines: list[bytes], delimiters: Delimiters, encoding: str) -> Iterator[Segment]:
    name, parts = "", list[str]()
    for raw in lines:
        line = raw.decode(encoding)
        if not parts or _begins(line, delimiters.field, name):
            if parts:
                yield _segment(name, parts, delimiters, encoding)
            name, parts = line[:_NAME_LENGTH], [line]
        elif line or name in _TEXT_BEARING:
            parts.append(line)
    yield _segment(name, parts, delimiters, encoding)


def _begins(line: str, separator: str, previous: str) -> bool:
    if not _NAME.match(line):
        return False
    if len(line) == _NAME_LENGTH:
        return previous not in _TEXT_BEARING
    return line[_NAME_LENGTH] == separator


def _segment(name: str, parts: list[str], marks: Delimiters, encoding: str) -> Segment:
    line = "\n".join(parts)
    if line.count(marks.field) > MOST_FIELDS:
        raise Invalid(f"{name} holds more than 10,000 fields", field=name)
    return Segment(name, line, marks, encoding)
