"""One association from its first byte to its last (PS3.8 section 9.2), on its own thread."""

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import NoReturn

from confrere.dimse import command, pdu, service, status
from confrere.dimse.command import C_CANCEL_RQ, RESPONSE, Command
from confrere.dimse.conversation import Conversation
from confrere.dimse.events import Ended, Opened, TurnedAway
from confrere.dimse.limits import Limits
from confrere.dimse.messages import Inbound, Released
from confrere.dimse.negotiation import negotiate
from confrere.dimse.pdu import AssociateRequest, Malformed
from confrere.dimse.service import (
    Admission,
    Admit,
    Call,
    Context,
    Outcome,
    Receiver,
    Rejection,
    Request,
    Service,
    Talk,
)
from confrere.dimse.store import Refusal
from confrere.dimse.wire import Cut, Gone, Late, Wire

Seat = Callable[["Association"], bool]
_PENDING = frozenset({0xFF00, 0xFF01})

_STOPPING = "we are stopping"


@dataclass(frozen=True, slots=True)
class House:
    """What all associations of a door share."""

    title: str  # our AE title
    limits: Limits
    admit: Admit
    services: Sequence[Service]
    observe: Callable[[Opened | TurnedAway | Ended], None]


@dataclass(slots=True)
class _Tally:
    succeeded: int = 0
    failed: int = 0
    received: int = 0
    since: float = field(default_factory=monotonic)

    def count(self, answered: int) -> None:
        """Count one response by its status (PS3.7 annex C)."""
        if answered == status.SUCCESS or answered in status.WARNINGS:
            self.succeeded += 1
        elif answered not in _PENDING:
            self.failed += 1


@dataclass(frozen=True, slots=True)
class _Session:
    """What was agreed."""

    call: Call
    admission: Admission
    contexts: dict[int, Context]
    max_pdu: int  # the peer's; 0: no limit


