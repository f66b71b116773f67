"""The blob store: bytes named by the SHA-256 of their content; what it returns is durable.

No string from the wire ever becomes part of a path. A file appears under its digest only
when it is whole and synced, so a crash leaves at worst a file in `incoming/`, which is
removed at the next start. A process that takes in much opens a spool (see `spool`): blobs lie
there first and are moved to their place soon after.

What comes is durable in this machine's folder before anyone is told. Where the store is
elsewhere (`far`), the folder is only the way there. What is seldom used may lie in a `cold`
place; reading finds it wherever it is.
"""

import io
import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from confrere.files.folder_place import CHUNK, FolderPlace
from confrere.files.helping import Helper
from confrere.files.incoming import Buffers, Incoming
from confrere.files.paths import DAMAGED, SWEPT, name_blob, path_of, sync_folder
from confrere.files.places import Place
from confrere.files.spool import Again, Settle, Spool
from confrere.files.spooled import Spooled
from confrere.kernel.errors import NotFound, Unavailable

__all__ = ["CHUNK", "BlobStore"]

SPOOL_BYTES = 1 << 30
AT_ONCE = 8  # blobs on their way to a far place


class BlobStore:
    """Blobs, each in the folder of this machine, in the far place, or in the cold one."""

    def __init__(
        self, root: Path, *, far: Place | None = None, cold: Place | None = None
    ) -> None:
        self.root = root
        self.near = FolderPlace(root)
        self.far, self.cold = far, cold
        self._buffers, self._helper = Buffers(), Helper()
        self._spool: Spool | None = None
        self._spooled = Spooled(root / "spool")
        (root / "incoming").mkdir(parents=True, exist_ok=True)

    @property
    def main(self) -> Place:
        """Where blobs belong that are in use."""
        return self.near if self.far is None else self.far

    @property
    def places(self) -> dict[str, Place]:
        """The places by their names: `main`, and `cold` where there is one."""
        cold = {} if self.cold is None else {"cold": self.cold}
        return {"main": self.main, **cold}

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
        return self._elsewhere(digest)

    def _elsewhere(self, digest: bytes) -> BinaryIO:
        """Open what is not in the folder: far, cold, or swept away a moment ago."""
        beyond = [one for one in (self.far, self.cold) if one is not None]
        for place in beyond:
            if (found := place.stream(digest)) is not None:
                return found
        for place in self.places.values():
            if (found := place.stream_shelved(SWEPT, digest)) is not None:
                return found
        for place in self.places.values():
            if (found := place.stream_shelved(DAMAGED, digest)) is not None:
                found.close()
                raise Unavailable(
                    "this object's bytes were damaged on the disk, so they are not shown; the "
                    "administrator can restore them from a replica or ask for a new copy"
                )
        raise NotFound(
            "this object's file is not in the image store: where its study is at the site's "
            "PACS, fetch it again; else run a scrub"
        )

    def secure(self, digest: bytes) -> bool:
        """See that a blob lies in a place, from a shelf or a spool if need be; False if nowhere."""
        places = dict.fromkeys((self.near, *self.places.values()))
        if any(one.size_of(digest) is not None for one in places):
            return True
        if any(one.take_back(SWEPT, digest) for one in places):
            return True
        content = self._spooled.read(digest)
        if content is None:
            return False
        self.main.keep(digest, io.BytesIO(content), len(content))
        return True

    def read(self, digest: bytes) -> bytes:
        """Read a whole blob."""
        with self.open(digest) as stream:
            return stream.read()

    def remove(self, digest: bytes) -> None:
        """Remove a blob that nothing refers to any more and that was not put just now."""
        for place in dict.fromkeys((self.near, *self.places.values())):
            place.remove(digest)
            place.drop(DAMAGED, digest)

    def forward(self, most: int) -> int:
        """Move blobs that came as files on to the far place; return how many.

        Raises Unavailable when that can't be reached: they stay here and are read from here.
        """
        if self.far is None:
            return 0
        moved = 0
        for blob in islice(self.near.listed(), most):
            source = self.near.stream(blob.digest)
            if source is not None:
                with source:
                    self.far.keep(blob.digest, source, blob.size)
                self.near.remove(blob.digest)
                moved += 1
        return moved

    def sweep(self) -> int:
        """Remove what crashes left half written; return how many. Call before any door opens."""
        left = list((self.root / "incoming").iterdir())
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _move(self, blobs: list[tuple[bytes, bytes]]) -> None:
        """Bring spooled blobs to their place."""
        far = self.far
        if far is None:
            self._name_files(blobs)
            return
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda b: far.keep(b[0], io.BytesIO(b[1]), len(b[1])), blobs))

    def _name_files(self, blobs: list[tuple[bytes, bytes]]) -> None:
        """Give blobs their files: all are written, then all synced, then all named."""
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
