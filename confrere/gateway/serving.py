"""Serves the reading pages: HTTP/1.1 by the standard library, by TLS beyond loopback."""

import socket
import ssl
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from confrere.gateway.config import Config
from confrere.gateway.reading_page import MOST_BODY, Answer, Asked, Pages

MOST_CONNECTIONS = 64
_TIMEOUT_SECONDS = 20
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_SAFE = {
    "content-security-policy": _POLICY, "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin", "x-frame-options": "DENY",
}  # fmt: skip


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self, address: tuple[str, int], handler: Any, tls: ssl.SSLContext | None
    ) -> None:
        self._tls = tls
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__(address, handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        made, address = self.socket.accept()
        if self._tls:  # the handshake is the connection's own thread's, within its deadline
            made = self._tls.wrap_socket(made, server_side=True, do_handshake_on_connect=False)
        return made, address

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks, or never speaks TLS, is no news."""


class ReadingServer:
    """The port on which readers read. Raises OSError when it is taken."""

    def __init__(self, config: Config, pages: Pages) -> None:
        class Handler(_Handler):
            pass

        Handler.pages = pages
        tls = None
        if config.reading_certificate:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(config.reading_certificate, config.reading_key)
        self._server = _Server((config.reading_host, config.reading_port), Handler, tls)

    def start(self) -> None:
        """Begin to serve."""
        threading.Thread(
            target=self._server.serve_forever, name="reading-page", daemon=True
        ).start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    pages: Pages
    protocol_version = "HTTP/1.1"
    timeout = _TIMEOUT_SECONDS
    server_version = "confrere"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer a page, a picture or a file."""
        self._serve(b"")

    def do_POST(self) -> None:
        """Answer a form."""
        length = self.headers.get("content-length", "")
        if not length.isdigit() or int(length) > MOST_BODY:
            self.close_connection = True
            self._send(Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"", "text/plain"))
            return
        self._serve(self.rfile.read(int(length)))

    def log_message(self, *_: object) -> None:
        """Requests are noted in the chain of events, not in a log."""

    def _serve(self, body: bytes) -> None:
        self._send(self.pages.answer(Asked(
            self.command, self.path[:2000], self.headers.get("cookie", ""),
            self.headers.get("origin", ""), self.headers.get("host", ""), body,
        )))  # fmt: skip

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        told = {"content-type": answer.kind, "cache-control": "no-store", **_SAFE}
        for name, value in (told | dict(answer.headers or {})).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)
