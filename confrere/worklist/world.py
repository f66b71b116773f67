"""What the dispatcher knows: sites, service lines, agreements, readers and rosters. Pure."""

import heapq
from collections.abc import Mapping, Sequence

import numpy as np

from confrere.worklist.ordering import Ordering
from confrere.worklist.pacts import Agreement, Agreements
from confrere.worklist.placing import Placing
from confrere.worklist.policy import Ints, Policy, Wishes
from confrere.worklist.presence import Presence, Reader
from confrere.worklist.queues import NEVER, Id, Queues, Service, Study
from confrere.worklist.rings import Rings


class World:
    """The facts behind a `Pool`. Each may be put again at any time and acts at once."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.queues = Queues(policy)
        self.presence = Presence(self.queues)
        self.agreements = Agreements()
        self.rings = Rings(self.queues, self.presence, self.agreements)
        self.ordering = Ordering(policy, self.queues, self.rings)
        self.placing = Placing(policy, self.queues, self.rings)
        self._held: dict[Id, tuple[int, Study, Reader, int]] = {}
        self._declined: dict[Id, list[Id]] = {}  # study -> readers, in order
        self._excluded: dict[Id, frozenset[Id]] = {}  # waiting study -> readers
        self._missing: list[tuple[float, int]] = []  # when a rostered reader counts as absent

    def set_site(self, site: Id, owner: Id, limits: Mapping[str, float] | None = None) -> None:
        """Name a site's owner group, and the limits of its contract by level."""
        self.queues.sites[site] = (owner, dict(limits or {}))
        self.queues.describe_all(site=site)

    def set_service(self, key: Id, service: Service) -> None:
        """Say what the procedure map says of a service line."""
        self.queues.services[key] = service
        self.queues.describe_all(service=key)

    def set_wishes(self, group: Id, wishes: Wishes) -> None:
        """Say what a group asks for its own studies."""
        self.queues.wishes[group] = wishes
        self.queues.describe_all(owner=group)

    def set_agreement(self, now: float, owner: Id, reading: Id, terms: Agreement) -> None:
        """Put an agreement's present terms in force, or with `in_force=False` end it."""
        self.agreements.put(owner, reading, terms, now)

    def set_reader(self, key: Id, group: Id, speed: float = 1.0) -> None:
        """Make a reader known; `speed` is a factor on expected minutes."""
        reader = self.presence.add(key, group, speed)
        reader.excluded |= {study for study, by in self._excluded.items() if key in by}

    def lane(self, site: Id, service: Id, urgent: bool) -> int:
        """Number a site's service line, urgent or not, for `set_lanes`."""
        lane = self.queues.base(site, service) * 2 + urgent
        self.presence.room_for(lane | 1)
        return lane

    def set_rings(self, reader: Id, rings: Mapping[tuple[Id, Id, bool], int]) -> None:
        """Replace what a reader may read: (site, service, urgent) -> ring (see `ring_of`)."""
        lanes = np.array([self.lane(*key) for key in rings], np.int32)
        self.set_lanes(reader, lanes, np.fromiter(rings.values(), np.int32, len(rings)))

    def set_lanes(self, reader: Id, lanes: Ints, rings: Ints) -> None:
        """As `set_rings`, by lane numbers: what is not named is not eligible."""
        one = self.presence.reader(reader)
        order = np.argsort(lanes)
        lanes, rings = lanes[order].astype(np.int32), rings[order].astype(np.int32)
        bases, at = np.unique(lanes >> 1, return_inverse=True)
        pacts = [
            self.agreements.number(self.queues.sites[self.queues.keys[base][0]][0], one.group)
            for base in bases.tolist()
        ]
        self.presence.set_rings(one, lanes, rings, np.array(pacts, np.int32)[at])

    def roster_changed(
        self, now: float, reader: Id, shifts: Sequence[tuple[float, float]]
    ) -> None:
        """Replace a reader's coming shifts: (start, end). What was held for them opens.

        Who does not sign on within the policy's grace counts as absent without being told.
        """
        self._advance(now)
        one = self.presence.reader(reader)
        self.presence.roster(one, shifts, now - self.policy.grace)
        self._watch(one)

    def _watch(self, reader: Reader) -> None:
        comes = float(self.presence.comes[reader.row])
        if -NEVER < comes < NEVER:
            heapq.heappush(self._missing, (comes + self.policy.grace, reader.row))

    def _advance(self, now: float) -> None:
        """Let pass what only time changes: agreements' hours, and who did not come."""
        self.agreements.advance(now)
        while self._missing and self._missing[0][0] < now:
            due, row = heapq.heappop(self._missing)
            if self.presence.comes[row] + self.policy.grace == due:
                self.presence.expect(self.presence.rows[row], now - self.policy.grace)
                self._watch(self.presence.rows[row])

    def _set_excluded(self, study: Id, readers: frozenset[Id]) -> None:
        """Note whom a waiting study is not offered to."""
        before = self._excluded.get(study, frozenset())
        if before == readers:
            return
        for key in before | readers:
            reader = self.presence.readers.get(key)
            if reader is not None:
                (reader.excluded.add if key in readers else reader.excluded.discard)(study)
        if readers:
            self._excluded[study] = readers
        else:
            del self._excluded[study]
