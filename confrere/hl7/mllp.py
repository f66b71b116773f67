"""MLLP listener: a thread per connection, every size, count and wait bounded.

Source: HL7 MLLP release 1. The sender waits for its acknowledgement, so that a stored message
is one the callback returned from.
"""

import contextlib
import logging
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from confrere.hl7.acknowledge import (
    INTERNAL,
    SEGMENT_SEQUENCE,
    Answer,
    Code,
    Stamp,
    acknowledge,
)
from confrere.hl7.envelope import LARGEST_HEADER, read_envelope
from confrere.hl7.framing import START_BLOCK, Framer, Stray, TooLarge, wrap
from confrere.hl7.parse import LARGEST_MESSAGE

log = logging.getLogger(__name__)

_CHUNK = 64 * 1024
_POLL_SECONDS = 0.2
_LINGER_SECONDS = 1.0

_TOO_LARGE = Answer(Code.REJECTED, "The message is too large", INTERNAL, "MSH")
_TWO_IN_ONE = Answer(
    Code.REJECTED, "The block holds a second start mark; send it again", SEGMENT_SEQUENCE
)
_FULL = Answer(Code.ERROR, "Too much is being received just now; send it again later")
_FAILED = Answer(Code.ERROR, "The message could not be stored; send it again later")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one listener bears. A peer beyond a limit is cut; the others are served."""

    frame_bytes: int = LARGEST_MESSAGE
    pending_bytes: int = 4 * LARGEST_MESSAGE  # unfinished and unanswered, over all connections
    stray_bytes: int = 4096  # outside of blocks, between two of them
    connections: int = 256
    per_address: int = 32
    idle: timedelta = timedelta(seconds=300)  # without a whole block
    frame: timedelta = timedelta(seconds=60)  # for a whole block, and for a TLS handshake
    answer: timedelta = timedelta(seconds=30)  # for the peer to take its acknowledgement


class Peer(NamedTuple):
    """Who is connected; `certificate` is its TLS certificate in DER, empty without."""

    address: str
    port: int
    certificate: bytes = b""


class _Full(Exception):
    """The listener's pending bytes are used up."""


