"""C-FIND as provider, of query/retrieve and of the worklist (PS3.4 annexes C and K)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from confrere.dimse import identifier, status, syntaxes
from confrere.dimse.command import C_FIND_RQ
from confrere.dimse.gathering import Gathering
from confrere.dimse.identifier import CHARACTER_SET, Identifier, Value
from confrere.dimse.messages import Released
from confrere.dimse.pdu import Malformed
from confrere.dimse.service import Answer, Outcome, Receiver, Request
from confrere.dimse.store import Refusal
from confrere.dimse.wire import Gone
from confrere.kernel.errors import Invalid

# what ends the association and is not ours to answer
OF_THE_WIRE = (Gone, Malformed, Released)


@dataclass(frozen=True, slots=True)
class Matched:
    """One match; `partly` when a key that was to match is not supported (status FF01)."""

    values: Identifier
    partly: bool = False


class Finder(Protocol):
    """Who knows the matches."""

    def find(self, request: Request, keys: Identifier) -> Iterator[Matched]:
        """Yield the matches; raises DomainError, also between two of them.

        Closed when the peer cancels or goes, so that its own `finally` runs.
        """


class Finding(Gathering):
    """A Receiver that answers with each match as it comes."""

    def __init__(self, request: Request, finder: Finder) -> None:
        super().__init__()
        self._request, self._finder = request, finder

    def finish(self, answer: Answer) -> None:
        """Answer with pending statuses, then once and for all."""
        try:
            outcome = self._answer_all(answer)
        except OF_THE_WIRE:
            raise
        except Exception as error:  # noqa: BLE001 - the edge's last resort, logged in outcome_of
            outcome = query_outcome(error)
        answer(outcome)

    def _answer_all(self, answer: Answer) -> Outcome:
        request = self._request
        syntax = request.context.transfer_syntax
        keys = self.identifier(syntax)
        wanted = keys.get(CHARACTER_SET, Value("CS")).text
        matches = self._finder.find(request, keys)
        try:
            for match in matches:
                if request.cancelled():
                    return Outcome(status.CANCELLED, "Cancelled by the peer")
                said = identifier.encode(match.values, syntax, wanted)
                answer(Outcome(status.PENDING_PARTLY if match.partly else status.PENDING), said)
        finally:
            close = getattr(matches, "close", None)
            if close is not None:
                close()
        return Outcome(status.SUCCESS)


def query_outcome(error: BaseException) -> Outcome:
    """Find the status of an error in a query (PS3.4 C.4.1.1.4)."""
    if isinstance(error, Invalid) and error.field:
        return Outcome(status.DOES_NOT_MATCH_CLASS, str(error))
    return status.outcome_of(error)


@dataclass(frozen=True, slots=True)
class FindService:
    """C-FIND SCP of some SOP classes."""

    name: str
    classes: frozenset[str]
    finder: Finder
    fields: frozenset[int] = frozenset({C_FIND_RQ})

    def accepts(self, abstract_syntax: str) -> bool:
        """Its own classes."""
        return abstract_syntax in self.classes

    def choose(self, transfer_syntaxes: tuple[str, ...]) -> str | None:
        """Explicit or implicit little endian, in the proposer's order."""
        return syntaxes.choose_plain(transfer_syntaxes)

    def open(self, request: Request) -> Receiver:
        """Begin one query."""
        return Finding(request, self.finder) if request.command.has_data_set else NO_IDENTIFIER


NO_IDENTIFIER = Refusal(Outcome(status.DOES_NOT_MATCH_CLASS, "Request came without identifier"))
