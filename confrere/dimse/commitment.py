"""Storage Commitment Push Model as provider (PS3.4 annex J).

The request is answered once it is kept; then every instance is read again and the peer told,
on this association while it still listens, else later on one of ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from confrere.dimse import command, identifier, status, syntaxes
from confrere.dimse.command import N_ACTION_RQ
from confrere.dimse.gathering import Gathering
from confrere.dimse.identifier import MOST_ELEMENTS, Identifier, Value
from confrere.dimse.query import OF_THE_WIRE
from confrere.dimse.service import Answer, Outcome, Receiver, Report, Request
from confrere.dimse.store import Refusal
from confrere.dimse.supported import PROVIDED
from confrere.kernel.errors import Conflict, Invalid, Unavailable

MOST_BYTES = 4 * 1024 * 1024
MOST_REFERENCES = 20_000
ALL_KEPT, SOME_FAILED = 1, 2  # event types (PS3.4 J.3.3)
_REQUEST = 1  # action type (PS3.4 J.3.2)
_TRANSACTION, _REFERENCES, _FAILED = 0x00081195, 0x00081199, 0x00081198
_CLASS, _INSTANCE, _REASON, _RETRIEVE = 0x00081150, 0x00081155, 0x00081197, 0x00080054

References = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks us to keep, as (SOP class, SOP instance)."""

    transaction_uid: str
    references: References


class Archive(Protocol):
    """Who keeps requests and judges instances."""

    @property
    def aet(self) -> str:
        """The AE title from which what is kept can be retrieved."""

    def keep(self, request: Request, wanted: Wanted) -> Any:
        """Make the request durable and return what stands for it; raises DomainError."""

    def judge(self, kept: Any) -> Mapping[str, int]:
        """Read the instances again; return the failure reason of each that is not committed."""

    def told(self, kept: Any) -> None:
        """The peer has answered our report."""

    def later(self, kept: Any) -> None:
        """The peer can't be told on this association: tell it on another."""


def read(values: Identifier) -> Wanted:
    """Read a request's data set (PS3.4 table J.3-1); raises Invalid that names the attribute."""
    transaction = values.get(_TRANSACTION, Value("UI")).text
    if not command.is_uid(transaction):
        raise Invalid("Transaction UID is missing or no UID", "TransactionUID")
    items = values.get(_REFERENCES, Value("SQ")).items
    if not items:
        raise Invalid("Referenced SOP Sequence is missing or empty", "ReferencedSOPSequence")
    if len(items) > MOST_REFERENCES:
        raise Invalid(
            f"Over {MOST_REFERENCES} instances: ask in parts", "ReferencedSOPSequence"
        )
    found: dict[str, str] = {}
    for item in items:
        sop_class = item.get(_CLASS, Value("UI")).text
        instance = item.get(_INSTANCE, Value("UI")).text
        if not (command.is_uid(sop_class) and command.is_uid(instance)):
            raise Invalid("A reference lacks its UIDs", "ReferencedSOPSequence")
        found.setdefault(instance, sop_class)
    return Wanted(transaction, tuple((c, i) for i, c in found.items()))


def answer_to(
    transaction_uid: str, references: References, refused: Mapping[str, int], aet: str
) -> tuple[int, Identifier]:
    """Write the report: its event type and data set (PS3.4 table J.3-2)."""
    kept = tuple(_item(c, i) for c, i in references if i not in refused)
    failed = tuple(
        {**_item(c, i), _REASON: Value("US", str(refused[i]))}
        for c, i in references
        if i in refused
    )
    said: dict[int, Value] = {_TRANSACTION: Value("UI", transaction_uid)}
    if kept:
        said[_REFERENCES] = Value("SQ", items=kept)
        said[_RETRIEVE] = Value("AE", aet)
    if failed:
        said[_FAILED] = Value("SQ", items=failed)
    return (SOME_FAILED if failed else ALL_KEPT), said


def _item(sop_class: str, instance: str) -> Identifier:
    return {_CLASS: Value("UI", sop_class), _INSTANCE: Value("UI", instance)}


class Committing(Gathering):
    """A Receiver of one request."""

    def __init__(self, request: Request, archive: Archive) -> None:
        super().__init__(MOST_BYTES)
        self._request, self._archive = request, archive

    def finish(self, answer: Answer) -> None:
        """Keep it, say so, then judge and tell."""
        try:
            syntax = self._request.context.transfer_syntax
            wanted = read(self.identifier(syntax, keys=MOST_ELEMENTS))
            kept = self._archive.keep(self._request, wanted)
        except Exception as error:  # noqa: BLE001 - the edge's last resort, logged in outcome_of
            answer(_outcome_of(error))
            return
        told = False
        try:
            answer(Outcome(status.SUCCESS, elements=((command.ACTION_TYPE, _REQUEST),)))
            told = self._tell(wanted, self._archive.judge(kept))
        finally:
            if told:
                self._archive.told(kept)
            else:
                self._archive.later(kept)

    def _tell(self, wanted: Wanted, refused: Mapping[str, int]) -> bool:
        """Report on this association, unless the peer goes on to something else."""
        talk, context = self._request.talk, self._request.context
        if talk is None or talk.pending():
            return False
        kind, said = answer_to(
            wanted.transaction_uid, wanted.references, refused, self._archive.aet
        )
        data_set = identifier.encode(said, context.transfer_syntax)
        instance = syntaxes.STORAGE_COMMITMENT_INSTANCE
        return talk.report(Report(context, instance, kind, data_set)) == status.SUCCESS


def _outcome_of(error: BaseException) -> Outcome:
    """Find the status of a request that is not taken (PS3.7 10.1.4.1.10)."""
    if isinstance(error, OF_THE_WIRE):
        raise error
    if isinstance(error, Invalid | Conflict):
        return Outcome(status.INVALID_ARGUMENT, str(error))
    if isinstance(error, Unavailable):
        return Outcome(status.RESOURCE_LIMITATION, str(error))
    found = status.outcome_of(error)
    known = {status.NOT_AUTHORISED, status.PROCESSING_FAILURE}
    return found if found.status in known else Outcome(status.PROCESSING_FAILURE, found.comment)


@dataclass(frozen=True, slots=True)
class CommitmentService:
    """Storage Commitment Push Model SCP."""

    archive: Archive
    name: str = "commitment"
    fields: frozenset[int] = frozenset({N_ACTION_RQ})

    def accepts(self, abstract_syntax: str) -> bool:
        """The push model only."""
        return PROVIDED[self.name].accepts(abstract_syntax)

    def choose(self, transfer_syntaxes: tuple[str, ...]) -> str | None:
        """Explicit or implicit little endian, in the proposer's order."""
        return syntaxes.choose_plain(transfer_syntaxes)

    def open(self, request: Request) -> Receiver:
        """Begin one request."""
        asked = request.command
        if asked.text(command.REQUESTED_CLASS) != syntaxes.STORAGE_COMMITMENT:
            return Refusal(Outcome(status.CLASS_CONFLICT, "Not the context's SOP class"))
        if asked.text(command.REQUESTED_INSTANCE) != syntaxes.STORAGE_COMMITMENT_INSTANCE:
            return Refusal(Outcome(status.NO_SUCH_INSTANCE, "Not the well-known instance"))
        if asked.number(command.ACTION_TYPE, 0) != _REQUEST:
            return Refusal(Outcome(status.NO_SUCH_ACTION, "Only action type 1 is known"))
        if not asked.has_data_set:
            return Refusal(Outcome(status.INVALID_ARGUMENT, "N-ACTION came without a data set"))
        return Committing(request, self.archive)
