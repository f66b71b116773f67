"""Which ring is open for which study, now. Pure.

Rings: 0 own group and matched (or a common exam), 1 partner and matched, 2 own but unmatched,
3 partner otherwise. All of it is a function of the present state and falls with the due time,
so that a rebuilt dispatcher opens the same, and a queue's first study is open when any is.
"""

from dataclasses import dataclass

import numpy as np

from confrere.worklist.pacts import Agreements
from confrere.worklist.policy import OWN_ABLE, PARTNER_ABLE, PARTNER_MATCH, Flags, Floats, Ints
from confrere.worklist.presence import Presence
from confrere.worklist.queues import Queues


@dataclass(frozen=True, slots=True)
class Rings:
    """The opening of rings over one pool's queues, readers and agreements."""

    queues: Queues
    presence: Presence
    agreements: Agreements

    def held(self, q: Ints, due: Floats, left: Floats) -> Flags:
        """Say what is kept for a subspecialist: one is there or rostered before the hold ends."""
        self.presence.foresee()
        hold, lane = self.queues.hold[q], self.queues.lane[q]
        ends = due - hold * self.queues.limit[q]
        held: Flags = (
            self.queues.advanced[q] & (left > hold) & (self.presence.match_from[lane] <= ends)
        )
        return held

    def open(self, q: Ints, ring: Ints, pact: Ints, due: Floats, now: float) -> Flags:
        """Say which of (queue, ring, agreement, due time) are open. Arrays may broadcast."""
        queues, presence, agreements = self.queues, self.presence, self.agreements
        left = (due - now) / queues.limit[q]
        lane = queues.lane[q]
        keep_own = left > queues.own_first[q]
        closed = (ring >= OWN_ABLE) & self.held(q, due, left)
        first = (ring == PARTNER_MATCH) & (presence.own_match_on[lane] > 0)
        first |= (ring == PARTNER_ABLE) & (presence.own_on[lane] > 0)
        closed |= first & keep_own
        allowed = np.where(
            ring == PARTNER_MATCH, agreements.match_open[pact], agreements.able_open[pact]
        )
        allowed |= left <= agreements.overflow[pact]
        opened: Flags = allowed & ~closed
        return opened

    def open_to(self, q: int, rings: Ints, pacts: Ints, due: float, now: float) -> Flags:
        """Say to which of several readers one study is open: as `open`, in less time."""
        queues, agreements = self.queues, self.agreements
        limit, lane = float(queues.limit[q]), int(queues.lane[q])
        left = (due - now) / limit
        held = (
            bool(queues.advanced[q]) and left > queues.hold[q] and self.specialist_comes(q, due)
        )
        keep_own = left > queues.own_first[q]
        matched = not (keep_own and self.presence.own_match_on[lane])
        able = not (held or (keep_own and self.presence.own_on[lane]))
        by_ring = np.array((True, matched, not held, able))
        allowed: Flags = agreements.able_open[pacts]
        if queues.advanced[q]:  # nothing else is anybody's match
            match = (rings == PARTNER_MATCH) & agreements.match_open[pacts]
            allowed = match | (allowed & (rings != PARTNER_MATCH))
        if left <= agreements.most_overflow:
            allowed = allowed | (left <= agreements.overflow[pacts])
        opened: Flags = by_ring[rings] & allowed
        return opened

    def opening(self, q: int, due: float, pact: int, now: float) -> tuple[float, ...]:
        """Tell when each ring opens as things stand: G0 to G3; a past instant is `now`.

        Infinite where only an agreement's next hours, not the clock, will open it.
        """
        queues, presence, agreements = self.queues, self.presence, self.agreements
        limit, lane = float(queues.limit[q]), int(queues.lane[q])
        at = np.array([q], np.int32)
        dues = np.array([due])
        held = bool(self.held(at, dues, (dues - now) / limit)[0])
        hold = max(now, due - float(queues.hold[q]) * limit) if held else now
        own = max(now, due - float(queues.own_first[q]) * limit)
        overflow = due - float(agreements.overflow[pact]) * limit
        matched = now if agreements.match_open[pact] else overflow
        able = now if agreements.able_open[pact] else overflow
        first = own if presence.own_match_on[lane] else now
        last = own if presence.own_on[lane] else now
        return now, max(first, matched), hold, max(last, hold, able)

    def specialist_comes(self, q: int, due: float) -> bool:
        """Say whether a subspecialist is there, or rostered before the hold of a study ends."""
        self.presence.foresee()
        ends = due - float(self.queues.hold[q]) * float(self.queues.limit[q])
        return bool(self.presence.match_from[self.queues.lane[q]] <= ends)
