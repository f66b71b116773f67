"""The status page on loopback or the hospital's network: read-only, no patient data."""

import base64
import binascii
import hmac
import html
import json
import logging
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

log = logging.getLogger(__name__)

Told = Mapping[str, Any]
_TIMEOUT_SECONDS = 10
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;"
    "color:#1d2733;background:#fff}h1{font-size:1.4rem}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;padding:.35rem .5rem;border-bottom:1px solid #dde3ea}th{width:40%;"
    "font-weight:600}.bad{background:#fdecea;border-left:4px solid #b3261e;padding:.6rem .8rem}"
    ".good{background:#e8f5ec;border-left:4px solid #1b7f3b;padding:.6rem .8rem}"
)


class StatusPage:
    """Serves `tell()` as a page, and as JSON at /status.json, to who has the token.

    The token is the password of HTTP Basic (any name), or a bearer token.
    """

    def __init__(self, host: str, port: int, token: str, tell: Callable[[], Told]) -> None:
        class Handler(_Handler):
            pass

        Handler.token, Handler.tell = token, staticmethod(tell)
        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True

    def start(self) -> None:
        """Begin to serve."""
        thread = threading.Thread(
            target=self._server.serve_forever, name="status-page", daemon=True
        )
        thread.start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    token = ""
    tell: Callable[[], Told]
    timeout = _TIMEOUT_SECONDS
    server_version = "confrere"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer the page, its JSON, or 404."""
        if not _is_known(self.headers.get("authorization", ""), self.token):
            self._answer(401, b"the token is in keys/status.token\n", "text/plain")
            return
        told = type(self).tell()
        if self.path == "/status.json":
            self._answer(200, json.dumps(told).encode(), "application/json")
        elif self.path == "/":
            self._answer(200, page(told).encode(), "text/html; charset=utf-8")
        else:
            self._answer(404, b"not here; see /\n", "text/plain")

    def log_message(self, *_: object) -> None:
        """Requests are not logged."""

    def _answer(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in (
            ("content-type", kind), ("content-length", str(len(content))),
            ("cache-control", "no-store"), ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"),
        ):  # fmt: skip
            self.send_header(name, value)
        if status == 401:  # noqa: PLR2004 - HTTP
            self.send_header("www-authenticate", 'Basic realm="gateway"')
        self.end_headers()
        self.wfile.write(content)


def page(told: Told) -> str:
    """Write the page."""
    rows = "".join(
        f"<tr><th scope=row>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>"
        for name, value in _lines(told)
    )
    boxes = "".join(f"<p class=bad>{html.escape(one)}</p>" for one in _troubles(told))
    boxes = boxes or "<p class=good>All is well.</p>"
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content=10>"
        f"<title>Gateway</title><style>{_STYLE}</style><main><h1>Gateway {html.escape(told['aet'])}</h1>"
        f"{boxes}<table>{rows}</table></main></html>"
    )


def _lines(told: Told) -> list[tuple[str, object]]:
    images = told["images"]
    return [
        ("Line to the centre", f"{told['line']} since {told['line_since']}"),
        *((f"Images waiting, {rank}", count) for rank, count in images.items()),
        ("Waiting in all", f"{told['bytes'] / 1e6:.1f} MB"),
        ("Oldest waits", f"{told['oldest_seconds']} s"),
        ("HL7 messages waiting", told["messages"]),
        ("May read here in downtime", _readers(told["readers"])),
        ("They read on", told["reading"]),
        ("Signed here, not at the centre yet", told["reads"]),
        ("Free on the disk", f"{told['free_bytes'] / 1e9:.1f} GB"),
        ("Version", told["version"]),
    ]


def _readers(number: int) -> str:
    return f"{number or 'no'} reader{'s' if number != 1 else ''}"


def _troubles(told: Told) -> list[str]:
    found = list(told["alerts"])
    if told["trouble"]:
        found.append(
            f"{told['trouble']}. Images and messages are taken and kept here; they go by "
            "themselves when the line is back. If it lasts, see that this machine reaches "
            "the centre on its HTTPS port, then look at Gateways on the centre's Network pages."
        )
    if told["put_off"]:
        found.append(f"{told['put_off']} images are tried again: {told['put_off_because']}.")
    if told["messages_refused"]:
        found.append(
            f"{told['messages_refused']} HL7 messages were refused by the centre and are kept "
            "here: correct them at the sender and send them again."
        )
    return found


def _is_known(given: str, token: str) -> bool:
    scheme, _, secret = given.partition(" ")
    if scheme.lower() == "basic":
        try:
            secret = base64.b64decode(secret, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return False
    elif scheme.lower() != "bearer":
        return False
    return bool(token) and hmac.compare_digest(secret.strip().encode(), token.encode())