class Listener:
    """Listens for MLLP connections.

    `admit(address)` says whether that address may talk at all. `receive(raw, peer)` returns the
    acknowledgement and must have stored the message before; when it raises, the sender gets AE
    without any detail. Both are called on the connection's own thread. `stamp` gives time and
    control id for the acknowledgements that the listener makes itself. `tls`, when given, is a
    server context; to know peers by certificate it must require one.
    """

    def __init__(
        self,
        host: str,
        port: int,
        limits: Limits,
        *,
        admit: Callable[[str], bool],
        receive: Callable[[bytes, Peer], bytes],
        stamp: Callable[[], Stamp],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._bind = (host, port)
        self._limits = limits
        self._admit = admit
        self._receive = receive
        self._stamp = stamp
        self._tls = tls
        self._lock = threading.Lock()
        self._open: dict[threading.Thread, tuple[socket.socket, str]] = {}
        self._pending = 0
        self._stopping = threading.Event()
        self._socket: socket.socket | None = None
        self._acceptor: threading.Thread | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port listened on; after `start` the real port when 0 was asked for."""
        return self._bind

    def start(self) -> None:
        """Bind and listen. Raises OSError when the address can't be bound."""
        family = socket.AF_INET6 if ":" in self._bind[0] else socket.AF_INET
        listening = socket.create_server(self._bind, family=family, backlog=128)
        listening.settimeout(_POLL_SECONDS)
        self._socket, self._bind = listening, listening.getsockname()[:2]
        self._acceptor = threading.Thread(
            target=self._accept, args=(listening,), name="mllp", daemon=True
        )
        self._acceptor.start()

    def stop(self, grace: timedelta) -> None:
        """Take no more; let messages being stored get their answer within `grace`, then cut.

        Unfinished blocks are dropped: without an acknowledgement they are sent again.
        """
        self._stopping.set()
        end = time.monotonic() + grace.total_seconds()
        if self._acceptor and self._socket:
            _shut(self._socket, socket.SHUT_RDWR)  # wakes the acceptor at once on Linux
            self._acceptor.join()
            self._socket.close()
        for how, until in ((socket.SHUT_RD, end), (socket.SHUT_RDWR, end + _LINGER_SECONDS)):
            with self._lock:
                serving = dict(self._open)
            for connection, _ in serving.values():
                _shut(connection, how)
            for thread in serving:
                thread.join(max(0.0, until - time.monotonic()))

    def _accept(self, listening: socket.socket) -> None:
        while not self._stopping.is_set():
            try:
                connection, address = listening.accept()
            except TimeoutError:
                continue
            except OSError:
                self._stopping.wait(_POLL_SECONDS)  # out of descriptors: some will close
                continue
            try:
                self._begin(connection, Peer(*address[:2]))
            except (OSError, RuntimeError):  # gone already, or no thread to be had
                connection.close()

    def _begin(self, connection: socket.socket, peer: Peer) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls:
            connection = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        thread = threading.Thread(
            target=self._serve, args=(connection, peer), name="mllp-peer", daemon=True
        )
        with self._lock:
            same = sum(address == peer.address for _, address in self._open.values())
            full = len(self._open) >= self._limits.connections
            if full or same >= self._limits.per_address:
                log.warning("MLLP connection refused: too many")
                connection.close()
                return
            self._open[thread] = (connection, peer.address)
        try:
            thread.start()
        except RuntimeError:
            self._forget(thread)
            connection.close()
            raise

    def _forget(self, thread: threading.Thread) -> None:
        with self._lock:
            self._open.pop(thread, None)

    def _serve(self, connection: socket.socket, peer: Peer) -> None:
        framer = Framer(self._limits.frame_bytes, self._limits.stray_bytes)
        held = [0]
        try:
            if self._admit(peer.address):
                self._converse(connection, self._identify(connection, peer), framer, held)
            else:
                log.warning("MLLP connection refused: address not admitted")
        except (TooLarge, _Full) as error:
            answer = _TOO_LARGE if isinstance(error, TooLarge) else _FULL
            log.warning("MLLP connection cut: %s", answer.text)
            with contextlib.suppress(OSError):
                self._part(connection, framer, answer)
        except Stray:
            log.warning("MLLP connection cut: the peer does not speak MLLP")
        except OSError as error:
            log.info("MLLP connection lost: %s", type(error).__name__)
        except Exception as error:  # noqa: BLE001 - one connection must not take the door down
            _log_bug(error)
        finally:
            with contextlib.suppress(OSError):
                connection.close()
            self._hold(held, 0)
            self._forget(threading.current_thread())

    def _identify(self, connection: socket.socket, peer: Peer) -> Peer:
        if not isinstance(connection, ssl.SSLSocket):
            return peer
        connection.settimeout(self._limits.frame.total_seconds())
        connection.do_handshake()
        return peer._replace(certificate=connection.getpeercert(binary_form=True) or b"")

    def _converse(
        self, connection: socket.socket, peer: Peer, framer: Framer, held: list[int]
    ) -> None:
        limits, quiet_since, begun = self._limits, time.monotonic(), 0.0
        while not self._stopping.is_set():
            content = framer.next()
            if content is not None:
                connection.settimeout(limits.answer.total_seconds())
                connection.sendall(wrap(self._answer(content, peer)))
                del content
                self._hold(held, len(framer))
                quiet_since, begun = time.monotonic(), 0.0
                continue
            if framer.inside and not begun:
                begun = time.monotonic()
            since, wait = (begun, limits.frame) if begun else (quiet_since, limits.idle)
            remaining = since + wait.total_seconds() - time.monotonic()
            if remaining <= 0:
                log.info("MLLP connection closed: nothing whole came in time")
                return
            connection.settimeout(remaining)
            data = connection.recv(_CHUNK)
            if not data:
                return
            self._hold(held, len(framer) + len(data))
            framer.feed(data)

    def _hold(self, held: list[int], wanted: int) -> None:
        """Book what a connection holds, out of what all may hold. Raises _Full."""
        with self._lock:
            total = self._pending - held[0] + wanted
            if wanted > held[0] and total > self._limits.pending_bytes:
                raise _Full
            self._pending, held[0] = total, wanted

    def _answer(self, content: bytes, peer: Peer) -> bytes:
        if START_BLOCK in content:
            return acknowledge(read_envelope(content), _TWO_IN_ONE, self._stamp())
        try:
            return self._receive(content, peer)
        except Exception as error:  # noqa: BLE001 - the sender must learn that it is not stored
            _log_bug(error)
            return acknowledge(read_envelope(content), _FAILED, self._stamp())

    def _part(self, connection: socket.socket, framer: Framer, answer: Answer) -> None:
        """Answer, then read on for a moment: closing at once would reset the answer away."""
        envelope = read_envelope(framer.head(LARGEST_HEADER))
        connection.settimeout(_LINGER_SECONDS)
        connection.sendall(wrap(acknowledge(envelope, answer, self._stamp())))
        _shut(connection, socket.SHUT_WR)
        end = time.monotonic() + _LINGER_SECONDS
        while time.monotonic() < end and connection.recv(_CHUNK):
            pass


def _shut(connection: socket.socket, how: int) -> None:
    # SSLSocket.shutdown would drop the encryption of answers still to be sent
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, how)


def _log_bug(error: Exception) -> None:
    """Log where it happened but not the error's text, which may quote the message."""
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("MLLP message failed: %s\n%s", type(error).__name__, where)
