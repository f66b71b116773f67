"""A blob on its way in: hashed as it comes, in memory while it is small, then streamed."""

import hashlib
import io
import os
import secrets
from pathlib import Path
from typing import BinaryIO

from confrere.files.crash import crash_point
from confrere.files.helping import Helper, Task
from confrere.files.open_segments import Lease
from confrere.files.paths import name_blob, path_of, sync_folder
from confrere.files.spool import Spool

SMALL = 1 << 20  # bytes held in memory
HALF = SMALL // 2
HANDED = 96 << 10  # unhashed bytes that are worth another thread
PEEKED = 8 << 10
FREE = 8  # buffers kept for the next blobs


class Buffers:
    """Buffers of SMALL bytes that are used again: fresh memory costs more than what fills it."""

    def __init__(self) -> None:
        self._free: list[memoryview] = []

    def take(self) -> memoryview:
        """A buffer of anything."""
        try:
            return self._free.pop()
        except IndexError:
            return memoryview(bytearray(SMALL))

    def give(self, buffer: memoryview) -> None:
        """Nobody looks at it any more."""
        if len(self._free) < FREE:
            self._free.append(buffer)


class Incoming:
    """A blob on its way in. `keep` makes it durable; `discard` forgets it. Use one of them.

    Holds SMALL bytes at most. What is larger goes into a spool segment or a file of its own, one
    half of the buffer while the other is filled.
    """

    def __init__(
        self, root: Path, buffers: Buffers, helper: Helper, spool: Spool | None = None
    ) -> None:
        self._root, self._spool = root, spool
        self._buffers, self._helper = buffers, helper
        self._buffer = buffers.take()
        self._held = 0  # bytes in the buffer
        self._hashed = 0  # of them
        self._hash = hashlib.sha256()
        self._task: Task | None = None
        self._stream: Lease | _File | None = None
        self.size = 0
        self.mark = 0  # what `BlobStore.sync` wants after `keep(sync=False)`

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append `data`. Raises OSError when the disk is full."""
        view = memoryview(data)
        self.size += len(view)
        if self._stream is None and self._held + len(view) <= SMALL:
            self._buffer[self._held : self._held + len(view)] = view
            self._held += len(view)
            self._hash_on()
            return
        if self._stream is None:
            self._spill()
        while view:
            view = view[self._fill(view) :]

    @property
    def memory(self) -> memoryview | None:
        """All of the content, while it is small; valid until `keep` or `discard`."""
        return None if self._stream is not None else self._buffer[: self._held]

    def open(self) -> BinaryIO:
        """Read what was written so far, until `keep` or `discard`; nothing may be written then."""
        if self._stream is None:
            return io.BytesIO(self._buffer[: self._held])
        self._flush(wait=True)
        fd, start = self._stream.place()
        return io.BufferedReader(_Peek(fd, start, self.size), PEEKED)

    def keep(self, *, sync: bool = True, note: bytes = b"") -> bytes:
        """Make the blob durable; return its digest. Only now may a sender be told.

        With `sync=False` the caller must `sync` with `mark` before that. `note` is kept beside
        the blob while it lies in a spool (see `spool`). Raises OSError.
        """
        try:
            return self._keep(sync=sync, note=note)
        finally:
            self._let_go()

    def discard(self) -> None:
        """Forget what was written."""
        if self._task is not None:
            self._await(quietly=True)
        if self._stream is not None:
            self._stream.discard()
        self._let_go()

    def _keep(self, *, sync: bool, note: bytes) -> bytes:
        if self._stream is None:
            if self._spool is not None:
                content = self._buffer[: self._held]
                self.mark = self._spool.append(self._digest, content, note)
            digest = self._digest()
            if self.mark:
                if sync and self._spool is not None:
                    self._spool.sync(self.mark)
                return digest
            stream: Lease | _File = _File(self._root)
            self._stream = stream
            stream.write(self._buffer[: self._held])
        else:
            stream = self._stream
            self._flush(wait=True)
            digest = self._hash.digest()
        self.mark = stream.keep(digest, note)
        if sync and self.mark and self._spool is not None:
            self._spool.sync(self.mark)
        return digest

    def _digest(self) -> bytes:
        """Hash what is left of the buffer."""
        self._await()
        self._catch_up()
        return self._hash.digest()

    def _hash_on(self) -> None:
        """Let the helper hash what is held and not hashed yet, if it has time."""
        if self._task is not None and self._task.ended:
            self._await()
        if self._task is None and self._held - self._hashed >= HANDED:
            self._task = self._helper.begin(self._catch_up)

    def _catch_up(self) -> None:
        """Hash until all that is held is hashed; more may come meanwhile."""
        while self._hashed < (held := self._held):
            self._hash.update(self._buffer[self._hashed : held])
            self._hashed = held

    def _await(self, *, quietly: bool = False) -> None:
        if self._task is None:
            return
        task, self._task = self._task, None
        try:
            task.wait()
        except OSError:
            if not quietly:
                raise

    def _spill(self) -> None:
        """Begin to stream: into a segment where one is to spare, else into a file."""
        self._await()
        self._hash.update(self._buffer[self._hashed : self._held])
        lease = self._spool.lease() if self._spool is not None else None
        self._stream = lease or _File(self._root)
        self._write(self._buffer[: self._held])
        self._held = self._hashed = 0

    def _fill(self, view: memoryview) -> int:
        """Put what fits into the half that is being filled; hand it on when it is full."""
        end = HALF if self._held < HALF else SMALL
        took = min(len(view), end - self._held)
        self._buffer[self._held : self._held + took] = view[:took]
        self._held += took
        if self._held == end:
            self._flush()
        return took

    def _flush(self, *, wait: bool = False) -> None:
        """Hash and write what was filled since the last flush, beside what comes next."""
        self._await()
        part = self._buffer[self._hashed : self._held]
        self._hashed = self._held
        if self._held == SMALL:
            self._held = self._hashed = 0
        self._task = None if wait else self._helper.begin(self._take, part)
        if self._task is None:
            self._take(part)

    def _take(self, part: memoryview) -> None:
        self._hash.update(part)
        self._write(part)

    def _write(self, part: memoryview) -> None:
        stream = self._stream
        if isinstance(stream, Lease):
            if stream.write(part):
                return
            stream = self._outgrow(stream)
        if stream is not None:
            stream.write(part)

    def _outgrow(self, lease: Lease) -> "_File":
        """Go on in a file, because the segment is full."""
        file = _File(self._root)
        try:
            lease.copy_to(file.write)
        except OSError:
            file.discard()
            raise
        lease.discard()
        self._stream = file
        return file

    def _let_go(self) -> None:
        self._buffers.give(self._buffer)
        self._buffer = memoryview(b"")


class _File:
    """A file of its own, named by the digest at the end."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = root / "incoming" / secrets.token_hex(16)
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)

    def write(self, part: memoryview) -> None:
        """Append. Raises OSError when the disk is full."""
        while part:
            part = part[os.write(self._fd, part) :]

    def place(self) -> tuple[int, int]:
        """The file that holds it, and where in it."""
        return self._fd, 0

    def keep(self, digest: bytes, note: bytes) -> int:  # noqa: ARG002 - it needs none
        """Sync, name; durable when it returns. 0: nothing is left to sync."""
        try:
            os.fdatasync(self._fd)
        finally:
            os.close(self._fd)
        crash_point("blob.synced")
        name_blob(self._root, self._path, digest)
        sync_folder(path_of(self._root, digest).parent)
        crash_point("blob.named")
        return 0

    def discard(self) -> None:
        """Remove it."""
        os.close(self._fd)
        self._path.unlink(missing_ok=True)


class _Peek(io.RawIOBase):
    """Reads a part of a file that belongs to someone else."""

    def __init__(self, fd: int, start: int, size: int) -> None:
        super().__init__()
        self._fd, self._start, self._size = fd, start, size
        self._at = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill what can be filled."""
        wanted = min(len(buffer), max(0, self._size - self._at))
        got = os.preadv(self._fd, [memoryview(buffer)[:wanted]], self._start + self._at)
        self._at += got
        return got
