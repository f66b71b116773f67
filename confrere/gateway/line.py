"""The one way out: HTTPS to the centre, whose certificate is always checked."""

import base64
import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from confrere.gateway.model import Letter, back_off
from confrere.kernel.errors import Refused, Unavailable
from confrere.wiring import gateway_frames as frames
from confrere.wiring.gateway_frames import Frame

_TIMEOUT_SECONDS = 30.0
_LARGEST_ANSWER = 1 << 20
_LARGEST_WORD = 16 << 20  # of a site's exams
_OK, _UNAUTHORIZED, _FORBIDDEN, _SERVER_ERRORS = 200, 401, 403, 500


class Link:
    """One kept-alive connection; a thread has one of its own.

    Raises Unavailable when the line or the centre is down, Refused when the centre does not
    know this gateway (any more).
    """

    def __init__(self, centre: str, ca: str, token: str) -> None:
        self._told = urlsplit(centre)
        self._token = token
        self._tls = (
            ssl.create_default_context(cafile=ca or None)
            if self._told.scheme == "https"
            else None
        )
        self._connection: http.client.HTTPConnection | None = None

    def enrol(self, code: str, version: str) -> dict[str, Any]:
        """Give the code, get the token."""
        return self._json("/gateway/enrol", {"code": code, "version": version})

    def have(self, digest: bytes) -> int:
        """How many bytes of a large object the centre has already."""
        return int(self._ask("GET", f"/gateway/objects/{digest.hex()}")["have"])

    def send(self, given: Sequence[Frame]) -> list[dict[str, Any]]:
        """Send frames; the centre's answer for each, in their order."""
        said = self._ask("POST", "/gateway/objects", frames.write(given))
        answers: list[dict[str, Any]] = said["objects"]
        told = [bytes.fromhex(one["digest"]) for one in answers]
        if told != [frame.digest for frame in given]:
            self.close()
            raise Unavailable("the centre answered about other objects")
        return answers

    def send_letters(self, letters: Sequence[Letter]) -> list[dict[str, Any]]:
        """Send messages; the centre's answer for each, in their order."""
        given = [
            {"content": base64.b64encode(one.content).decode(), "address": one.address}
            for one in letters
        ]
        answers: list[dict[str, Any]] = self._json("/gateway/messages", {"messages": given})[
            "messages"
        ]
        return answers

    def exchange(self, content: dict[str, Any]) -> dict[str, Any]:
        """Hand over what was done in downtime; what the centre says of it, and of exams."""
        body = json.dumps(content).encode()
        return self._ask("POST", "/gateway/downtime", body, "application/json", _LARGEST_WORD)

    def sign(self, version: str, said: dict[str, Any]) -> None:
        """Tell how things are here."""
        self._json("/gateway/signs", {"version": version, "said": said})

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _json(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        return self._ask("POST", path, json.dumps(content).encode(), "application/json")

    def _ask(
        self, method: str, path: str, body: bytes = b"",
        kind: str = "application/octet-stream", largest: int = _LARGEST_ANSWER,
    ) -> dict[str, Any]:  # fmt: skip
        headers = {"authorization": f"Bearer {self._token}", "content-type": kind}
        try:
            connection = self._connected()
            connection.request(method, self._told.path.rstrip("/") + path, body, headers)
            answer = connection.getresponse()
            content = answer.read(largest)
            told = json.loads(content) if answer.status == _OK else {}
        except ssl.SSLCertVerificationError:
            self.close()
            raise Unavailable("the centre's certificate does not hold: check ca") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise Unavailable(f"no line to the centre ({type(error).__name__})") from None
        if answer.status in (_UNAUTHORIZED, _FORBIDDEN):
            raise Refused("the centre does not know this gateway: enrol it again")
        if answer.status != _OK:
            self.close()
            raise Unavailable(f"the centre answers {answer.status}")
        return dict(told)

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            host, port = self._told.hostname or "", self._told.port
            self._connection = (
                http.client.HTTPSConnection(
                    host, port, timeout=_TIMEOUT_SECONDS, context=self._tls
                )
                if self._tls
                else http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)
            )
        return self._connection


class Line:
    """Whether the line is up, and when to try again; shared by all who use it.

    `is_settled`: since it is up, the centre was told first what was read meanwhile.
    """

    def __init__(self, dice: Callable[[], float]) -> None:
        self._dice = dice
        self._lock = threading.Lock()
        self._failures = 0
        self._not_before = 0.0
        self.since = time.time()
        self.trouble = "not tried yet"
        self.is_settled = False

    def wait(self) -> float:
        """Seconds until one may try; 0 for now."""
        with self._lock:
            return max(0.0, self._not_before - time.time())

    def down_seconds(self) -> float:
        """How long it has been down; 0 while it is up."""
        with self._lock:
            return time.time() - self.since if self.trouble else 0.0

    def settle(self) -> None:
        """Let what waits be sent."""
        with self._lock:
            self.is_settled = not self.trouble

    def worked(self) -> None:
        """Something came through."""
        with self._lock:
            if self.trouble:
                self.since, self.trouble = time.time(), ""
            self._failures, self._not_before = 0, 0.0

    def failed(self, why: str) -> None:
        """Nothing came through: wait, longer each time."""
        with self._lock:
            if not self.trouble:
                self.since = time.time()
            self.trouble, self.is_settled = why, False
            if time.time() < self._not_before:
                return  # another thread's try failed just now, for the same reason
            self._failures += 1
            pause = back_off(self._failures, self._dice())
            self._not_before = time.time() + pause.total_seconds()