class Association:
    """A connected peer. `run` belongs to its thread, `drain` and `cut` to any."""

    def __init__(self, wire: Wire, address: str, port: int, house: House) -> None:
        self.address = address
        self._port = port
        self._wire = wire
        self._house = house
        self._call: Call | None = None
        self._tally = _Tally()
        self._busy = False  # in the middle of a message
        self._draining = False

    def stalled_for(self) -> float:
        """Seconds that we have been waiting for the peer just now."""
        return self._wire.stalled_for()

    def cut(self, because: str) -> None:
        """End it as soon as its thread looks at the wire."""
        self._wire.cut(because)

    def drain(self) -> None:
        """End it after the message in hand, or now when there is none."""
        self._draining = True
        if not self._busy:
            self._wire.cut(_STOPPING)

    def run(self, seat: Seat, tls: ssl.SSLContext | None = None) -> None:
        """Serve until the peer leaves, breaks a rule or a limit, or is cut; never raises."""
        last_word = b""
        try:
            if tls is not None:
                self._wire.secure(tls, self._house.limits.time_to_request)
            session = self._establish(seat)
            if isinstance(session, Rejection):
                because = "rejected"
                last_word = pdu.associate_reject(session.result, session.source, session.reason)
            else:
                self._serve(session)
        except Released:
            because, last_word = "released", pdu.release_reply()
        except Malformed as error:
            because, last_word = f"malformed: {error}", pdu.abort(error.reason)
        except (Late, Cut) as error:
            because, last_word = str(error), pdu.abort(pdu.NOT_SPECIFIED)
        except Gone as error:
            because = str(error)
        except Exception as error:  # noqa: BLE001 - one association's bug must not end the door
            status.outcome_of(error)
            because, last_word = "our own failure", pdu.abort(pdu.NOT_SPECIFIED)
        self._wire.close(last_word, self._house.limits.linger)
        self._tell_end(because)

    def _tell_end(self, because: str) -> None:
        tally = self._tally
        lasted = timedelta(seconds=monotonic() - tally.since)
        self._house.observe(
            Ended(
                address=self.address,
                call=self._call,
                because=because,
                succeeded=tally.succeeded,
                failed=tally.failed,
                received=tally.received,
                lasted=lasted,
            )
        )

    def _establish(self, seat: Seat) -> _Session | Rejection:
        """Read the request, decide, accept."""
        request = self._read_request()
        call = Call(
            request.calling_aet, request.called_aet, self.address, self._port,
            self._wire.secured,
        )  # fmt: skip
        self._call = call
        decided = self._decide(request, call)
        if isinstance(decided, Admission) and not seat(self):
            decided = service.TOO_MANY
        if isinstance(decided, Rejection):
            self._house.observe(TurnedAway(call, decided.because))
            return decided
        agreed = negotiate(request, decided, self._house.services)
        refused = len(agreed.answers) - len(agreed.accepted)
        self._house.observe(Opened(call, len(agreed.accepted), refused))
        limits = self._house.limits
        accept = pdu.associate_accept(request, agreed.answers, agreed.roles, limits.offered_pdu)
        self._wire.send(accept, limits.send_wait)
        return _Session(call, decided, agreed.accepted, request.max_pdu)

    def _read_request(self) -> AssociateRequest:
        limits = self._house.limits
        self._wire.allow(limits.time_to_request)
        self._wire.allow_message(limits.time_to_request)
        kind, length = pdu.HEADER.unpack(self._wire.exactly(pdu.HEADER.size))
        if kind != pdu.ASSOCIATE_RQ:
            known = pdu.ASSOCIATE_RQ <= kind <= pdu.ABORT
            reason = pdu.UNEXPECTED_PDU if known else pdu.UNRECOGNISED_PDU
            raise Malformed("not an A-ASSOCIATE-RQ", reason)
        if length > limits.associate_request:
            raise Malformed("A-ASSOCIATE-RQ is too long", pdu.INVALID_PARAMETER)
        return pdu.parse_associate_request(bytes(self._wire.exactly(length)), limits.contexts)

    def _decide(self, request: AssociateRequest, call: Call) -> Admission | Rejection:
        """Who comes in; in PS3.8's order: protocol, application, called, calling."""
        if not request.version & 1:
            return service.VERSION_NOT_SUPPORTED
        if request.application_context != pdu.APPLICATION_CONTEXT:
            return service.APPLICATION_CONTEXT_NOT_SUPPORTED
        if call.called_aet != self._house.title:
            return service.CALLED_NOT_RECOGNISED
        if self._draining:
            return service.CONGESTED
        try:
            return self._house.admit(call)
        except Exception as error:  # noqa: BLE001 - undecided means not now
            status.outcome_of(error)
            return service.CONGESTED

    def _serve(self, session: _Session) -> NoReturn:
        limits = self._house.limits
        inbound = Inbound(self._wire, limits)
        talk = Conversation(self._wire, inbound, limits, session.contexts, session.max_pdu)
        while True:
            context_id, asked = inbound.command()
            self._busy = True
            context = session.contexts.get(context_id)
            if context is None:
                raise Malformed("presentation context was not accepted", pdu.INVALID_PARAMETER)
            self._one(inbound, talk, session, context, asked)
            self._busy = False
            if self._draining:
                raise Cut(_STOPPING)

    def _one(
        self,
        inbound: Inbound,
        talk: Talk,
        session: _Session,
        context: Context,
        asked: Command,
    ) -> None:
        """Take one message's data set, if any, and let its receiver answer."""
        receiver = self._receiver(session, context, asked, talk)
        whole = False
        try:
            if asked.has_data_set:
                self._tally.received += inbound.data_set(context.id, receiver.write)
            whole = True
        finally:
            if not whole:
                receiver.abort()
        if asked.field == C_CANCEL_RQ or asked.field & RESPONSE:
            return  # a cancel of what is already answered, or an answer to nothing: PS3.7 9.3.2.3

        def answer(outcome: Outcome, data_set: bytes | None = None) -> None:
            out = _response(session.max_pdu, context, asked, outcome, data_set)
            self._tally.count(outcome.status)
            self._wire.send(out, self._house.limits.send_wait)

        receiver.finish(answer)

    def _receiver(
        self, session: _Session, context: Context, asked: Command, talk: Talk
    ) -> Receiver:
        if asked.field == C_CANCEL_RQ or asked.field & RESPONSE:
            return Refusal(Outcome(status.SUCCESS))
        asked.number(command.MESSAGE_ID)  # without it no answer is possible
        for provided in self._house.services:
            if provided.accepts(context.abstract_syntax) and asked.field in provided.fields:
                request = Request(session.call, session.admission, context, asked, talk)
                return provided.open(request)
        return Refusal(Outcome(status.UNRECOGNISED_OPERATION, "Operation is not provided here"))


def _response(
    max_pdu: int, context: Context, asked: Command, outcome: Outcome, data_set: bytes | None
) -> bytes:
    has_data = data_set is not None
    said = command.response(
        asked, outcome.status, outcome.comment, data_set=has_data, further=outcome.elements
    )
    out = pdu.p_data(context.id, said, command=True, max_pdu=max_pdu)
    if data_set is not None:
        out += pdu.p_data(context.id, data_set, command=False, max_pdu=max_pdu)
    return out
