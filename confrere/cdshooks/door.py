"""The CDS Hooks door: discovery, the two hooks, feedback.

A client signs in with a bearer token of its site's account, over TLS. No CORS header is sent:
ordering systems call from their servers. What goes wrong never holds up an order: the answer
then has no card, and says so in its log line and its audit event.
"""

import json
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol
from uuid import UUID

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from confrere.advice.model import Given
from confrere.cdshooks.answers import SERVICE_IDS, cards, discovery
from confrere.cdshooks.requests import HookRequest, read_feedback, read_request
from confrere.kernel.errors import DomainError, Invalid, NotFound
from confrere.kernel.principal import Principal
from confrere.logs import report

log = logging.getLogger(__name__)

MOST_BYTES = 256 * 1024
ANSWER_WITHIN = 0.5  # seconds, for the whole answer (CDS Hooks 2.0: "500 ms")
_HOOK_OF = {service: hook for hook, service in SERVICE_IDS.items()}
Allow = Callable[..., Principal]


class Advising(Protocol):
    """The use cases, given by wiring."""

    def ask(self, me: Principal, asked: HookRequest, until: float) -> Sequence[Given]:
        """Advise on the draft orders and keep what is shown."""

    def hear(self, me: Principal, rows: Sequence[tuple[UUID, str, str]]) -> None:
        """Keep what clinicians made of cards."""


def router(
    allow: Allow, advising: Advising, address: Callable[[Request], str],
    within: float = ANSWER_WITHIN,
) -> APIRouter:  # fmt: skip
    """Make the routes under /cds-services.

    `address` is the root that links begin with; what is not ready `within` so many seconds is
    answered without cards.
    """
    made = APIRouter(prefix="/cds-services")
    permitted = Depends(allow)

    @made.get("", dependencies=[permitted])
    def services() -> Response:
        """Say which hooks are answered."""
        return _json(discovery())

    @made.post("/{service}")
    async def hook(request: Request, service: str, me: Principal = permitted) -> Response:
        """Answer a hook."""
        began = time.monotonic()
        if service not in _HOOK_OF:
            raise NotFound("no such CDS service; see /cds-services")
        body = await _read(request)
        asked = read_request(body, _HOOK_OF[service])
        shown = await _in_time(advising, me, asked, began + within)
        return _json(cards(shown, address(request)))

    @made.post("/{service}/feedback")
    async def feedback(request: Request, service: str, me: Principal = permitted) -> Response:
        """Hear whether cards were accepted or overridden, and why."""
        if service not in _HOOK_OF:
            raise NotFound("no such CDS service; see /cds-services")
        rows = read_feedback(await _read(request))
        await _threaded(advising.hear, me, rows)
        return _json({})

    return made


async def _in_time(
    advising: Advising, me: Principal, asked: HookRequest, until: float
) -> Sequence[Given]:
    """The cards, or none where they would come too late or something fails."""
    try:
        with anyio.fail_after(max(until - time.monotonic(), 0)):
            shown: Sequence[Given] = await _threaded(
                advising.ask, me, asked, until, abandon=True
            )
            return shown
    except TimeoutError:
        log.warning("advice came too late: answered without cards")
    except DomainError as error:
        log.warning("no advice: %s", type(error).__name__)
    except Exception as error:  # noqa: BLE001 - an order must never wait for us
        report(log, "advice failed: answered without cards", error)
    return ()


async def _threaded(work: Callable[..., Any], *given: Any, abandon: bool = False) -> Any:
    return await run_sync(work, *given, abandon_on_cancel=abandon)


async def _read(request: Request) -> Any:
    raw = b""
    async for part in request.stream():
        raw += part
        if len(raw) > MOST_BYTES:
            raise Invalid(f"the request is over {MOST_BYTES >> 10} KiB: send less prefetch", "")
    try:
        return json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Invalid("the request is not JSON", "") from error


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _json(body: dict[str, Any]) -> Response:
    return JSONResponse(body, headers={"cache-control": "no-store"})
