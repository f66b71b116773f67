"""MLLP sender: one message, one connection, one acknowledgement."""

import ipaddress
import socket
import ssl
import time
from datetime import timedelta

from confrere.hl7.acknowledge import Acknowledgement, read_acknowledgement
from confrere.hl7.envelope import read_envelope
from confrere.hl7.framing import END_BLOCK, START_BLOCK, Framer, Stray, TooLarge, wrap
from confrere.kernel.errors import Invalid, Unavailable

_LARGEST_ANSWER = 64 * 1024
_STRAY = 1024
_CHUNK = 16 * 1024


class Sender:
    """Sends messages. `tls`, when given, is a client context and is always used."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls

    def send(
        self, host: str, port: int, raw: bytes, timeout: timedelta, tls_name: str = ""
    ) -> Acknowledgement:
        """Send one message and wait for its acknowledgement, `timeout` for everything.

        `host` is an IP address: who calls resolves names and checks where they lead; `tls_name`
        is then the name that the certificate must bear. AE and AR are returned, not raised.
        Raises Unavailable when no answer came, which does not tell whether the message was
        taken; Invalid for a message without MSH-10, or an answer that is not this message's.
        """
        control_id = _check(host, raw)
        deadline = time.monotonic() + timeout.total_seconds()
        try:
            with (
                socket.create_connection((host, port), timeout.total_seconds()) as plain,
                self._secure(plain, tls_name or host) as connection,
            ):
                connection.settimeout(_remaining(deadline))
                connection.sendall(wrap(raw))
                answer = _receive(connection, deadline)
        except OSError as cause:
            raise Unavailable("The HL7 receiver does not answer; try again later") from cause
        acknowledgement = read_acknowledgement(answer)
        if acknowledgement.control_id != control_id:
            raise Invalid("MSA-2 must repeat the control id of the message", field="MSA-2")
        return acknowledgement

    def _secure(self, plain: socket.socket, name: str) -> socket.socket:
        return self._tls.wrap_socket(plain, server_hostname=name) if self._tls else plain


def _check(host: str, raw: bytes) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError as cause:
        raise Invalid("The receiver must be given as an IP address", field="host") from cause
    control_id = read_envelope(raw).control_id
    if not control_id:
        raise Invalid("MSH-10 must hold a message control id", field="MSH-10")
    if START_BLOCK in raw or END_BLOCK in raw:
        raise Invalid("The message must not hold MLLP block marks", field="MSH")
    return control_id


def _receive(connection: socket.socket, deadline: float) -> bytes:
    framer = Framer(_LARGEST_ANSWER, _STRAY)
    try:
        while (answer := framer.next()) is None:
            connection.settimeout(_remaining(deadline))
            data = connection.recv(_CHUNK)
            if not data:
                raise Unavailable("The HL7 receiver closed before its acknowledgement")
            framer.feed(data)
    except (Stray, TooLarge) as cause:
        raise Invalid("The answer is no MLLP acknowledgement", field="MSA") from cause
    return answer


def _remaining(deadline: float) -> float:
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining
