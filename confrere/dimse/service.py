"""What the upper layer and a DIMSE service say to each other.

A service names the abstract syntaxes and command fields it provides; each request opens a
Receiver that takes the data set as it arrives and then answers, once (C-ECHO, C-STORE) or
several times (C-FIND, C-MOVE, C-GET with pending statuses).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from confrere.dimse.command import MESSAGE_ID, Command


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks for an association, before anything was agreed. AE titles without padding."""

    calling_aet: str
    called_aet: str
    address: str
    port: int
    secured: str | None = None  # by TLS: SHA-256 of its certificate, empty without; None: plain


@dataclass(frozen=True, slots=True)
class Admission:
    """The caller may come in; `peer` is the admitter's own note, handed back with each request.

    `services` limits what is offered to it, by `Service.name`; None offers everything.
    """

    peer: object = None
    services: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """The caller stays out; the numbers are those of PS3.8 table 9-21."""

    result: int
    source: int
    reason: int
    because: str  # for our audit, not sent


PERMANENT, TRANSIENT = 1, 2
CALLING_NOT_RECOGNISED = Rejection(PERMANENT, 1, 3, "calling AE title not recognised")
CALLED_NOT_RECOGNISED = Rejection(PERMANENT, 1, 7, "called AE title not recognised")
APPLICATION_CONTEXT_NOT_SUPPORTED = Rejection(PERMANENT, 1, 2, "application context unknown")
VERSION_NOT_SUPPORTED = Rejection(PERMANENT, 2, 2, "protocol version not supported")
CONGESTED = Rejection(TRANSIENT, 3, 1, "temporary congestion")
TOO_MANY = Rejection(TRANSIENT, 3, 2, "too many associations")

Admit = Callable[[Call], Admission | Rejection]


@dataclass(frozen=True, slots=True)
class Context:
    """One accepted presentation context."""

    id: int
    abstract_syntax: str
    transfer_syntax: str
    peer_provides: bool = False  # the peer also takes what we store (PS3.7 D.3.3.4)


@dataclass(frozen=True, slots=True)
class SubStore:
    """One C-STORE that we ask of the peer, as part of its C-GET."""

    context: Context
    sop_class: str
    sop_instance: str


@dataclass(frozen=True, slots=True)
class Report:
    """One event that we report to the peer (PS3.7 10.1.1)."""

    context: Context
    sop_instance: str
    event_type: int
    data_set: bytes


class Talk(Protocol):
    """The association while a request is being answered; raises `wire.Gone` or `Malformed`."""

    @property
    def contexts(self) -> tuple[Context, ...]:
        """The contexts in which the peer takes C-STORE from us."""

    def pending(self) -> bool:
        """Say whether the peer has begun to say something else; never waits."""

    def report(self, said: Report) -> int:
        """Report an event and return the status that the peer answers."""

    def cancelled(self, message: int) -> bool:
        """Say whether the peer has cancelled this request; never waits."""

    def store(self, wanted: SubStore, stream: BinaryIO) -> int:
        """Store one instance to the peer and return the status that it answers."""


@dataclass(frozen=True, slots=True)
class Request:
    """One DIMSE request on an association."""

    call: Call
    admission: Admission
    context: Context
    command: Command
    talk: Talk | None = None  # None only where no association is behind it

    def cancelled(self) -> bool:
        """Say whether the peer has cancelled this request (C-CANCEL)."""
        number = self.command.number(MESSAGE_ID)
        return self.talk is not None and self.talk.cancelled(number)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A DIMSE status and what to say about it: at most 64 characters, no patient data.

    `elements` adds further ones of group 0000 by number, such as C-MOVE's counts of
    sub-operations (0x1020 to 0x1023, PS3.7 9.3.4.2).
    """

    status: int
    comment: str = ""
    elements: tuple[tuple[int, int | str], ...] = ()


class Answer(Protocol):
    """Sends one response to the request at hand."""

    def __call__(self, outcome: Outcome, data_set: bytes | None = None) -> None:
        """Send it; raises `wire.Gone` when the peer is no longer there."""


class Receiver(Protocol):
    """Takes one request's data set, then answers it.

    The upper layer calls either `finish` or `abort`, once; none of the three may raise but for
    `wire.Gone` out of `answer`.
    """

    def write(self, view: memoryview) -> None:
        """Take the next bytes of the data set; `view` is valid only during the call."""

    def finish(self, answer: Answer) -> None:
        """Answer: the request is whole."""

    def abort(self) -> None:
        """Forget it: the rest will never come."""


class Service(Protocol):
    """A DIMSE service that we provide (SCP)."""

    @property
    def name(self) -> str:
        """One word, for `Admission.services`."""

    @property
    def fields(self) -> frozenset[int]:
        """The command fields it answers (PS3.7 table E.1-1)."""

    def accepts(self, abstract_syntax: str) -> bool:
        """Whether it provides this SOP class."""

    def choose(self, transfer_syntaxes: tuple[str, ...]) -> str | None:
        """Pick the transfer syntax it wants out of those proposed, or None."""

    def open(self, request: Request) -> Receiver:
        """Begin one request; must not raise: a refusal is a Receiver that answers so."""
