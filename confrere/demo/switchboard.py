"""The demonstration's mail server and telephone exchange: they take everything and ring nobody.

A real SMTP server and a real HTTP endpoint on loopback; what comes is kept as a file each in
`received/notices` of the home, and shown on a page of its own.
"""

import hmac
import html
import json
import logging
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confrere.demo.machines import LOOPBACK
from confrere.demo.stopping import stop_on_signals
from confrere.kernel.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

PATH = "/messages"
MOST_BYTES = 100_000
SHOWN = 200
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Switchboard</title>
<meta http-equiv="refresh" content="5"><style>body{font:15px/1.5 sans-serif;margin:2rem auto;
max-width:60rem;padding:0 1rem}td,th{text-align:left;vertical-align:top;padding:.4rem .8rem;
border-bottom:1px solid #8884}pre{margin:0;white-space:pre-wrap;font:inherit}</style>
<h1>Switchboard of the demonstration</h1><p>Mail, SMS and calls that came in. Nobody was reached:
every address here is invented.</p><table><tr><th>When (UTC)<th>Way<th>To<th>Words</tr>"""


@dataclass(frozen=True, slots=True)
class Call:
    """One message that came in."""

    at: str
    channel: str
    to: str
    subject: str
    text: str
    key: str  # Message-ID, or the gateway's key of repetition


class Tray:
    """What came in: a file each, once for each key and channel."""

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        self._folder, self._now = folder, now
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._known = {(one.channel, one.key) for one in self.calls()}

    def keep(self, channel: str, to: str, subject: str, text: str, key: str) -> None:
        """Keep one; the same once more changes nothing."""
        with self._lock:
            if (channel, key) in self._known:
                return
            self._known.add((channel, key))
            made = Call(self._now().isoformat(), channel, to, subject, text, key)
            name = f"{self._now():%Y%m%dT%H%M%S%f}-{next(self._numbers):06d}.json"
            (self._folder / name).write_text(json.dumps(asdict(made)), encoding="utf-8")

    def calls(self) -> list[Call]:
        """What came in, in the order in which it came."""
        files = sorted(self._folder.glob("*.json"))
        return [Call(**json.loads(one.read_text(encoding="utf-8"))) for one in files]

    def page(self) -> str:
        """The newest first, as a page."""
        rows = [
            f"<tr><td>{html.escape(one.at[:19])}<td>{html.escape(one.channel)}"
            f"<td>{html.escape(one.to)}<td>{html.escape(one.subject)}"
            f"<pre>{html.escape(one.text)}</pre></tr>"
            for one in reversed(self.calls()[-SHOWN:])
        ]
        return PAGE + "".join(rows) + "</table></html>"


class _Mailbox:
    """What the SMTP server calls: keeps each message for each of its receivers."""

    def __init__(self, tray: Tray) -> None:
        self._tray = tray

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Take a message (the server's own name for it)."""
        made = message_from_bytes(envelope.content, policy=policy.default)
        body = made.get_body(("plain",))
        text = body.get_content() if body else ""
        for to in envelope.rcpt_tos:
            self._tray.keep("mail", to, str(made["subject"]), text, str(made["message-id"]))
        return "250 OK"


def _exchange(tray: Tray, token: str) -> type[BaseHTTPRequestHandler]:
    class Exchange(BaseHTTPRequestHandler):
        """Takes SMS and calls; shows what came."""

        timeout = 10

        def do_GET(self) -> None:
            """Show what came."""
            self._answer(200, "text/html; charset=utf-8", tray.page().encode())

        def do_POST(self) -> None:
            """Take one message."""
            if not hmac.compare_digest(
                self.headers.get("authorization", "").encode(), f"Bearer {token}".encode()
            ):
                self._answer(401, "application/json", b'{"error": "wrong token"}')
                return
            length = int(self.headers.get("content-length") or 0)
            try:
                said = json.loads(self.rfile.read(min(length, MOST_BYTES)))
                tray.keep(said["channel"], said["to"], "", said["text"], said["id"])
            except (ValueError, KeyError, TypeError):
                self._answer(400, "application/json", b'{"error": "not understood"}')
                return
            self._answer(202, "application/json", b'{"taken": true}')

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
            """Say nothing."""

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Exchange


@contextmanager
def switchboard(
    home: Path, mail_port: int, http_port: int, token: str,
    now: Callable[[], datetime] | None = None, **mail: Any,
) -> "Iterator[Tray]":  # fmt: skip
    """Take mail, SMS and calls for as long as the context lasts; gives what came.

    `mail`: further settings of the SMTP server. Raises Unavailable without its package.
    """
    try:
        from aiosmtpd.controller import Controller  # noqa: PLC0415 - nothing else needs it
    except ImportError:
        raise Unavailable(
            "the demonstration's mail server needs the package aiosmtpd: install "
            "confrere[local]"
        ) from None
    tray = Tray(home / "received" / "notices", now or (lambda: datetime.now(UTC)))
    controller = Controller(_Mailbox(tray), hostname=LOOPBACK, port=mail_port, **mail)
    web = ThreadingHTTPServer((LOOPBACK, http_port), _exchange(tray, token))
    serving = threading.Thread(target=web.serve_forever, daemon=True)
    controller.start()
    serving.start()
    try:
        yield tray
    finally:
        controller.stop()
        web.shutdown()
        web.server_close()
        serving.join()


def run(home: Path, mail_port: int, http_port: int, token: str) -> None:
    """Take everything until SIGTERM."""
    stop = stop_on_signals()
    with switchboard(home, mail_port, http_port, token):
        log.info("demo: mail, SMS and voice are taken on loopback")
        stop.wait()
