"""Who of several readers gets a study that has just come. Pure."""

from dataclasses import dataclass

from confrere.worklist.policy import OWN_ABLE, Floats, Ints, Policy
from confrere.worklist.presence import NOTHING, Reader
from confrere.worklist.queues import NEVER, Id, Queues, Study
from confrere.worklist.rings import Rings

RINGS = 4
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

    def put_aside(
        self, now: float, study: Study, q: int, spoken: set[int], idle: int | None
    ) -> Id | None:
        """Name who should put a less urgent study aside for a STAT.

        `idle` is the ring of the best idle reader, None where nobody is idle. For an advanced
        study a subspecialist, unless one is idle. Else somebody if nobody is idle or finishes
        soon. Nobody twice for one study.
        """
        for_match = self.queues.advanced[q] and (idle is None or idle >= OWN_ABLE)
        if idle is not None and not for_match:
            return None
        rows, rings = self._reading(now, study, q)
        if not len(rows):
            return None
        left = self.rings.presence.free_at[rows] - now
        if for_match:
            at = (rings < OWN_ABLE) & (left > self.policy.put_aside_match)
            found = self._interrupted(study, rows[at], rings[at], spoken)
            if found is not None:
                return found
        if idle is not None or left.min() <= self.policy.put_aside_after:
            return None
        return self._interrupted(study, rows, rings, spoken)

    def _reading(self, now: float, study: Study, q: int) -> tuple[Ints, Ints]:
        """List who reads something now and may read the study: rows and rings."""
        there = self.rings.presence
        rows, rings, pacts = there.readers_of(int(self.queues.lane[q]))
        at = (there.on[rows] & (there.reading[rows] != NOTHING)).nonzero()[0]
        rows, rings, pacts = rows[at], rings[at], pacts[at]
        at = self.rings.open_to(q, rings, pacts, study.due, now).nonzero()[0]
        return rows[at], rings[at]

    def _interrupted(
        self, study: Study, rows: Ints, rings: Ints, spoken: set[int]
    ) -> Id | None:
        """Of several readers, name who reads the least urgent; then the lowest ring."""
        there = self.rings.presence
        level = there.reading[rows]
        calm = (~self.queues.urgent[level]).nonzero()[0]
        if not len(calm):
            return None
        rank = (rings - RINGS * level)[calm].tolist()
        best, found = NEVER, list[Id]()
        for order, row in zip(rank, rows[calm].tolist(), strict=True):
            one = there.rows[row]
            if order <= best and row not in spoken and self._yields(one, study):
                found = [one.key] if order < best else [*found, one.key]
                best = order
        return min(found, default=None)

    def _yields(self, reader: Reader, study: Study) -> bool:
        """Say whether a reader may be asked to put aside the one study they hold."""
        alone = len(reader.holding) == 1 and reader.aside is None
        return alone and study.id not in reader.excluded
