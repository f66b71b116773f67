"""What a caller was just allowed to see: hundreds of frames a second, asked for one by one.

A viewer fetches each frame of a series by a request of its own. The first is checked and noted
in full and opens the series to the same credentials for `OPEN_SECONDS`; what comes within that
time needs the file only. A session that ends or a share that is withdrawn closes as late as that.
"""

import hashlib
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from anyio.to_thread import run_sync
from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from confrere.dicomweb import frames
from confrere.imaging.finding import BASE
from confrere.imaging.frames import Frames
from confrere.imaging.model import Instance

OPEN_SECONDS = 2.0
MOST = 256  # series
ONE_FRAME = re.compile(
    BASE + r"/studies/([0-9.]{1,64})/series/([0-9.]{1,64})"
    r"/instances/([0-9.]{1,64})/frames/([0-9]{1,9})"
)
Key = tuple[bytes, str, str]


class Recent:
    """Series that are open to credentials for a moment. Safe to share among threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: OrderedDict[Key, tuple[float, dict[str, Instance]]] = OrderedDict()
        self._lock = threading.Lock()

    def remember(
        self, request: Request, study: str, series: str, found: Iterable[Instance]
    ) -> None:
        """Open a series to who just was allowed to see it."""
        key = (credentials(request), study, series)
        entry = (self._clock() + OPEN_SECONDS, {one.sop_uid: one for one in found})
        with self._lock:
            self._open[key] = entry
            self._open.move_to_end(key)
            while len(self._open) > MOST:
                self._open.popitem(last=False)

    def find(self, request: Request, study: str, series: str, sop: str) -> Instance | None:
        """Return an object of a series that is open to who asks."""
        with self._lock:
            until, found = self._open.get((credentials(request), study, series), (0.0, {}))
        return found.get(sop) if self._clock() < until else None


class QuickFrames:
    """Answers for frames of open series; all else, errors included, goes the whole way."""

    def __init__(self, app: ASGIApp, recent: Recent, read: Frames) -> None:
        self.app = app
        self.recent = recent
        self.read = read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        asked = ONE_FRAME.fullmatch(scope.get("path", ""))
        if asked and scope["type"] == "http" and scope["method"] == "GET":
            request = Request(scope)
            study, series, sop, number = asked.groups()
            if instance := self.recent.find(request, study, series, sop):
                answer = await run_sync(self._answer, request, instance, int(number))
                if answer is not None:
                    await answer(scope, receive, send)
                    return
        await self.app(scope, receive, send)

    def _answer(self, request: Request, instance: Instance, number: int) -> Response | None:
        try:
            return frames.send(self.read, request, instance, [number])
        except Exception:  # noqa: BLE001 - the whole way finds it again and words it
            return None


def credentials(request: Request) -> bytes:
    """Name who asks by what they carry, without keeping it."""
    carried = (request.headers.get("authorization"), request.headers.get("cookie"))
    return hashlib.sha256(repr(carried).encode()).digest()
