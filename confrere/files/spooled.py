"""Find and read what lies in the spools of a blob folder, whichever process wrote it."""

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

from confrere.files import segments
from confrere.files.segments import Record


@dataclass(slots=True)
class _Known:
    last: Record | None = None
    records: dict[bytes, Record] = field(default_factory=dict)


class Spooled:
    """Reads records by digest. Looks at the files again only for what it does not know."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[Path, _Known] = {}
        self._lock = threading.Lock()

    def read(self, digest: bytes) -> bytes | None:
        """Return a content, or None when no spool holds it (any more)."""
        found = self._read(digest)
        if found is None:
            self._look()
            found = self._read(digest)
        return found

    def _read(self, digest: bytes) -> bytes | None:
        with self._lock:
            places = [
                known.records[digest]
                for known in self._known.values()
                if digest in known.records
            ]
        for record in places:
            try:
                fd = os.open(record.path, os.O_RDONLY)
            except FileNotFoundError:
                continue
            try:
                content = segments.read(fd, record)
            finally:
                os.close(fd)
            if content is not None:
                return content
        return None

    def _look(self) -> None:
        with self._lock:
            present = set(self._folder.glob(f"*/*{segments.SUFFIX}"))
            for gone in self._known.keys() - present:
                del self._known[gone]
            for path in present:
                self._look_into(path)

    def _look_into(self, path: Path) -> None:
        known = self._known.setdefault(path, _Known())
        try:
            fd = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return
        try:
            for record in segments.scan(fd, path, known.last):
                if known.last is None or known.last.turn != record.turn:
                    known.records.clear()
                known.records[record.digest] = known.last = record
        finally:
            os.close(fd)
