"""A spool: where one process puts small blobs first, because that is the fastest way to sync.

Writing into a file that has its blocks already and syncing it costs one flush; a new file
costs several. So contents go one behind the other into segments that are used again and
again, and are moved to the blob folder when there is time. A segment is used again only when
all it holds is durable there; until then everything is read from here (see `spooled`).

Beside a content lies a note. It tells who comes after a crash what was to be done with the
content, so that this need not have been durable elsewhere by then.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import count
from pathlib import Path

from confrere.files import segments
from confrere.files.crash import crash_point
from confrere.files.open_segments import Lease, Segment, record_of
from confrere.files.owning import own
from confrere.files.paths import sync_folder
from confrere.files.segments import SEGMENT_BYTES, Record

log = logging.getLogger(__name__)

READY = 2  # segments that are written ahead, so that the first images find them
QUIET_SECONDS = 1.0  # without a new record: time to move
RETRY_SECONDS = 2.0  # after a failure to move, such as a full disk
WAITING = 0.75  # share of the spool that may wait before moving begins under load
LEASED = 0.5  # share of the spool that streams may hold
TOGETHER = 64  # notes that are told at once
GENTLE = 10  # nice value of the thread that moves

Digest = Callable[[], bytes]
Mover = Callable[[list[tuple[bytes, bytes]]], None]  # (digest, content): make them durable
# do again what notes tell of: (digest, content, note)
Again = Callable[[list[tuple[bytes, bytes, bytes]]], None]
Settle = Callable[[], None]  # make durable what notes tell of; raises when that can't be yet


class Spool:
    """Appends and syncs; a thread of its own moves. Every method may be called by any thread.

    One process at a time owns the folder. Nothing in it is lost by a crash: what an earlier
    owner left is moved first.
    """

    def __init__(
        self, folder: Path, most_bytes: int, move: Mover, again: Again | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._move, self._again = folder, move, again
        self.settlers: list[Settle] = []
        self._most = max(READY, most_bytes // SEGMENT_BYTES)
        self._owner = own(folder)
        self._writing, self._syncing = threading.Lock(), threading.Lock()
        self._current: Segment | None = None
        self._free: list[Segment] = []
        self._begun: list[Segment] = []  # with room left by a stream
        self._leased = 0
        self._full: deque[Segment] = deque()
        self._unsynced: set[Segment] = set()
        self._written = self._synced = self._lost = 0  # records, counted
        self._numbers, self._total = count(), 0
        self._last = time.monotonic()
        self._stopping = threading.Event()
        self._take_over()
        self._do_all_again()  # before anything else is heard
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
        self._thread.start()

    def append(self, digest: Digest, content: memoryview, note: bytes = b"") -> int:
        """Write a content, not synced yet: `sync` takes the mark returned.

        `digest` is asked once the content is written, since both take their time. 0 when there
        is no room: then it must go elsewhere. Raises OSError.
        """
        with self._writing:
            segment = self._place(segments.room(len(content) + len(note)))
            if segment is None:
                return 0
            at = segment.end + segments.HEADER_BYTES
            if os.pwritev(segment.fd, (content, note), at) != len(content) + len(note):
                self._retire(segment)
                return 0
            record = record_of(segment, len(content), digest(), note)
            os.pwrite(segment.fd, segments.header(record), segment.end)
            return self._wrote(segment, record)

    def lease(self) -> Lease | None:
        """Give a segment to one stream alone; None when none is to spare."""
        with self._writing:
            if self._leased >= self._most * LEASED:
                return None
            segment = self._begun.pop() if self._begun else self._fresh()
            if segment is None:
                return None
            self._leased += 1
        return Lease(segment, self._take_back)

    def _take_back(self, segment: Segment, record: Record | None) -> int:
        with self._writing:
            self._leased -= 1
            try:
                if record is None:
                    return 0
                os.pwrite(segment.fd, segments.header(record), record.at)
                return self._wrote(segment, record)
            finally:
                roomy = segment.end <= SEGMENT_BYTES // 2
                (self._begun if roomy else self._full).append(segment)

    def _wrote(self, segment: Segment, record: Record) -> int:
        crash_point("spool.appended")
        segment.end = record.end
        self._unsynced.add(segment)
        self._written += 1
        self._last = time.monotonic()
        return self._written

    def sync(self, mark: int) -> None:
        """Make durable what was appended up to `mark`; raises OSError when that fails."""
        with self._syncing:
            if self._synced < mark:
                self._sync()
            if mark <= self._lost:
                raise OSError("the spool could not be synced")
            crash_point("spool.synced")

    def _sync(self) -> None:
        with self._writing:
            until, dirty = self._written, list(self._unsynced)
            self._unsynced.clear()
        for segment in dirty:
            try:
                os.fdatasync(segment.fd)
            except OSError:  # the kernel tells once: these pages are never to be trusted again
                log.exception("a spool segment could not be synced")
                self._lost = until
                with self._writing:
                    segment.broken = True
                    self._retire(segment)
        self._synced = until

    def close(self) -> None:
        """Move what is here, if it can be, and leave the folder to others."""
        self._stopping.set()
        self._thread.join()
        with self._writing:
            if self._current is not None:
                self._retire(self._current)
        for segment in [*self._full, *self._free, *self._begun]:
            os.close(segment.fd)
        os.close(self._owner)

    def _place(self, size: int) -> Segment | None:
        """The segment for the next record; None when all are full."""
        current = self._current
        if current is not None and current.end + size <= SEGMENT_BYTES:
            return current
        if current is not None:
            self._retire(current)
        begun = next((one for one in self._begun if one.end + size <= SEGMENT_BYTES), None)
        if begun is not None:
            self._begun.remove(begun)
        self._current = begun or self._fresh()
        return self._current

    def _fresh(self) -> Segment | None:
        """An empty segment; None when all are full."""
        if not self._free and self._may_make(self._most):
            self._free += self._made(ahead=False)
        return self._free.pop() if self._free else None

    def _retire(self, segment: Segment) -> None:
        if segment is self._current:
            self._full.append(segment)
            self._current = None
        elif segment in self._begun:
            self._begun.remove(segment)
            self._full.append(segment)

    def _may_make(self, most: int) -> bool:
        """Take leave for one more segment, if there are fewer than `most`."""
        if self._total >= most:
            return False
        self._total += 1
        return True

    def _made(self, *, ahead: bool) -> list[Segment]:
        """Make another segment, if there is room for one."""
        path = self._folder / f"{next(self._numbers):04d}{segments.SUFFIX}"
        try:
            segment = Segment(path)
            if ahead:
                for at in range(0, SEGMENT_BYTES, 1 << 20):
                    os.pwrite(segment.fd, bytes(1 << 20), at)
                os.fsync(segment.fd)
            else:
                os.posix_fallocate(segment.fd, 0, SEGMENT_BYTES)
            sync_folder(self._folder)
        except OSError as error:
            log.warning("no room for another spool segment: %s", type(error).__name__)
            path.unlink(missing_ok=True)
            self._total -= 1
            return []
        return [segment]

    def _take_over(self) -> None:
        """Queue what an earlier owner left, to be moved before it is used again."""
        for path in sorted(self._folder.glob(f"*{segments.SUFFIX}")):
            segment = Segment(path)
            self._numbers = count(int(path.stem) + 1)
            found = list(segments.scan(segment.fd, path))
            segment.left = True
            if os.fstat(segment.fd).st_size < SEGMENT_BYTES:  # a crash while it was made
                os.posix_fallocate(segment.fd, 0, SEGMENT_BYTES)
            (self._full if found else self._free).append(segment)
            self._total += 1

    def _do_all_again(self) -> None:
        try:
            for segment in self._full:
                self._do_again(segment)
        except Exception:
            log.exception("what the spool's notes tell of must wait until blobs are moved")

    def _do_again(self, segment: Segment) -> None:
        """Have done what an earlier owner's notes tell of."""
        if self._again is None:
            return
        left = []
        for record in segments.scan(segment.fd, segment.path):
            note = segments.read_note(segment.fd, record)
            content = segments.read(segment.fd, record) if note else None
            if content is not None:
                left.append((record.digest, content, note))
        for at in range(0, len(left), TOGETHER):
            self._again(left[at : at + TOGETHER])
        segment.left = False

    def _run(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), GENTLE)
        while not self._stopping.is_set():
            with self._writing:
                wanted = self._may_make(READY)
            made = self._made(ahead=True) if wanted else []
            if not made:
                break
            with self._writing:
                self._free += made
        while not self._stopping.wait(0.2):
            self._tend()
        self._tend(all_of_it=True)

    def _tend(self, *, all_of_it: bool = False) -> None:
        try:
            while segment := self._next_to_move(all_of_it=all_of_it):
                self._empty(segment)
        except Exception as error:  # noqa: BLE001 - whatever it is, what waits must be tried again
            log.warning("the spool waits: its blobs cannot be moved: %s", type(error).__name__)
            self._stopping.wait(RETRY_SECONDS)

    def _next_to_move(self, *, all_of_it: bool) -> Segment | None:
        with self._writing:
            calm = all_of_it or time.monotonic() - self._last > QUIET_SECONDS
            current = self._current
            if calm and current is not None and current.end:
                self._retire(current)
            if calm:
                self._full += self._begun
                self._begun.clear()
            if self._full and (calm or len(self._full) >= self._most * WAITING):
                return self._full[0]
            return None

    def _empty(self, segment: Segment) -> None:
        """Move a segment's blobs, then let it be used again."""
        if segment.left:
            self._do_again(segment)
        blobs = []
        for record in segments.scan(segment.fd, segment.path):
            content = segments.read(segment.fd, record)
            if content is None:  # torn by a crash before it was synced, so never acknowledged
                log.warning("a record of the spool is not whole and is left out")
                continue
            blobs.append((record.digest, content))
        for settle in self.settlers:
            settle()
        self._move(blobs)
        crash_point("spool.moved")
        segment.again()
        with self._writing:
            self._full.remove(segment)
            if not segment.broken:
                self._free.append(segment)
