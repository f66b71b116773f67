"""Tell open pages which worklist item changed: one LISTEN connection a process.

Row-level security does not filter notifications, so only an item's id is passed on, and
only to pages of the groups that the notification names: owner and readers, before the change
and after it. A page asks for the item again in its own name: at once when the reader of the
page is offered or has it (event `worklist`), else a moment later (`worklist-around`).
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Final

import psycopg
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse

from confrere.identity.permissions import Permission
from confrere.kernel.ids import GroupId, ReaderId
from confrere.kernel.principal import Principal
from confrere.web.access import allow, identify
from confrere.web.context import context_of

LOG = logging.getLogger("confrere.web.live")
CHANNEL: Final = "worklist"
AROUND: Final = "~"
EVERYTHING: Final = "all"  # in place of an id: something was missed, ask for the whole list
HEARTBEAT_SECONDS = 15.0
ASKED_AT_ONCE = 2  # of the streams that look whether their session still holds
QUEUED = 200
LONGEST_PAUSE = 30.0

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Listener:
    """A page: of which groups, and of which reader, as notifications name them."""

    groups: frozenset[str]
    reader: str


class Bell:
    """Hears the database and tells every subscriber of this process."""

    def __init__(self, url: str) -> None:
        self._url: Final = url
        self._queues: dict[asyncio.Queue[str | None], Listener] = {}
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        # hundreds of streams would look at once, and hold up what they are there to bring
        self.gate: Final = asyncio.Semaphore(ASKED_AT_ONCE)

    def start(self) -> None:
        """Begin to listen; the connection is made, and made again, in the background."""
        self._task = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Stop listening and end every subscriber's stream."""
        self._stopped = True
        for queue in self._queues:
            _put(queue, None)
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    @contextmanager
    def subscribe(
        self, groups: frozenset[GroupId], reader: ReaderId | None = None
    ) -> Iterator[asyncio.Queue[str | None]]:
        """Give a queue of the ids of items that concern these groups; None ends the stream.

        With `reader`, an item that is neither offered to nor held by that reader comes with
        AROUND before its id.
        """
        queue: asyncio.Queue[str | None] = asyncio.Queue(QUEUED)
        if self._stopped:
            _put(queue, None)
        names = frozenset(str(group) for group in groups)
        self._queues[queue] = Listener(names, f"reader:{reader}" if reader else "")
        try:
            yield queue
        finally:
            self._queues.pop(queue, None)

    def ring(self, told: str) -> None:
        """Tell the subscribers: an item's id, then groups and readers; all without groups."""
        item, *concerned = told.split()
        for queue, one in self._queues.items():
            if not concerned or not one.reader or one.reader in concerned:
                if not concerned or not one.groups.isdisjoint(concerned):
                    _put(queue, item)
            elif not one.groups.isdisjoint(concerned):
                _put(queue, AROUND + item)

    async def _listen(self) -> None:
        pause = 1.0
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, application_name="confrere live"
                ) as conn:
                    await conn.execute(f"listen {CHANNEL}")
                    self.ring(EVERYTHING)  # what changed while nobody listened
                    pause = 1.0
                    async for notice in conn.notifies():
                        self.ring(notice.payload)
            except psycopg.Error as error:
                LOG.warning("live updates pause: %s", type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


def _put(queue: asyncio.Queue[str | None], item: str | None) -> None:
    if item is not None and not queue.full():
        queue.put_nowait(item)
        return
    # too slow, or over: what is queued is worth less than this
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None if item is None else EVERYTHING)


@router.get("/events")
async def events(
    request: Request, me: Annotated[Principal, Depends(allow(Permission.READ_WORKLIST))]
) -> StreamingResponse:
    """Stream the ids of changed items while the session holds."""
    bell: Bell = request.app.state.bell
    return StreamingResponse(
        _stream(request, bell, me),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _stream(request: Request, bell: Bell, me: Principal) -> AsyncIterator[str]:
    context = context_of(request)
    yield "retry: 3000\n\n"
    with bell.subscribe(me.groups, me.reader) as queue:
        while True:
            try:
                item = await asyncio.wait_for(queue.get(), HEARTBEAT_SECONDS)
            except TimeoutError:
                # a person who was signed out meanwhile hears nothing more
                async with bell.gate:
                    found = await run_sync(lambda: identify(context, request, touch=False))
                if found is None:
                    return
                yield ": still here\n\n"
                continue
            if item is None:
                return
            event = "worklist-around" if item.startswith(AROUND) else "worklist"
            yield f"event: {event}\ndata: {item.removeprefix(AROUND)}\n\n"
