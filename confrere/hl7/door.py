"""The way of one inbound message: open the envelope, ask whoever owns the inbox, answer."""

from collections.abc import Callable
from dataclasses import dataclass

from confrere.hl7.acknowledge import (
    DATA_TYPE,
    INTERNAL,
    REQUIRED_FIELD,
    SEGMENT_SEQUENCE,
    UNKNOWN_KEY,
    UNSUPPORTED_TYPE,
    Answer,
    Code,
    Stamp,
    acknowledge,
)
from confrere.hl7.envelope import Envelope, read_envelope
from confrere.kernel.errors import Conflict, DomainError, Invalid, NotFound, Refused

_ACCEPTED = Answer(Code.ACCEPTED)
_NO_HEADER = Answer(
    Code.REJECTED,
    r"The message must begin with MSH and usual delimiters |^~\&",
    SEGMENT_SEQUENCE,
    "MSH",
)
_NO_BATCH = Answer(
    Code.REJECTED, "Send messages one at a time, not in a batch", UNSUPPORTED_TYPE
)
_NO_CONTROL_ID = Answer(
    Code.REJECTED, "MSH-10 must hold a message control id", REQUIRED_FIELD, "MSH-10"
)
_CODES = {Invalid: Code.REJECTED, Refused: Code.REJECTED, NotFound: Code.REJECTED}
_FAULTS = {Invalid: DATA_TYPE, Refused: UNKNOWN_KEY, NotFound: UNKNOWN_KEY, Conflict: INTERNAL}


@dataclass(frozen=True, slots=True)
class Decision:
    """What the inbox decided. `earlier` is the acknowledgement once given to the same message.

    A message sent again (same sender and MSH-10) has one effect and gets the same bytes back.
    """

    answer: Answer = _ACCEPTED
    earlier: bytes | None = None


Accept = Callable[[Envelope, bytes], Decision]


def respond(raw: bytes, accept: Accept, stamp: Callable[[], Stamp]) -> bytes:
    """Answer one message. `accept` must have stored it durably when it returns acceptance.

    A DomainError from `accept` becomes AR (Invalid, Refused, NotFound: sending the same again
    can't help) or AE (Conflict, Unavailable). Anything else is a bug and passes through; the
    listener answers it with AE.
    """
    envelope = read_envelope(raw)
    if refusal := _refusal(envelope):
        return acknowledge(envelope, refusal, stamp())
    try:
        decision = accept(envelope, raw)
    except DomainError as error:
        return acknowledge(envelope, answer_for(error), stamp())
    if decision.earlier is not None:
        return decision.earlier
    return acknowledge(envelope, decision.answer, stamp())


def answer_for(error: DomainError) -> Answer:
    """Turn what the domain refused into an acknowledgement: the edge's one table."""
    location = error.field if isinstance(error, Invalid) else ""
    kind = type(error)
    return Answer(
        _CODES.get(kind, Code.ERROR), str(error), _FAULTS.get(kind, INTERNAL), location
    )


def _refusal(envelope: Envelope) -> Answer | None:
    if not envelope.readable:
        return _NO_HEADER
    if envelope.batch:
        return _NO_BATCH
    return None if envelope.control_id else _NO_CONTROL_ID
