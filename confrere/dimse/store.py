"""C-STORE and C-ECHO as provider (PS3.4 annexes A and B)."""

from dataclasses import dataclass
from typing import Protocol

from confrere.dimse import command, status, syntaxes
from confrere.dimse.command import C_ECHO_RQ, C_STORE_RQ
from confrere.dimse.service import Admission, Answer, Outcome, Receiver, Request
from confrere.dimse.supported import PROVIDED


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """One instance announced by C-STORE, before its data set; UIDs are checked for form only.

    `sop_instance` is empty when what came is no UID: such a string goes no further, but the
    sink takes the data set, to refuse it and keep it aside.
    """

    calling_aet: str
    address: str
    sop_class: str
    sop_instance: str
    transfer_syntax: str
    admission: Admission
    priority: int  # 0 medium, 1 high, 2 low (PS3.7 table 9.3-1)


class Incoming(Protocol):
    """One data set on its way in. Exactly one of `finish` and `abort` is called, once.

    When `write` raises, `abort` follows; when `finish` raises, nothing does: it cleans up itself.
    DomainError and OSError become statuses (see `status`).
    """

    def write(self, view: memoryview) -> None:
        """Take the next bytes, untouched; `view` is valid only during the call."""

    def finish(self) -> Outcome:
        """Make the data set, now whole, durable; then return what to answer."""

    def abort(self) -> None:
        """Forget it: the rest will never come."""


class Sink(Protocol):
    """Where instances go."""

    def begin(self, request: StoreRequest) -> Incoming:
        """Open a place for one data set; raise DomainError or OSError to refuse it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A Receiver that swallows the data set and answers with what is known already."""

    outcome: Outcome

    def write(self, view: memoryview) -> None:
        """Let it go by."""

    def finish(self, answer: Answer) -> None:
        """Say why not."""
        answer(self.outcome)

    def abort(self) -> None:
        """There is nothing to forget."""


class Storing:
    """A Receiver around an Incoming: turns what it raises into a status, aborts it once."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._failed: Outcome | None = None

    def write(self, view: memoryview) -> None:
        """Hand on; after a failure swallow the rest, since the peer expects its answer last."""
        if self._failed is not None:
            return
        try:
            self._incoming.write(view)
        except Exception as error:  # noqa: BLE001 - the edge's last resort, logged in outcome_of
            self._failed = status.outcome_of(error)
            self._abort()

    def finish(self, answer: Answer) -> None:
        """Make it durable, then answer."""
        if self._failed is None:
            try:
                self._failed = self._incoming.finish()
            except Exception as error:  # noqa: BLE001
                self._failed = status.outcome_of(error)
        answer(self._failed)

    def abort(self) -> None:
        """Let the sink forget it: the association ended in the middle."""
        if self._failed is None:
            self._failed = Outcome(status.PROCESSING_FAILURE)
            self._abort()

    def _abort(self) -> None:
        try:
            self._incoming.abort()
        except Exception as error:  # noqa: BLE001
            status.outcome_of(error)


@dataclass(frozen=True, slots=True)
class StoreService:
    """Storage SCP: streams each data set untouched into `sink`."""

    sink: Sink
    private_classes: frozenset[str] = frozenset()
    deflated: bool = False  # offers the deflated syntax: only for a sink that bounds inflation
    name: str = "store"
    fields: frozenset[int] = frozenset({C_STORE_RQ})

    def accepts(self, abstract_syntax: str) -> bool:
        """Storage classes of PS3.4 annex B and the configured private ones."""
        is_private = abstract_syntax in self.private_classes
        return is_private or PROVIDED[self.name].accepts(abstract_syntax)

    def choose(self, transfer_syntaxes: tuple[str, ...]) -> str | None:
        """See `syntaxes.choose`."""
        return syntaxes.choose(transfer_syntaxes, deflated=self.deflated)

    def open(self, request: Request) -> Receiver:
        """Check the command set, then ask the sink."""
        asked = request.command
        sop_class = asked.text(command.AFFECTED_CLASS)
        sop_instance = asked.text(command.AFFECTED_INSTANCE)
        if sop_class != request.context.abstract_syntax:
            comment = "Affected SOP Class UID is not the presentation context's"
            return Refusal(Outcome(status.DOES_NOT_MATCH_CLASS, comment))
        if not asked.has_data_set:
            return Refusal(Outcome(status.CANNOT_UNDERSTAND, "C-STORE came without a data set"))
        wanted = StoreRequest(
            calling_aet=request.call.calling_aet,
            address=request.call.address,
            sop_class=sop_class,
            sop_instance=sop_instance if command.is_uid(sop_instance) else "",
            transfer_syntax=request.context.transfer_syntax,
            admission=request.admission,
            priority=asked.number(command.PRIORITY, 0),
        )
        try:
            return Storing(self.sink.begin(wanted))
        except Exception as error:  # noqa: BLE001
            return Refusal(status.outcome_of(error))


@dataclass(frozen=True, slots=True)
class EchoService:
    """Verification SCP."""

    name: str = "echo"
    fields: frozenset[int] = frozenset({C_ECHO_RQ})

    def accepts(self, abstract_syntax: str) -> bool:
        """Verification only."""
        return PROVIDED[self.name].accepts(abstract_syntax)

    def choose(self, transfer_syntaxes: tuple[str, ...]) -> str | None:
        """Any uncompressed one: no data set is ever sent."""
        return syntaxes.choose(transfer_syntaxes)

    def open(self, request: Request) -> Receiver:  # noqa: ARG002
        """Success, always."""
        return Refusal(Outcome(status.SUCCESS))
