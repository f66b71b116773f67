"""Send what waits: messages in their order, images STAT first, and prove that it arrived.

Each request carries what is most urgent at that moment, at most `BATCH_BYTES`; a large object
goes piece by piece, so that a STAT waits for one request and no longer.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Any

from confrere.files.folder import BlobStore
from confrere.gateway.doors import Bell
from confrere.gateway.line import Line, Link
from confrere.gateway.model import Letter, Waiting, back_off
from confrere.gateway.queue import Queue
from confrere.kernel.errors import NotFound, Refused, Unavailable
from confrere.logs import report
from confrere.wiring.gateway_frames import DURABLE, PARTIAL, PIECE, Frame

log = logging.getLogger(__name__)

BATCH_BYTES = PIECE
BATCH = 32
LETTERS, LETTER_BYTES = 20, 4 << 20
IDLE_SECONDS = 1.0


class Sending:
    """The threads that send. `link` makes a connection, one for each thread."""

    def __init__(
        self, queue: Queue, blobs: BlobStore, line: Line, bell: Bell, link: Callable[[], Link],
        connections: int,
    ) -> None:  # fmt: skip
        self._queue, self._blobs, self._line, self._bell = queue, blobs, line, bell
        self._link = link
        self._lock = threading.Lock()
        self._in_hand: set[int] = set()
        self._have: dict[bytes, int] = {}  # how much of a large object the centre has
        self._stopping = threading.Event()
        works = [self._letters, *[self._images] * max(1, connections)]
        self._threads = [
            threading.Thread(target=self._run, args=(work,), name="sending", daemon=True)
            for work in works
        ]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float) -> None:
        """Finish what is on its way, within so long."""
        self._stopping.set()
        self._bell.ring()
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _run(self, work: Callable[[Link], bool]) -> None:
        link = self._link()
        while not self._stopping.is_set():
            pause = self._line.wait()
            if pause:
                self._stopping.wait(min(pause, IDLE_SECONDS))
                continue
            if not self._line.is_settled:  # first the centre hears what was read meanwhile
                self._bell.wait(IDLE_SECONDS)
                continue
            try:
                is_busy = work(link)
            except (Unavailable, Refused) as error:
                self._line.failed(str(error))
                continue
            except Exception as error:  # noqa: BLE001 - whatever it was, the rest must go on
                report(log, "sending", error)
                self._line.failed(
                    f"a fault in the gateway ({type(error).__name__}): see its log"
                )
                continue
            if not is_busy:
                self._bell.wait(IDLE_SECONDS)
        link.close()

    def _letters(self, link: Link) -> bool:
        room = LETTER_BYTES
        chosen: list[Letter] = []
        for letter in self._queue.letters(LETTERS):
            room -= len(letter.content)
            if chosen and room < 0:
                break
            chosen.append(letter)
        if not chosen:
            return False
        for letter, answer in zip(chosen, link.send_letters(chosen), strict=True):
            refused = str(answer["why"]) if answer["state"] == "refused" else ""
            self._queue.letter_done(letter.key, refused)
        self._line.worked()
        return True

    def _images(self, link: Link) -> bool:
        chosen = self._choose()
        if not chosen:
            return False
        try:
            if chosen[0].size > PIECE:
                self._piece(link, chosen[0])
            else:
                self._whole(link, chosen)
            self._line.worked()
        finally:
            with self._lock:
                self._in_hand -= {one.key for one in chosen}
        return True

    def _choose(self) -> list[Waiting]:
        with self._lock:
            chosen = self._queue.next(BATCH_BYTES, BATCH, self._in_hand)
            self._in_hand |= {one.key for one in chosen}
            return chosen

    def _whole(self, link: Link, chosen: list[Waiting]) -> None:
        there: list[Waiting] = []
        sent: list[Frame] = []
        for one in chosen:
            try:
                sent.append(_frame(one, 0, self._blobs.read(one.digest)))
                there.append(one)
            except NotFound:
                self._lost(one)
        if sent:
            self._settle(there, link.send(sent))

    def _piece(self, link: Link, one: Waiting) -> None:
        """Send the next piece of a large object, from where the centre has it."""
        have = self._have.get(one.digest)
        if have is None:
            have = link.have(one.digest)
        try:
            with self._blobs.open(one.digest) as stream:
                stream.seek(have)
                content = stream.read(PIECE)
        except NotFound:
            self._lost(one)
            return
        self._have.pop(one.digest, None)  # asked anew when this one does not come through
        (answer,) = link.send([_frame(one, have, content)])
        if answer["state"] == PARTIAL:
            self._have[one.digest] = int(answer["have"])
        else:
            self._settle([one], [answer])

    def _settle(self, chosen: list[Waiting], answers: list[dict[str, Any]]) -> None:
        done = []
        for one, answer in zip(chosen, answers, strict=True):
            if answer["state"] in DURABLE:
                done.append(one.key)
                continue
            tries = self._queue.attempts(one.key) + 1
            pause = back_off(tries, random.random())  # noqa: S311 - spreads load, no secret
            self._queue.put_off(one.key, str(answer["why"]), pause.total_seconds())
        self._queue.sent(done)

    def _lost(self, one: Waiting) -> None:
        """A file is gone from our own disk: say so, and let the others go on."""
        log.error("an object's file is gone from the gateway's disk")
        self._queue.put_off(one.key, "its file is gone from the disk: send it again", 3600)


def _frame(one: Waiting, offset: int, content: bytes) -> Frame:
    return Frame(
        one.digest, one.size, offset, content, one.sop_class, one.sop_instance,
        one.transfer_syntax, one.calling_aet,
    )  # fmt: skip
