"""Who of several readers gets a study that has just come. Pure."""

from dataclasses import dataclass

import numpy as np

from confrere.worklist.policy import OWN_ABLE, Floats, Ints, Policy
from confrere.worklist.presence import NOTHING, Reader
from confrere.worklist.queues import Id, Queues, Study
from confrere.worklist.rings import Rings

SETTLING = 0.5  # hours added to a shift's, so that its first study does not weigh too much


@dataclass(frozen=True, slots=True)
class Placing:
    """The choice of a reader for one pool's studies."""

    policy: Policy
    queues: Queues
    rings: Rings

    def idle(
        self, now: float, study: Study, q: int, spoken: set[int], *, any_excluded: bool
    ) -> Id | None:
        """Name the idle reader for a study: lowest open ring, then least wRVU per hour.

        A STAT goes to whoever is expected to need least for it, before evenness.
        """
        there = self.rings.presence
        rows, rings, pacts = there.readers_of(int(self.queues.lane[q]))
        free = there.idle[rows]
        if not free.any():
            return None
        rows, rings, pacts = rows[free], rings[free], pacts[free]
        able = self.rings.open_to(q, rings, pacts, study.due, now)
        able &= there.until[rows] >= now + self.policy.last_call
        rows, rings = rows[able], rings[able]
        if spoken or any_excluded:
            kept = [
                row not in spoken and study.id not in there.rows[row].excluded
                for row in rows.tolist()
            ]
            rows, rings = rows[kept], rings[kept]
        if not len(rows):
            return None
        rows = rows[rings == rings.min()]
        if len(rows) == 1:
            return there.rows[int(rows[0])].key
        swift = self.queues.first[q] > 0
        found = zip(self._rate(rows, now).tolist(), rows.tolist(), strict=True)
        return min(
            (there.rows[row].speed if swift else 0.0, rate, there.rows[row].key)
            for rate, row in found
        )[2]

    def _rate(self, rows: Ints, now: float) -> Floats:
        there = self.rings.presence
        rate: Floats = there.credit[rows] / (SETTLING + (now - there.since[rows]) / 60)
        return rate

    def put_aside(self, now: float, study: Study, q: int, spoken: set[int]) -> Id | None:
        """Name who should put a less urgent study aside, if nobody finishes soon.

        A reader whose study is not urgent and has a while to go; nobody twice for one study.
        """
        there = self.rings.presence
        rows, rings = self._reading(now, study, q)
        if not len(rows):
            return None
        if (there.free_at[rows] - now).min() <= self.policy.put_aside_after:
            return None
        return self._interrupted(study, rows, rings, spoken)

    def matched(self, now: float, study: Study, q: int, spoken: set[int]) -> Id | None:
        """Name a subspecialist who should put a less urgent study aside, if there is one."""
        rows, rings = self._reading(now, study, q)
        left = self.rings.presence.free_at[rows] - now
        at = (rings < OWN_ABLE) & (left > self.policy.put_aside_match)
        return self._interrupted(study, rows[at], rings[at], spoken)

    def _reading(self, now: float, study: Study, q: int) -> tuple[Ints, Ints]:
        """List who reads something now and may read the study: rows and rings."""
        there = self.rings.presence
        rows, rings, pacts = there.readers_of(int(self.queues.lane[q]))
        at = np.flatnonzero(there.on[rows] & (there.reading[rows] != NOTHING))
        rows, rings, pacts = rows[at], rings[at], pacts[at]
        opened = self.rings.open_to(q, rings, pacts, study.due, now)
        return rows[opened], rings[opened]

    def _interrupted(
        self, study: Study, rows: Ints, rings: Ints, spoken: set[int]
    ) -> Id | None:
        there = self.rings.presence
        found = [
            (-level, ring, there.rows[row].key)
            for level, ring, row in zip(
                there.reading[rows].tolist(), rings.tolist(), rows.tolist(), strict=True
            )
            if not self.policy.levels[level].urgent
            and self._yields(there.rows[row], study)
            and row not in spoken
        ]
        return min(found)[2] if found else None

    def _yields(self, reader: Reader, study: Study) -> bool:
        """Say whether a reader may be asked to put aside the one study they hold."""
        alone = len(reader.holding) == 1 and reader.aside is None
        return alone and study.id not in reader.excluded
