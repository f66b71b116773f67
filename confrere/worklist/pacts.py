"""When agreements open a group's studies to a partner's readers. Pure.

An agreement's hours are wall time somewhere, which is the caller's to know: it passes a
function of the instant. This module keeps the present state of all agreements in arrays.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from confrere.worklist.policy import Flags, Floats
from confrere.worklist.queues import NEVER, Id

Hours = Callable[[float], tuple[bool, float]]  # instant -> open now?, until when that holds
OWN = 0  # number of the agreement that a group has with itself: always open


@dataclass(frozen=True, slots=True)
class Agreement:
    """What one group lets another read, as far as hours and amounts go.

    Within `hours` (None: always) everything that the rings open. Outside them what has less
    than the share `overflow` of its limit left (0: nothing), and if `match_any_hour` what a
    partner's subspecialist matches. `cap` is the number of reads still allowed today.
    """

    hours: Hours | None = None
    overflow: float = 0.0
    match_any_hour: bool = False
    cap: int | None = None
    in_force: bool = True
    id: Id = None


class Agreements:
    """The state of every (owner, reading) pair now."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[Id, Id], int] = {}
        self.terms: list[Agreement] = [Agreement()]
        self.left: list[float] = [NEVER]
        self.match_open: Flags = np.ones(16, bool)
        self.able_open: Flags = np.ones(16, bool)
        self.overflow: Floats = np.full(16, -NEVER)
        self.most_overflow = -NEVER  # no agreement has ever had more
        self._changes: list[tuple[float, int]] = []
        self._next: list[float] = [NEVER]  # of each pair, when its hours change

    def number(self, owner: Id, reading: Id) -> int:
        """Number a pair; one without an agreement is closed."""
        if owner == reading:
            return OWN
        found = self.numbers.get((owner, reading))
        if found is None:
            found = self.numbers[owner, reading] = len(self.terms)
            self.terms.append(Agreement(in_force=False))
            self.left.append(NEVER)
            self._next.append(NEVER)
            if found >= len(self.match_open):
                self.match_open = np.concatenate([self.match_open, np.ones(found, bool)])
                self.able_open = np.concatenate([self.able_open, np.ones(found, bool)])
                self.overflow = np.concatenate([self.overflow, np.full(found, -NEVER)])
            self._judge(found, 0.0)
        return found

    def put(self, owner: Id, reading: Id, terms: Agreement, now: float) -> int:
        """Bring an agreement's terms up to date; they act at once."""
        number = self.number(owner, reading)
        self.terms[number] = terms
        self.left[number] = NEVER if terms.cap is None else terms.cap
        self._judge(number, now)
        return number

    def count(self, number: int, by: int, now: float) -> None:
        """Count a read under an agreement's daily cap, or give it back."""
        if self.left[number] == NEVER:
            return
        was, self.left[number] = self.left[number], self.left[number] - by
        if (was > 0) != (self.left[number] > 0):
            self._judge(number, now)

    def advance(self, now: float) -> None:
        """Open and close what the hours say."""
        while self._changes and self._changes[0][0] <= now:
            at, number = heapq.heappop(self._changes)
            if at == self._next[number]:
                self._judge(number, now)

    def _judge(self, number: int, now: float) -> None:
        terms = self.terms[number]
        alive = terms.in_force and self.left[number] > 0
        within, self._next[number] = alive, NEVER
        if alive and terms.hours is not None:
            within, until = terms.hours(now)
            if now < until < NEVER:
                self._next[number] = until
                heapq.heappush(self._changes, (until, number))
        self.able_open[number] = within
        self.match_open[number] = within or (alive and terms.match_any_hour)
        self.overflow[number] = terms.overflow if alive and terms.overflow > 0 else -NEVER
        self.most_overflow = max(self.most_overflow, float(self.overflow[number]))
