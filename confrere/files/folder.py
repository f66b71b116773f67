"""A folder of files named by the SHA-256 of their content; what it returns is durable.

No string from the wire ever becomes part of a path. A file appears under its digest only
when it is whole and synced, so a crash leaves at worst a file in `incoming/`, which is
removed at the next start.
"""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from confrere.kernel.errors import NotFound

CHUNK = 1 << 20


class Incoming:
    """A blob on its way in. `keep` makes it durable; `discard` forgets it. Use one of them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = root / "incoming" / secrets.token_hex(16)
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append `data`. Raises OSError when the disk is full."""
        self._hash.update(data)
        self.size += len(data)
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def keep(self) -> bytes:
        """Sync and name the file; return its digest. Only now may a sender be told."""
        digest = self._hash.digest()
        target = path_of(self._root, digest)
        os.fdatasync(self._fd)
        os.close(self._fd)
        if not target.parent.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            _sync_folder(target.parent.parent)
        self._path.rename(target)
        _sync_folder(target.parent)
        return digest

    def discard(self) -> None:
        """Forget what was written."""
        os.close(self._fd)
        self._path.unlink(missing_ok=True)


class BlobStore:
    """Blobs in a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "incoming").mkdir(parents=True, exist_ok=True)

    def begin(self) -> Incoming:
        """Start a new blob."""
        return Incoming(self.root)

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
        """Open a blob for reading; NotFound when it is not here."""
        try:
            stream = path_of(self.root, digest).open("rb")
        except FileNotFoundError:
            raise NotFound("this object's file is not in the blob store; run a scrub") from None
        with stream:
            yield stream

    def path(self, digest: bytes) -> Path:
        """Where a blob lies, for sending it with sendfile."""
        return path_of(self.root, digest)

    def read(self, digest: bytes) -> bytes:
        """Read a whole blob."""
        with self.open(digest) as stream:
            return stream.read()

    def sweep(self) -> int:
        """Remove what crashes left half written; return how many. Call before any door opens."""
        left = list((self.root / "incoming").iterdir())
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)


def path_of(root: Path, digest: bytes) -> Path:
    """The path of a digest: two levels, so that no folder grows past some thousands."""
    name = digest.hex()
    return root / "blobs" / name[:2] / name[2:]


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
