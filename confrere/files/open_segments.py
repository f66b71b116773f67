"""Segments while they are written: by all who append, or leased to one stream."""

import os
import secrets
import zlib
from collections.abc import Callable
from pathlib import Path

from confrere.files import segments
from confrere.files.segments import Record


class Segment:
    """One file while it is written; `fd` stays open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self.turn = secrets.token_bytes(16)
        self.end = 0
        self.broken = False  # a sync failed: nothing it holds beyond `records` is sure
        self.left = False  # by an earlier owner

    def again(self) -> None:
        """Begin another turn, durably empty: what it held is durable elsewhere."""
        os.pwrite(self.fd, bytes(segments.HEADER_BYTES), 0)
        os.fdatasync(self.fd)
        self.turn, self.end = secrets.token_bytes(16), 0


# takes a segment back, with a record whose header is to be written, or without; gives its mark
GiveBack = Callable[[Segment, Record | None], int]


class Lease:
    """A segment in the hands of one stream, whose content is not known to anyone yet."""

    def __init__(self, segment: Segment, give_back: GiveBack) -> None:
        self._segment, self._give_back = segment, give_back
        self._size = 0

    def write(self, part: memoryview) -> bool:
        """Append; False when that does not fit. Raises OSError."""
        end = self._segment.end + segments.room(self._size + len(part) + segments.LONGEST_NOTE)
        if end > segments.SEGMENT_BYTES:
            return False
        at = self._segment.end + segments.HEADER_BYTES + self._size
        self._size += len(part)
        while part:
            wrote = os.pwrite(self._segment.fd, part, at)
            at, part = at + wrote, part[wrote:]
        return True

    def copy_to(self, write: Callable[[memoryview], None]) -> None:
        """Hand on what was written."""
        at = self._segment.end + segments.HEADER_BYTES
        for begin in range(0, self._size, 1 << 20):
            size = min(1 << 20, self._size - begin)
            write(memoryview(os.pread(self._segment.fd, size, at + begin)))

    def place(self) -> tuple[int, int]:
        """The file that holds it, and where in it."""
        return self._segment.fd, self._segment.end + segments.HEADER_BYTES

    def keep(self, digest: bytes, note: bytes) -> int:
        """Make it a record, not synced yet; return its mark. Raises OSError."""
        record = record_of(self._segment, self._size, digest, note)
        try:
            os.pwrite(self._segment.fd, note, record.at + segments.HEADER_BYTES + self._size)
        except OSError:
            self.discard()
            raise
        return self._give_back(self._segment, record)

    def discard(self) -> None:
        """Give the segment back as it was."""
        self._give_back(self._segment, None)


def record_of(segment: Segment, size: int, digest: bytes, note: bytes) -> Record:
    """Describe a segment's next record."""
    return Record(
        segment.path, segment.turn, segment.end, size, digest, len(note), zlib.crc32(note)
    )
