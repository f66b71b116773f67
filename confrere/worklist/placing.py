"""Who of several readers gets a study that has just come. Pure."""

from dataclasses import dataclass

import numpy as np

from confrere.worklist.policy import Floats, Ints, Policy
from confrere.worklist.queues import Id, Queues, Study
from confrere.worklist.rings import Rings

SETTLING = 0.5  # hours added to a shift's, so that its first study does not weigh too much


@dataclass(frozen=True, slots=True)
class Placing:
    """The choice of a reader for one pool's studies."""

    policy: Policy
    queues: Queues
    rings: Rings

    def idle(self, now: float, study: Study, q: int, spoken: set[int]) -> Id | None:
        """Name the idle reader for a study: lowest open ring, then least wRVU per hour."""
        there = self.rings.presence
        rows, rings, pacts = there.readers_of(int(self.queues.lane[q]))
        free = there.idle[rows] & (there.until[rows] >= now + self.policy.last_call)
        at = np.flatnonzero(free)
        if not len(at):
            return None
        rows, rings, pacts = rows[at], rings[at], pacts[at]
        opened = self.rings.open(
            np.array([q], np.int32), rings, pacts, np.array([study.due]), now
        )
        at = np.flatnonzero(opened)
        rows, rings = rows[at], rings[at]
        rate = self._rate(rows, now)
        found = [
            (ring, rate, there.rows[row])
            for row, ring, rate in zip(
                rows.tolist(), rings.tolist(), rate.tolist(), strict=True
            )
            if row not in spoken and study.id not in there.rows[row].excluded
        ]
        if not found:
            return None
        return min(found, key=lambda one: (one[0], one[1], one[2].key))[2].key

    def _rate(self, rows: Ints, now: float) -> Floats:
        there = self.rings.presence
        rate: Floats = there.credit[rows] / (SETTLING + (now - there.since[rows]) / 60)
        return rate

    def put_aside(self, now: float, study: Study, q: int, spoken: set[int]) -> Id | None:
        """Name who should put a less urgent study aside, if nobody finishes soon.

        A reader whose study is not urgent and has a while to go; nobody twice for one study.
        """
        there, queues, soon = self.rings.presence, self.queues, self.policy.put_aside_after
        rows, rings, pacts = there.readers_of(int(queues.lane[q]))
        at = np.flatnonzero(there.on[rows] & ~there.idle[rows])
        rows, rings, pacts = rows[at], rings[at], pacts[at]
        opened = self.rings.open(
            np.array([q], np.int32), rings, pacts, np.array([study.due]), now
        )
        found = []
        for k in np.flatnonzero(opened).tolist():
            one = there.rows[int(rows[k])]
            if not one.holding or study.id in one.excluded:
                continue
            if one.free_at - now <= soon:
                return None
            if len(one.holding) == 1 and one.aside is None and one.row not in spoken:
                level = self.policy.levels[one.level]
                if not level.urgent:
                    found.append((-one.level, int(rings[k]), one.key))
        return min(found)[2] if found else None
