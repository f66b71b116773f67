"""Bound every request's body: how large, and how long it may take to arrive."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from confrere.web.errors import plain_answer

LIMIT_BYTES = 10 * 1024 * 1024
DEADLINE_SECONDS = 30.0
# image uploads stream to the store, which bounds them itself, or to a file, which is bounded
# here; they need only keep moving
STREAMED = "/dicom-web/"
UPLOADED = "/imports/upload"
UPLOAD_BYTES = 8 * 1024 * 1024 * 1024
STALL_SECONDS = 60.0


@dataclass(slots=True)
class _Body:
    """How much of a body came, and what went wrong with it."""

    deadline: float
    streamed: bool
    limit: int | None = None  # None: the store bounds it
    read: int = 0
    whole: bool = False
    problem: HTTPStatus | None = None


class Overrun(Exception):
    """The body broke a bound; the middleware answers whatever the app makes of this."""


class BodyBounds:
    """Answer 413 beyond the limit and 408 beyond the deadline."""

    def __init__(
        self,
        app: ASGIApp,
        limit: int = LIMIT_BYTES,
        seconds: float = DEADLINE_SECONDS,
        stall: float = STALL_SECONDS,
    ) -> None:
        self.app = app
        self.limit = limit
        self.seconds = seconds
        self.stall = stall

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap `receive` and `send`."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        streamed = scope["path"].startswith(STREAMED)
        uploaded = scope["path"] == UPLOADED
        clock = asyncio.get_running_loop().time
        body = _Body(clock() + self.seconds, streamed or uploaded)
        body.limit = None if streamed else UPLOAD_BYTES if uploaded else self.limit
        started = False

        async def bounded() -> Message:
            return await self._receive(body, receive)

        async def unless_overrun(message: Message) -> None:
            nonlocal started
            if body.problem is None or started:
                started = True
                await send(message)

        declared = Headers(scope=scope).get("content-length", "")
        if body.limit is not None and declared.isdigit() and int(declared) > body.limit:
            body.problem = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        else:
            with suppress(Overrun):
                await self.app(scope, bounded, unless_overrun)
        if body.problem is not None and not started:
            why = self._why(body)
            refusal = await run_sync(plain_answer, Request(scope), body.problem, why)
            refusal.headers["connection"] = "close"
            await refusal(scope, receive, send)

    async def _receive(self, body: _Body, receive: Receive) -> Message:
        if body.whole:
            return await receive()  # now it waits for the client to leave, however long
        now = asyncio.get_running_loop().time()
        seconds = self.stall if body.streamed else body.deadline - now
        try:
            message = await asyncio.wait_for(receive(), max(seconds, 0.001))
        except TimeoutError:
            body.problem = HTTPStatus.REQUEST_TIMEOUT
            raise Overrun from None
        body.read += len(message.get("body", b""))
        body.whole = not message.get("more_body", False)
        if body.limit is not None and body.read > body.limit:
            body.problem = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            raise Overrun
        return message

    def _why(self, body: _Body) -> str:
        if body.problem is HTTPStatus.REQUEST_TIMEOUT:
            return (
                "The request took too long to arrive; check the connection and send it again."
            )
        return f"The request is larger than {(body.limit or self.limit) // 1024 // 1024} MiB; send less at once."
