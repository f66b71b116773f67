"""The format of spool segments: records one behind the other in a file that is used again.

A record is a header, the content and a note; the next one begins at the next page. A use of the
file has a random number of its own, its turn: where the turn changes, what follows are leftovers
of an earlier use. A header is written after its content, and believed only with a content that
has its digest: so a reader of an earlier use, or after a crash, takes nothing that is not whole.
"""

import hashlib
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

SEGMENT_BYTES = 32 << 20
PAGE = 4096
SUFFIX = ".seg"
MAGIC = b"CFSPOOL2"
LONGEST_NOTE = 0xFFFF
_HEADER = Struct("<8s16sQ32sHxxI")  # magic, turn, size, digest, note's size, note's CRC-32
HEADER_BYTES = _HEADER.size


@dataclass(frozen=True, slots=True)
class Record:
    """Where one content lies."""

    path: Path
    turn: bytes
    at: int
    size: int
    digest: bytes
    note_size: int = 0
    note_crc: int = 0

    @property
    def end(self) -> int:
        """Where the next record begins."""
        return self.at + room(self.size + self.note_size)


def room(size: int) -> int:
    """Bytes that a content and note of this size take in a segment."""
    return -(-(HEADER_BYTES + size) // PAGE) * PAGE


def header(record: Record) -> bytes:
    """Build a record's header."""
    return _HEADER.pack(
        MAGIC, record.turn, record.size, record.digest, record.note_size, record.note_crc
    )


def scan(fd: int, path: Path, after: Record | None = None) -> Iterator[Record]:
    """Yield the records of a segment's present turn, those behind `after` only.

    When `after` is of an earlier turn, all of them. A torn record may be among them: only one
    whose digest fits was ever synced.
    """
    first = read_header(fd, path, 0)
    if first is None:
        return
    current = after if after is not None and after.turn == first.turn else None
    if current is None:
        yield first
        current = first
    while (following := read_header(fd, path, current.end)) is not None:
        if following.turn != first.turn:
            return
        yield following
        current = following


def read_header(fd: int, path: Path, at: int) -> Record | None:
    """Read the header at `at`; None where no record fits."""
    raw = os.pread(fd, _HEADER.size, at)
    if len(raw) < _HEADER.size:
        return None
    magic, turn, size, digest, note_size, note_crc = _HEADER.unpack(raw)
    if magic != MAGIC or at + room(size + note_size) > SEGMENT_BYTES:
        return None
    return Record(path, turn, at, size, digest, note_size, note_crc)


def read(fd: int, record: Record) -> bytes | None:
    """Read a record's content; None when it is not whole or the segment moved on."""
    content = os.pread(fd, record.size, record.at + HEADER_BYTES)
    if read_header(fd, record.path, record.at) != record:
        return None
    return content if hashlib.sha256(content).digest() == record.digest else None


def read_note(fd: int, record: Record) -> bytes:
    """Read a record's note; empty when it has none or it is not whole."""
    note = os.pread(fd, record.note_size, record.at + HEADER_BYTES + record.size)
    return note if zlib.crc32(note) == record.note_crc else b""
