"""The services that we use at other machines (SCU), by pynetdicom: verify, find, move, get, store.

Each call is one association. Every wait is bounded by `Remote.wait`. A machine that can't be
reached, or that refuses us, raises Unavailable with words for the person who looks.
"""

import socket
import ssl
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from tempfile import NamedTemporaryFile
from time import monotonic
from typing import Any, BinaryIO

from pydicom import Dataset, dcmread
from pynetdicom import AE, _config, build_role, evt
from pynetdicom.association import Association

from confrere.dimse.syntaxes import (
    EXPLICIT_LE,
    FIND_ROOTS,
    GET_ROOTS,
    IMPLICIT_LE,
    MOVE_ROOTS,
    VERIFICATION,
)
from confrere.imaging.part10 import part10_prefix
from confrere.kernel.errors import Refused, Unavailable

_config.STORE_SEND_CHUNKED_DATASET = True  # files go out as they are, piece by piece
_config.STORE_RECV_CHUNKED_DATASET = False
_config.LOG_RESPONSE_IDENTIFIERS = _config.LOG_REQUEST_IDENTIFIERS = False
_PLAIN = (EXPLICIT_LE, IMPLICIT_LE)
_PENDING = frozenset({0xFF00, 0xFF01})
_CHUNK = 1 << 20
_MOST_CONTEXTS = 128


@dataclass(frozen=True, slots=True)
class Remote:
    """A machine that we call: where it listens, its AE title, and the title we call by.

    `wait` bounds each wait; `moving`, where given, that for the next answer of a C-MOVE. With
    `tls` the connection is made by TLS (PS3.15 B.12), to a host of `host`'s name.
    """

    host: str
    port: int
    aet: str
    calling: str
    wait: timedelta = timedelta(seconds=30)
    moving: timedelta | None = None
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How a C-MOVE or C-GET stands (PS3.7 9.3.4.2); `status` is the last one answered."""

    status: int
    remaining: int
    completed: int
    failed: int
    warned: int

    @property
    def is_over(self) -> bool:
        """Say whether no more answers come."""
        return self.status not in _PENDING


@dataclass(frozen=True, slots=True)
class Received:
    """One instance that came by C-GET: its data set's very bytes."""

    sop_class: str
    sop_instance: str
    transfer_syntax: str
    content: bytes


Contexts = Iterable[tuple[str, Iterable[str]]]  # SOP class and transfer syntaxes


def echo(remote: Remote) -> timedelta:
    """Verify the connection (C-ECHO); return how long the answer took."""
    with _associated(remote, [(VERIFICATION, _PLAIN)]) as link:
        before = monotonic()
        answer = link.send_c_echo()
        _success(answer, "did not answer the echo")
        return timedelta(seconds=monotonic() - before)


def find(remote: Remote, root: str, keys: Dataset) -> Generator[Dataset]:
    """Yield the matches of a C-FIND; `root` is PATIENT or STUDY. Closing it cancels."""
    sop_class = _class_of(FIND_ROOTS, root)
    with _associated(remote, [(sop_class, _PLAIN)]) as link:
        for status, match in link.send_c_find(keys, sop_class):
            _going_on(status, "refused the query")
            if match is not None:
                yield match


def move(remote: Remote, root: str, keys: Dataset, destination: str) -> Iterator[Progress]:
    """Let the machine send to an AE title; yield how it stands."""
    sop_class = _class_of(MOVE_ROOTS, root)
    with _associated(remote, [(sop_class, _PLAIN)]) as link:
        if remote.moving:
            link.dimse_timeout = link.network_timeout = remote.moving.total_seconds()
        for status, _ in link.send_c_move(keys, destination, sop_class):
            yield _progress(status)


def get(
    remote: Remote, root: str, keys: Dataset, contexts: Contexts,
    keep: Callable[[Received], int],
) -> Iterator[Progress]:  # fmt: skip
    """Fetch over this association; `keep` gets each instance and returns its C-STORE status.

    `contexts` says which classes and syntaxes we take: at most 127.
    """
    sop_class = _class_of(GET_ROOTS, root)
    taken = [(uid, tuple(syntaxes)) for uid, syntaxes in contexts][: _MOST_CONTEXTS - 1]

    def hear(event: Any) -> int:
        request = event.request
        return keep(
            Received(
                str(request.AffectedSOPClassUID),
                str(request.AffectedSOPInstanceUID),
                str(event.context.transfer_syntax),
                request.DataSet.getvalue() if request.DataSet else b"",
            )
        )

    roles = frozenset(uid for uid, _ in taken)
    wanted: list[tuple[str, Iterable[str]]] = [(sop_class, _PLAIN), *taken]
    with _associated(remote, wanted, roles, [(evt.EVT_C_STORE, hear)]) as link:
        for status, _ in link.send_c_get(keys, sop_class):
            yield _progress(status)


def event_report(
    remote: Remote, sop_class: str, sop_instance: str, event_type: int, data_set: bytes
) -> int:
    """Report an event as its class's provider (PS3.7 10.1.1); return the status answered.

    `data_set` is in explicit little endian.
    """
    told = _parsed(sop_class, sop_instance, data_set)
    with _associated(remote, [(sop_class, _PLAIN)], frozenset({sop_class})) as link:
        answer, _ = link.send_n_event_report(told, event_type, sop_class, sop_instance)
    if "Status" not in answer:
        raise Unavailable("the machine did not answer the report")
    return int(answer.Status)


