"""Multipart bodies, written and read in pieces (RFC 2046, RFC 2387). Pure.

Reading is bounded: boundary 70 characters, preamble and each part's head 16 KiB, and at most
so many parts; what parts hold is handed on and never kept.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from confrere.kernel.errors import Invalid

LONGEST_HEAD = 16 << 10
MOST_PARTS = 10_000
BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
PARAMETER = re.compile(r';\s*([A-Za-z-]+)\s*=\s*("[^"]*"|[^;\s"]+)')


@dataclass(frozen=True, slots=True)
class Began:
    """A part began; header names in lower case."""

    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of the part's content."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The part is whole."""


Event = Began | Piece | Ended


class TooMuch(Invalid):
    """The body is larger than any that is taken (413)."""


def parameters(content_type: str) -> dict[str, str]:
    """Read a media type's parameters; names in lower case."""
    found = PARAMETER.findall(content_type[:1024])
    return {name.lower(): value.strip('"') for name, value in found}


class Reader:
    """Reads a multipart body piece by piece; raises Invalid when it breaks the rules."""

    def __init__(self, boundary: str) -> None:
        if not BOUNDARY.fullmatch(boundary):
            raise Invalid("the boundary must be 1 to 70 allowed characters", "Content-Type")
        self._mark = b"\r\n--" + boundary.encode("ascii")
        self._held = bytearray(b"\r\n")  # the first boundary has no line before it
        self._state = self._preamble
        self._parts = 0
        self.finished = False

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take the next bytes of the body."""
        self._held += data
        while not self.finished and (step := self._state()) is not None:
            yield from step

    def finish(self) -> None:
        """Raise Invalid unless the closing boundary was seen."""
        if not self.finished:
            raise Invalid("the body ends before its closing boundary: send it again", "body")

    def _preamble(self) -> list[Event] | None:
        at = self._held.find(self._mark)
        if at < 0:
            if len(self._held) > LONGEST_HEAD:
                raise Invalid("no boundary where the body begins", "body")
            return None
        del self._held[: at + len(self._mark)]
        self._state = self._after_mark
        return []

    def _after_mark(self) -> list[Event] | None:
        if self._held.startswith(b"--"):
            self.finished = True
            self._held.clear()
            return []
        end = self._held.find(b"\r\n")
        if end < 0:
            if len(self._held) > LONGEST_HEAD:
                raise Invalid("a boundary line has no end", "body")
            return None
        if self._held[:end].strip(b" \t"):
            raise Invalid("the boundary occurs inside a part: choose another", "body")
        del self._held[:end]  # the line end stays: an empty head begins with it
        self._state = self._head
        return []

    def _head(self) -> list[Event] | None:
        end = self._held.find(b"\r\n\r\n")
        if end > LONGEST_HEAD or (end < 0 and len(self._held) > LONGEST_HEAD):
            raise Invalid("a part's head is longer than 16 KiB", "body")
        if end < 0:
            return None
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise TooMuch(f"the body has more than {MOST_PARTS} parts: send fewer", "body")
        lines = bytes(self._held[:end]).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines if line.strip())
        del self._held[: end + 4]
        self._state = self._content
        return [Began({name.strip().lower(): value.strip() for name, _, value in pairs})]

    def _content(self) -> list[Event] | None:
        at = self._held.find(self._mark)
        if at >= 0:
            content = self._first(at)
            del self._held[: at + len(self._mark)]
            self._state = self._after_mark
            return [Piece(content), Ended()] if content else [Ended()]
        safe = len(self._held) - len(self._mark) + 1
        if safe <= 0:
            return None
        content = self._first(safe)
        del self._held[:safe]
        return [Piece(content)]

    def _first(self, count: int) -> bytes:
        with memoryview(self._held) as view:
            return bytes(view[:count])  # a slice of the array would be copied twice


def part_head(boundary: str, headers: dict[str, str], *, first: bool) -> bytes:
    """Write what stands before a part's content."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    start = "" if first else "\r\n"
    return f"{start}--{boundary}\r\n{lines}\r\n".encode("latin-1")


def closing(boundary: str) -> bytes:
    """Write the end of the body."""
    return f"\r\n--{boundary}--\r\n".encode("ascii")
