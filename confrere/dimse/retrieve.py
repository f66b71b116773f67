"""C-MOVE and C-GET as provider (PS3.4 C.4.2 and C.4.3): the order of sub-operations, counted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from confrere.dimse import command, identifier, status, syntaxes
from confrere.dimse.command import C_GET_RQ, C_MOVE_RQ
from confrere.dimse.gathering import Gathering
from confrere.dimse.identifier import Identifier, Value
from confrere.dimse.query import NO_IDENTIFIER, OF_THE_WIRE, query_outcome
from confrere.dimse.service import Answer, Outcome, Receiver, Request
from confrere.dimse.supported import PROVIDED
from confrere.kernel.errors import NotFound, Unavailable

MOVE_DESTINATION = 0x0600
REMAINING, COMPLETED, FAILED, WARNED = 0x1020, 0x1021, 0x1022, 0x1023
_FAILED_LIST = 0x00080058
_TELL_EVERY = 0.5  # seconds between two pending answers
_MOST_FAILED_UIDS = 500  # keeps the last answer's data set small
_MOST_COUNTED = 0xFFFF  # US


@dataclass(slots=True)
class Counts:
    """How the sub-operations stand (PS3.7 9.3.4.2)."""

    remaining: int = 0
    completed: int = 0
    failed: int = 0
    warned: int = 0

    def count(self, answered: int) -> bool:
        """Count one sub-operation by the status it got; says whether it failed."""
        self.remaining -= 1
        if answered == status.SUCCESS:
            self.completed += 1
        elif answered in status.WARNINGS:
            self.warned += 1
        else:
            self.failed += 1
            return True
        return False

    def elements(self, *, remaining: bool) -> tuple[tuple[int, int | str], ...]:
        """The counts as elements of an answer."""
        told = [(COMPLETED, self.completed), (FAILED, self.failed), (WARNED, self.warned)]
        if remaining:
            told.insert(0, (REMAINING, self.remaining))
        return tuple((element, min(n, _MOST_COUNTED)) for element, n in told)


@dataclass(frozen=True, slots=True)
class SubOperation:
    """One instance to be stored: `store` does it and returns the C-STORE status it got."""

    sop_instance: str
    store: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a retrieval consists of; `operations` is closed when it ends early."""

    count: int
    operations: Iterator[SubOperation]


class UnknownDestination(NotFound):
    """A C-MOVE names an AE title to which we may not send."""


class Retriever(Protocol):
    """Who knows the instances and how they reach the destination."""

    def retrieve(self, request: Request, keys: Identifier) -> Transfer:
        """Prepare the sub-operations; raises DomainError."""


class Retrieving(Gathering):
    """A Receiver that runs sub-operations, tells how they stand, and can be cancelled."""

    def __init__(self, request: Request, retriever: Retriever) -> None:
        super().__init__()
        self._request, self._retriever = request, retriever
        self._failed: list[str] = []

    def finish(self, answer: Answer) -> None:
        """Run them all, then say honestly how many arrived."""
        counts = Counts()
        try:
            outcome = self._run(answer, counts)
        except OF_THE_WIRE:
            raise
        except Exception as error:  # noqa: BLE001 - the edge's last resort, logged in outcome_of
            outcome = _outcome_of(error)
        failed = "\\".join(self._failed[:_MOST_FAILED_UIDS])
        if not failed:
            answer(outcome)
            return
        listed = {_FAILED_LIST: Value("UI", failed)}
        answer(outcome, identifier.encode(listed, self._request.context.transfer_syntax))

    def _run(self, answer: Answer, counts: Counts) -> Outcome:
        keys = self.identifier(self._request.context.transfer_syntax)
        transfer = self._retriever.retrieve(self._request, keys)
        counts.remaining = transfer.count
        told = monotonic()
        try:
            for operation in transfer.operations:
                if self._request.cancelled():
                    return Outcome(
                        status.CANCELLED,
                        "Cancelled by the peer",
                        counts.elements(remaining=True),
                    )
                if counts.count(_status_of(operation)):
                    self._failed.append(operation.sop_instance)
                if counts.remaining and monotonic() - told >= _TELL_EVERY:
                    told = monotonic()
                    answer(Outcome(status.PENDING, "", counts.elements(remaining=True)))
        finally:
            close = getattr(transfer.operations, "close", None)
            if close is not None:
                close()
        return _final(counts)


def _outcome_of(error: BaseException) -> Outcome:
    """Find the status of an error that ends a retrieval (PS3.4 table C.4-2)."""
    if isinstance(error, UnknownDestination):
        return Outcome(status.UNKNOWN_DESTINATION, str(error))
    if isinstance(error, Unavailable):
        return Outcome(status.NO_SUB_OPERATIONS, str(error))
    return query_outcome(error)


def _status_of(operation: SubOperation) -> int:
    try:
        return operation.store()
    except OF_THE_WIRE:
        raise
    except Exception as error:  # noqa: BLE001 - one instance's trouble is counted, not fatal
        return status.outcome_of(error).status


def _final(counts: Counts) -> Outcome:
    said = counts.elements(remaining=False)
    if counts.failed and not counts.completed and not counts.warned:
        return Outcome(status.NO_SUB_OPERATIONS, "None of the objects could be sent", said)
    if counts.failed:
        return Outcome(status.SOME_FAILED, "Some objects could not be sent", said)
    return Outcome(status.SUCCESS, "", said)


@dataclass(frozen=True, slots=True)
class RetrieveService:
    """C-MOVE or C-GET SCP of some SOP classes."""

    name: str
    classes: frozenset[str]
    fields: frozenset[int]
    retriever: Retriever

    def accepts(self, abstract_syntax: str) -> bool:
        """Its own classes."""
        return abstract_syntax in self.classes

    def choose(self, transfer_syntaxes: tuple[str, ...]) -> str | None:
        """Explicit or implicit little endian, in the proposer's order."""
        return syntaxes.choose_plain(transfer_syntaxes)

    def open(self, request: Request) -> Receiver:
        """Begin one retrieval."""
        has_keys = request.command.has_data_set
        return Retrieving(request, self.retriever) if has_keys else NO_IDENTIFIER


def move_service(retriever: Retriever) -> RetrieveService:
    """C-MOVE of both roots."""
    fields = frozenset({C_MOVE_RQ})
    return RetrieveService("move", frozenset(PROVIDED["move"].classes), fields, retriever)


def get_service(retriever: Retriever) -> RetrieveService:
    """C-GET of both roots."""
    fields = frozenset({C_GET_RQ})
    return RetrieveService("get", frozenset(PROVIDED["get"].classes), fields, retriever)


def destination_of(request: Request) -> str:
    """The AE title to which a C-MOVE asks us to send."""
    return request.command.text(MOVE_DESTINATION).strip()


def message_of(request: Request) -> int:
    """The number of the request, which its C-STORE sub-operations name (PS3.7 9.1.1.1)."""
    return request.command.number(command.MESSAGE_ID)
