"""A folder of files named by the SHA-256 of their content; what it returns is durable.

No string from the wire ever becomes part of a path. A file appears under its digest only
when it is whole and synced, so a crash leaves at worst a file in `incoming/`, which is
removed at the next start. A process that takes in much opens a spool (see `spool`): blobs lie
there first and are moved to their files soon after.
"""

import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from confrere.files.helping import Helper
from confrere.files.incoming import Buffers, Incoming
from confrere.files.paths import damaged_path, name_blob, path_of, sync_folder
from confrere.files.spool import Again, Settle, Spool
from confrere.files.spooled import Spooled
from confrere.kernel.errors import NotFound, Unavailable

CHUNK = 1 << 20
SPOOL_BYTES = 1 << 30


class BlobStore:
    """Blobs in a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._buffers, self._helper = Buffers(), Helper()
        self._spool: Spool | None = None
        self._spooled = Spooled(root / "spool")
        (root / "incoming").mkdir(parents=True, exist_ok=True)

    def open_spool(
        self, name: str, most_bytes: int = SPOOL_BYTES, again: Again | None = None
    ) -> None:
        """Take in blobs through a spool of this process's own until `close`.

        `again` hears the notes of what an earlier owner left (see `spool`). Raises Unavailable
        when another process has the spool of this name.
        """
        self._spool = Spool(self.root / "spool" / name, most_bytes, self._move, again)

    def before_moving(self, settle: Settle) -> None:
        """Have `settle` called before what the notes tell of leaves the spool."""
        if self._spool is not None:
            self._spool.settlers.append(settle)

    def close(self) -> None:
        """Close the spool, if there is one; what it holds stays readable."""
        if self._spool is not None:
            self._spool.close()
            self._spool = None
        self._helper.close()

    def begin(self) -> Incoming:
        """Start a new blob."""
        return Incoming(self.root, self._buffers, self._helper, self._spool)

    def sync(self, mark: int) -> None:
        """Make durable what was kept with `sync=False`, up to a blob's mark; raises OSError."""
        if mark and self._spool is not None:
            self._spool.sync(mark)

    def put(self, content: bytes) -> bytes:
        """Keep `content` durably and return its digest."""
        incoming = self.begin()
        try:
            incoming.write(content)
        except OSError:
            incoming.discard()
            raise
        return incoming.keep()

    @contextmanager
    def open(self, digest: bytes) -> Iterator[BinaryIO]:
        """Open a blob for reading; NotFound when it is not here, Unavailable when it is damaged."""
        with self._stream(digest) as stream:
            yield stream

    def _stream(self, digest: bytes) -> BinaryIO:
        path = path_of(self.root, digest)
        for last in (False, True):
            try:
                return path.open("rb")
            except FileNotFoundError:
                content = None if last else self._spooled.read(digest)
            if content is not None:
                return io.BytesIO(content)
        if damaged_path(self.root, digest).exists():
            raise Unavailable(
                "this object's bytes were damaged on the disk, so they are not shown; the "
                "administrator can restore them from a replica or ask for a new copy"
            )
        raise NotFound("this object's file is not in the blob store; run a scrub")

    def read(self, digest: bytes) -> bytes:
        """Read a whole blob."""
        with self.open(digest) as stream:
            return stream.read()

    def remove(self, digest: bytes) -> None:
        """Remove a blob that nothing refers to any more and that was not put just now."""
        path_of(self.root, digest).unlink(missing_ok=True)
        damaged_path(self.root, digest).unlink(missing_ok=True)

    def sweep(self) -> int:
        """Remove what crashes left half written; return how many. Call before any door opens."""
        left = list((self.root / "incoming").iterdir())
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _move(self, blobs: list[tuple[bytes, bytes]]) -> None:
        """Give spooled blobs their files: all are written, then all synced, then all named."""
        written: list[tuple[Path, int, bytes]] = []
        folders: set[Path] = set()
        try:
            for digest, content in blobs:
                target = path_of(self.root, digest)
                folders.add(target.parent)  # synced even when a crash left the file behind
                if target.exists() and target.stat().st_size == len(content):
                    continue
                path = self.root / "incoming" / secrets.token_hex(16)
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                written.append((path, fd, digest))
                view = memoryview(content)
                while view:
                    view = view[os.write(fd, view) :]
            for _, fd, _ in written:
                os.fdatasync(fd)
        except OSError:
            for path, _, _ in written:
                path.unlink(missing_ok=True)
            raise
        finally:
            for _, fd, _ in written:
                os.close(fd)
        for path, _, digest in written:
            name_blob(self.root, path, digest)
        for folder in folders:
            sync_folder(folder)
