"""The DICOM door: a listening socket, one blocking thread per peer, an orderly stop."""

import logging
import socket
import ssl
import threading
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic, sleep

from confrere.dimse.association import Association, House
from confrere.dimse.events import Event, Observe
from confrere.dimse.limits import Limits
from confrere.dimse.service import Admit, Service
from confrere.dimse.slots import Slots
from confrere.dimse.store import EchoService, Sink, StoreService
from confrere.dimse.wire import Wire

log = logging.getLogger(__name__)

_BACKLOG = 128
_LAST_WAIT = 2.0  # seconds for cut threads to end


class Door:
    """Provides C-ECHO, C-STORE into `sink`, and `further` services.

    `admit` runs on the peer's thread before any other service; `sink` likewise, one call at a
    time per association. `observe` gets small events and may be called from many threads.
    `tls` should demand client certificates where AE titles are to mean anything.
    """

    def __init__(
        self,
        host: str,
        port: int,
        limits: Limits,
        admit: Admit,
        sink: Sink,
        *,
        observe: Observe | None = None,
        title: str = "CONFRERE",
        private_classes: frozenset[str] = frozenset(),
        deflated: bool = False,
        further: Sequence[Service] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._where = (host, port)
        self._observe = observe
        store = StoreService(sink, private_classes, deflated)
        services: tuple[Service, ...] = (EchoService(), store, *further)
        self._house = House(title, limits, admit, services, self._tell)
        self._slots = Slots(limits)
        self._tls = tls
        self._listener: socket.socket | None = None
        self._stopping = threading.Event()
        self._threads: set[threading.Thread] = set()
        self._starting = threading.Lock()  # a thread that is not started yet can't be joined

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; the port is the real one when 0 was asked for."""
        if self._listener is None:
            return self._where
        host, port = self._listener.getsockname()[:2]
        return str(host), int(port)

    def start(self) -> None:
        """Bind and begin to accept; raises OSError when the address is taken."""
        family = socket.AF_INET6 if ":" in self._where[0] else socket.AF_INET
        self._listener = socket.create_server(self._where, family=family, backlog=_BACKLOG)
        name = f"dicom-door-{self.address[1]}"
        threading.Thread(
            target=self._accept, args=(self._listener,), name=name, daemon=True
        ).start()

    def stop(self, grace: timedelta) -> None:
        """Accept no more, let messages in hand be answered, cut what remains after `grace`.

        A store that is cut gets no answer and its sink an abort, unless it is already in the
        sink's `finish`: that runs on, unanswered, and the sender will send again.
        """
        self._stopping.set()
        if self._listener is not None:
            try:
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept
            except OSError:
                log.debug("listener was not connected")
            self._listener.close()
        until = monotonic() + grace.total_seconds()
        for holder in self._slots.holders():
            if isinstance(holder, Association):
                holder.drain()
        self._join(until)
        for holder in self._slots.holders():
            holder.cut("we are stopping")
        self._join(monotonic() + _LAST_WAIT)

    def _join(self, until: float) -> None:
        with self._starting:
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(0.0, until - monotonic()))

    def _accept(self, listener: socket.socket) -> None:
        while not self._stopping.is_set():
            try:
                sock, peer = listener.accept()
            except OSError as error:
                if not self._stopping.is_set():  # out of descriptors: others will close some
                    log.warning("cannot accept: %s", type(error).__name__)
                    sleep(0.1)
                continue
            try:
                self._welcome(sock, str(peer[0]).removeprefix("::ffff:"), int(peer[1]))
            except (OSError, RuntimeError) as error:  # reset already, or no more threads
                log.warning("cannot serve a connection: %s", type(error).__name__)
                sock.close()

    def _welcome(self, sock: socket.socket, address: str, port: int) -> None:
        association = Association(Wire(sock), address, port, self._house)
        if not self._slots.enter(association):
            sock.close()
            return
        thread = threading.Thread(
            target=self._run, args=(association,), name=f"dicom-{address}", daemon=True
        )
        try:
            with self._starting:
                thread.start()
                self._threads.add(thread)
        except RuntimeError:
            self._slots.leave(association)
            raise

    def _run(self, association: Association) -> None:
        try:
            if self._stopping.is_set():
                association.drain()
            association.run(self._slots.seat, self._tls)
        finally:
            self._slots.leave(association)
            with self._starting:
                self._threads.discard(threading.current_thread())

    def _tell(self, event: Event) -> None:
        if self._observe is None:
            return
        try:
            self._observe(event)
        except Exception as error:  # noqa: BLE001 - whoever watches must not stop the work
            log.error("observer failed: %s", type(error).__name__)  # noqa: TRY400
