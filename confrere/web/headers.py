"""The security headers of every answer: a strict policy with a nonce, a looser one for OHIF."""

import base64
import re
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NONCE_BYTES = 18
STRICT = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'self'"
)
# OHIF compiles decoders and injects styles and workers; its pages hold no text of ours
VIEWER = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self' blob: data:; frame-ancestors 'self'"
)
# a scanned paper: whatever it holds, it runs nothing, loads nothing and is of no origin of ours
PAPER = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; object-src 'self'; "
    "script-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
A_PAPER = re.compile(r"/items/[0-9a-f-]{36}/papers/[0-9a-f-]{36}")
FIXED = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), payment=(), usb=()",
}


class SecurityHeaders:
    """Put the headers on every answer, errors included, and a nonce in the request's state.

    What says nothing about caching is not stored: pages hold patient data.
    """

    def __init__(self, app: ASGIApp, random: Callable[[int], bytes], *, tls: bool) -> None:
        self.app = app
        self.random = random
        self.fixed = dict(FIXED)
        if tls:
            self.fixed["strict-transport-security"] = "max-age=63072000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap `send`."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        nonce = base64.b64encode(self.random(NONCE_BYTES)).decode("ascii")
        scope.setdefault("state", {})["nonce"] = nonce
        viewer = scope["path"] == "/ohif" or scope["path"].startswith("/ohif/")
        policy = VIEWER if viewer else STRICT.format(nonce=nonce)
        if A_PAPER.fullmatch(scope["path"]):
            policy = PAPER

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.fixed.items():
                    headers[name] = value
                headers["content-security-policy"] = policy
                headers.setdefault("cache-control", "no-store")
            await send(message)

        await self.app(scope, receive, with_headers)