def create(remote: Remote, sop_class: str, sop_instance: str, data_set: bytes) -> int:
    """Create an instance at the machine (N-CREATE, PS3.7 10.1.5); return the status answered.

    `data_set` is in explicit little endian.
    """
    told = _parsed(sop_class, sop_instance, data_set)
    with _associated(remote, [(sop_class, _PLAIN)]) as link:
        answer, _ = link.send_n_create(told, sop_class, sop_instance)
    if "Status" not in answer:
        raise Unavailable("the machine did not answer")
    return int(answer.Status)


class Sending:
    """An association for C-STORE."""

    def __init__(self, link: Association) -> None:
        self._link = link

    def accepted(self, sop_class: str) -> frozenset[str]:
        """The transfer syntaxes in which the peer takes a class."""
        return frozenset(
            str(c.transfer_syntax[0])
            for c in self._link.accepted_contexts
            if c.abstract_syntax == sop_class
        )

    def send(
        self, sop_class: str, sop_instance: str, syntax: str, stream: BinaryIO, *,
        originator: tuple[str, int] | None = None,
    ) -> int:  # fmt: skip
        """Store one data set, byte for byte, and return the status that the peer answers.

        `originator` is the AE title and message number of a C-MOVE. Raises Unavailable when the
        association is gone.
        """
        aet, number = originator or (None, None)
        with NamedTemporaryFile() as file:
            file.write(part10_prefix(sop_class, sop_instance, syntax, ""))
            while piece := stream.read(_CHUNK):
                file.write(piece)
            file.flush()
            try:
                answer = self._link.send_c_store(
                    file.name, originator_aet=aet, originator_id=number
                )
            except RuntimeError:
                raise Unavailable("the machine ended the association") from None
        if "Status" not in answer:
            raise Unavailable("the machine did not answer")
        return int(answer.Status)


@contextmanager
def sending(remote: Remote, kinds: Iterable[tuple[str, str]]) -> Iterator[Sending]:
    """Open an association that proposes these classes in their stored syntax, and plainly too.

    Of more kinds than fit one association those that come last are not proposed.
    """
    wanted: list[tuple[str, Iterable[str]]] = []
    stored = list(dict.fromkeys(kinds))
    wanted += [(uid, (syntax,)) for uid, syntax in stored]
    for uid in dict.fromkeys(uid for uid, _ in stored):
        wanted += [(uid, (s,)) for s in _PLAIN if (uid, s) not in stored]
    with _associated(remote, wanted[:_MOST_CONTEXTS]) as link:
        yield Sending(link)


@contextmanager
def _associated(
    remote: Remote, contexts: Contexts, provided: frozenset[str] = frozenset(),
    handlers: Iterable[tuple[Any, Callable[..., Any]]] = (),
) -> Iterator[Association]:  # fmt: skip
    ae = AE(ae_title=remote.calling)
    seconds = remote.wait.total_seconds()
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = seconds
    for uid, syntaxes in contexts:
        ae.add_requested_context(uid, list(syntaxes))
    link = ae.associate(
        remote.host, remote.port, ae_title=remote.aet,
        ext_neg=[build_role(uid, scp_role=True) for uid in provided],
        evt_handlers=[(evt.EVT_CONN_OPEN, _no_delay), *handlers],
        tls_args=(remote.tls, remote.host) if remote.tls else None,
    )  # fmt: skip
    if not link.is_established:
        raise Unavailable(_why(link, remote))
    try:
        yield link
    finally:
        if link.is_established:
            link.release()


def _no_delay(event: Any) -> None:
    """Small commands must not wait for the answer to the ones before."""
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _why(link: Association, remote: Remote) -> str:
    if link.is_rejected:
        refusal = link.acceptor.primitive
        because = refusal.reason_str if refusal is not None else "no reason given"
        return f"{remote.aet} refuses our AE title {remote.calling}: {because}"
    if link.is_aborted and link.acceptor.primitive is not None:
        return f"{remote.aet} accepts none of what we ask for"
    where = f"{remote.aet} at {remote.host}, port {remote.port}"
    if remote.tls:
        return f"no TLS with {where}: look at the port, at its certificate, at whom it trusts"
    return f"nothing answers as {where}"


def _parsed(sop_class: str, sop_instance: str, content: bytes) -> Dataset:
    prefix = part10_prefix(sop_class, sop_instance, EXPLICIT_LE, "")
    return Dataset(dcmread(BytesIO(prefix + content)))


def _class_of(roots: dict[str, str], root: str) -> str:
    return next(uid for uid, named in roots.items() if named == root)


def _success(answer: Dataset, trouble: str) -> None:
    if "Status" not in answer:
        raise Unavailable(f"the machine {trouble}")
    if answer.Status != 0:
        raise Refused(f"the machine {trouble}: status {answer.Status:04X}")


def _going_on(answer: Dataset, trouble: str) -> None:
    if "Status" not in answer:
        raise Unavailable("the machine ended the association before it was done")
    if answer.Status != 0 and answer.Status not in _PENDING:
        raise Refused(f"the machine {trouble}: status {answer.Status:04X}")


def _progress(answer: Dataset) -> Progress:
    if "Status" not in answer:
        raise Unavailable("the machine ended the association before it was done")
    each = ("Remaining", "Completed", "Failed", "Warning")
    counts = [int(answer.get(f"NumberOf{word}Suboperations") or 0) for word in each]
    return Progress(int(answer.Status), *counts)
