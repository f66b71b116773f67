"""One peer's socket: a fixed buffer, bounded waiting, and a way to cut it from outside."""

import contextlib
import hashlib
import select
import socket
import ssl
import traceback
from datetime import timedelta
from threading import Lock
from time import monotonic

_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux only
BUFFER = 256 * 1024
_LAST_BYTES = 1024 * 1024  # read and thrown away at most, after our last word


class Gone(Exception):
    """No more bytes will come from this peer; the message says why."""


class Closed(Gone):
    """The peer closed or reset the connection."""


class Late(Gone):
    """The peer let a deadline pass."""


class Cut(Gone):
    """We ended it from another thread."""


# SSLSocket's own shutdown drops its TLS state under a thread that is reading.
_shutdown = socket.socket.shutdown


class Wire:
    """Reads into one preallocated buffer; used by its association's thread.

    `cut` alone may be called from other threads. Views returned stay valid until the next call.
    """

    def __init__(self, sock: socket.socket, size: int = BUFFER) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._view = memoryview(bytearray(size))
        self._start = self._end = 0
        self._patience = self._message_patience = 0.0
        self._cut = ""
        self._lock = Lock()
        self._waiting_since: float | None = None
        self.secured: str | None = None  # fingerprint of the peer's certificate, empty without

    def stalled_for(self) -> float:
        """Seconds that we have been waiting for the peer just now; 0 while we work for it."""
        since = self._waiting_since
        return 0.0 if since is None else monotonic() - since

    def secure(self, context: ssl.SSLContext, wait: timedelta) -> None:
        """Do the server's TLS handshake, all of it within `wait`; raises Gone."""
        try:
            with self._lock:
                self._sock = context.wrap_socket(
                    self._sock, server_side=True, do_handshake_on_connect=False
                )
                self._sock.settimeout(wait.total_seconds())
            self._sock.do_handshake()
            shown = self._sock.getpeercert(binary_form=True)
            self.secured = hashlib.sha256(shown).hexdigest() if shown else ""
        except OSError as error:
            _close_unfinished(error, self._sock)
            raise Closed(f"TLS handshake failed: {type(error).__name__}") from None

    def allow(self, wait: timedelta) -> None:
        """Set how long the reads from here on may wait for the peer, all together."""
        self._patience = wait.total_seconds()

    def allow_message(self, wait: timedelta) -> None:
        """Set how long all reads of one message may wait for the peer, all together."""
        self._message_patience = wait.total_seconds()

    def exactly(self, count: int) -> memoryview:
        """Return the next `count` bytes, no more than the buffer holds."""
        while self._end - self._start < count:
            if self._start + count > len(self._view):
                self._compact()
            self._fill()
        begin, self._start = self._start, self._start + count
        return self._view[begin : self._start]

    def some(self, most: int) -> memoryview:
        """At least one and at most `most` of the next bytes, as they are in the buffer."""
        if self._start == self._end:
            self._fill()
        begin, self._start = self._start, min(self._end, self._start + most)
        return self._view[begin : self._start]

    def ready(self) -> bool:
        """Say whether a byte can be read without waiting."""
        if self._start != self._end:
            return True
        if isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
            return True
        watched = select.poll()
        watched.register(self._sock, select.POLLIN)
        return bool(watched.poll(0))

    def _compact(self) -> None:
        kept = bytes(self._view[self._start : self._end])
        self._view[: len(kept)] = kept
        self._start, self._end = 0, len(kept)

    def _fill(self) -> None:
        if self._start == self._end:
            self._start = self._end = 0
        wait = min(self._patience, self._message_patience)
        if wait <= 0:
            raise Late("too slow")
        self._waiting_since = before = monotonic()
        try:
            self._sock.settimeout(wait)
            if _QUICKACK is not None:  # undoes a Nagle'd sender's 40 ms stall; not sticky
                self._sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
            got = self._sock.recv_into(self._view[self._end :])
        except TimeoutError:
            raise Late("too slow") from None
        except OSError as error:
            raise Closed(self._cut or type(error).__name__) from None
        finally:
            self._waiting_since = None
        spent = monotonic() - before
        self._patience -= spent
        self._message_patience -= spent
        if self._cut:
            raise Cut(self._cut)
        if not got:
            raise Closed("closed by the peer")
        self._end += got

    def send(self, data: bytes, wait: timedelta) -> None:
        """Send all of `data`, or raise Gone when the peer does not take it in time."""
        try:
            self._sock.settimeout(wait.total_seconds())
            self._sock.sendall(data)
        except TimeoutError:
            raise Late("answer not taken") from None
        except OSError as error:
            raise Closed(self._cut or type(error).__name__) from None

    def cut(self, because: str) -> None:
        """Wake the reading thread, which then raises Cut; may be called from any thread."""
        with self._lock:
            self._cut = self._cut or because
            with contextlib.suppress(OSError):
                _shutdown(self._sock, socket.SHUT_RD)

    def close(self, last_word: bytes, linger: timedelta) -> None:
        """Send a last PDU, give the peer a moment to read it, close.

        Without the moment the kernel answers bytes still on their way with a reset, which
        destroys the last word at the peer.
        """
        with contextlib.suppress(OSError):
            until = monotonic() + linger.total_seconds()
            self._sock.settimeout(linger.total_seconds())
            if last_word:
                self._sock.sendall(last_word)
            _shutdown(self._sock, socket.SHUT_WR)
            unread = _LAST_BYTES if last_word else 0
            while unread > 0 and (left := until - monotonic()) > 0 and not self._cut:
                self._sock.settimeout(left)
                got = self._sock.recv_into(self._view)
                unread = unread - got if got else 0
        with self._lock:
            self._sock.close()


def _close_unfinished(error: BaseException, ours: socket.socket) -> None:
    """Close the TLS socket that `wrap_socket` made and dropped when its peer had reset already.

    It has taken the descriptor from ours, and only the error's frames still know it. Ours is
    closed with its last word.
    """
    for frame, _ in traceback.walk_tb(error.__traceback__):
        made = frame.f_locals.get("self")
        if isinstance(made, ssl.SSLSocket) and made is not ours:
            made.close()
