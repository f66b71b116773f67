"""A folder of files named by the SHA-256 of their content; what it returns is durable.

No string from the wire ever becomes part of a path. A file appears under its digest only
when it is whole and synced, so a crash leaves at worst a file in `incoming/`, which is
removed at the next start. A process that takes in much opens a spool (see `spool`): small
blobs lie there first and are moved to their files soon after.
"""

import hashlib
import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from confrere.files import segments
from confrere.files.crash import crash_point
from confrere.files.spool import Spool
from confrere.files.spooled import Spooled
from confrere.kernel.errors import NotFound, Unavailable

CHUNK = 1 << 20
SPOOL_BYTES = 1 << 30


class Incoming:
    """A blob on its way in. `keep` makes it durable; `discard` forgets it. Use one of them."""

    def __init__(self, root: Path, spool: Spool | None = None) -> None:
        self._root, self._spool = root, spool
        self._path = root / "incoming" / secrets.token_hex(16)
        self._fd = -1
        self._hash = hashlib.sha256()
        self._memory = bytearray()
        self.size = 0
        self.mark = 0  # what `BlobStore.sync` wants after `keep(sync=False)`
        if spool is None:
            self._spill()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append `data`. Raises OSError when the disk is full."""
        self._hash.update(data)
        self.size += len(data)
        if self._fd < 0:
            if self.size <= segments.LARGEST:
                self._memory += data
                return
            self._spill()
        self._to_file(data)

    @property
    def memory(self) -> bytearray | None:
        """All of the content, while it is small; not to be changed."""
        return self._memory if self._fd < 0 else None

    def keep(self, *, sync: bool = True) -> bytes:
        """Make the blob durable; return its digest. Only now may a sender be told.

        With `sync=False` the caller must `sync` with `mark` before that. Raises OSError.
        """
        digest = self._hash.digest()
        if self._fd < 0 and self._spool is not None:
            self.mark = self._spool.append(digest, self._memory)
            if self.mark:
                if sync:
                    self._spool.sync(self.mark)
                return digest
            self._spill()
        try:
            os.fdatasync(self._fd)
        finally:
            os.close(self._fd)
        crash_point("blob.synced")
        _name(self._root, self._path, digest)
        sync_folder(path_of(self._root, digest).parent)
        crash_point("blob.named")
        return digest

    def discard(self) -> None:
        """Forget what was written."""
        if self._fd >= 0:
            os.close(self._fd)
            self._path.unlink(missing_ok=True)

    def _spill(self) -> None:
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._to_file(self._memory)
        self._memory = bytearray()

    def _to_file(self, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]


class BlobStore:
    """Blobs in a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._spool: Spool | None = None
        self._spooled = Spooled(root / "spool")
        (root / "incoming").mkdir(parents=True, exist_ok=True)

    def open_spool(self, name: str, most_bytes: int = SPOOL_BYTES) -> None:
        """Take in small blobs through a spool of this process's own until `close`.

        Raises Unavailable when another process has the spool of this name.
        """
        self._spool = Spool(self.root / "spool" / name, most_bytes, self._move)

    def close(self) -> None:
        """Close the spool, if there is one; what it holds stays readable."""
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def begin(self) -> Incoming:
        """Start a new blob."""
        return Incoming(self.root, self._spool)

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
            _name(self.root, path, digest)
        for folder in folders:
            sync_folder(folder)


def path_of(root: Path, digest: bytes) -> Path:
    """The path of a digest: two levels, so that no folder grows past some thousands."""
    name = digest.hex()
    return root / "blobs" / name[:2] / name[2:]


def _name(root: Path, path: Path, digest: bytes) -> None:
    """Give a synced file its name; its folder is the caller's to sync."""
    target = path_of(root, digest)
    if not target.parent.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        sync_folder(target.parent.parent)
    path.rename(target)


def damaged_path(root: Path, digest: bytes) -> Path:
    """Where a scrub puts a file whose content is not what its name says."""
    return root / "damaged" / digest.hex()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
