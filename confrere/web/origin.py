"""Refuse unsafe requests that another site made a browser send (cross-site request forgery).

Browsers say where a request comes from (Fetch Metadata, else Origin), so no token is needed
in forms. Requests with a bearer token are exempt: no browser adds one by itself.
"""

from urllib.parse import urlsplit

from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from confrere.kernel.errors import Refused
from confrere.web.errors import answer

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class SameOrigin:
    """Admit safe methods, bearer tokens, and unsafe requests from our own pages."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 where the request comes from elsewhere, or does not say from where."""
        if scope["type"] != "http" or not must_ask(scope) or may_act(Headers(scope=scope)):
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        problem = Refused(
            "This request did not come from one of Confrere's own pages; open the page here "
            "and try again. Programs use a bearer token."
        )
        refusal = await run_sync(answer, request, problem)
        await refusal(scope, receive, send)


def must_ask(scope: Scope) -> bool:
    """Say whether a browser's standing could be abused: a cookie, or signing someone in."""
    if scope["method"] in SAFE:
        return False
    return "cookie" in Headers(scope=scope) or scope["path"] == "/login"


def may_act(headers: Headers) -> bool:
    """Say whether an unsafe request with these headers comes from our own pages."""
    if headers.get("authorization", "").lower().startswith("bearer "):
        return True
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == headers.get("host", "")
