"""What the door tells its observer, for audit and counters; no patient data."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from confrere.dimse.service import Call


@dataclass(frozen=True, slots=True)
class Opened:
    """An association was accepted."""

    call: Call
    contexts_accepted: int
    contexts_refused: int


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """An association was rejected (A-ASSOCIATE-RJ)."""

    call: Call
    because: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A connection ended, established or not; `call` is None when it never said who it was."""

    address: str
    call: Call | None
    because: str
    succeeded: int  # requests answered with success or a warning
    failed: int  # requests answered with any other final status
    received: int  # data set bytes of whole messages
    lasted: timedelta


Event = Opened | TurnedAway | Ended
Observe = Callable[[Event], None]
