"""What is first for a reader, among the studies that are open to them. Pure."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from confrere.worklist.policy import OWN_ABLE, Floats, Ints, Policy, urgency
from confrere.worklist.presence import Reader
from confrere.worklist.queues import NEVER, Id, Queues
from confrere.worklist.rings import Rings

ALIKE = 1e-9  # differences of urgency that count as none


@dataclass(frozen=True, slots=True)
class Choice:
    """Queues that a reader may choose from: numbers, rings, agreements, firsts' due times."""

    q: Ints
    ring: Ints
    pact: Ints
    due: Floats

    def __len__(self) -> int:
        return len(self.q)

    def only(self, at: Ints) -> "Choice":
        """Keep some."""
        return Choice(self.q[at], self.ring[at], self.pact[at], self.due[at])


@dataclass(frozen=True, slots=True)
class Mood:
    """What the hour asks of a reader: acute work first, the quick before the long."""

    pressed: bool
    overloaded: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """What makes the order of some queues for one reader, term by term."""

    first: Floats
    urgency: Floats
    reserve: Floats
    scarce: Floats
    match: Floats
    cross: Floats
    mood: Mood

    @property
    def total(self) -> Floats:
        """The sum that is compared."""
        parts = (self.urgency, self.reserve, self.scarce, self.match, self.cross)
        return sum(parts, self.first)


@dataclass(frozen=True, slots=True)
class Ordering:
    """The order of one pool's studies for its readers."""

    policy: Policy
    queues: Queues
    rings: Rings

    def minutes(self, reader: Reader, q: Ints, ring: Ints) -> Floats:
        """Expect how long the reader needs for studies of these queues."""
        slower = np.where(
            self.queues.advanced[q] & (ring >= OWN_ABLE), self.policy.mismatch_slower, 1.0
        )
        needs: Floats = slower * self.queues.minutes[q] * reader.speed + self.policy.overhead
        return needs

    def visible(self, reader: Reader, now: float) -> Choice:
        """List the queues whose first study is open to a reader."""
        due = self.queues.due[reader.queues]
        if reader.excluded:
            self._pass_over(reader, due)
        at = np.flatnonzero(due < NEVER)
        some = Choice(
            reader.queues[at], reader.queue_rings[at], reader.queue_pacts[at], due[at]
        )
        opened = self.rings.open(some.q, some.ring, some.pact, some.due, now)
        return some.only(np.flatnonzero(opened).astype(np.int32))

    def _pass_over(self, reader: Reader, due: Floats) -> None:
        """Let queues begin, for a reader, with what does not exclude them."""
        for study in reader.excluded:
            q = self.queues.studies[study][0]
            at = int(np.searchsorted(reader.queues, q))
            if at < len(due) and reader.queues[at] == q:
                due[at] = next((d for d, _ in self.waiting(reader, q)), NEVER)

    def waiting(self, reader: Reader, q: int) -> Iterator[tuple[float, Id]]:
        """List a queue's studies that do not exclude a reader, earliest due first."""
        return (one for one in self.queues.waiting(q) if one[1] not in reader.excluded)

    def first(self, reader: Reader, q: int) -> Id:
        """Name a visible queue's first study for a reader."""
        head = self.queues.head(q)
        if head not in reader.excluded:
            return head
        return next(self.waiting(reader, q))[1]

    def terms(
        self, reader: Reader, some: Choice, now: float, mood: Mood | None = None
    ) -> Terms:
        """Weigh queues for a reader; the mood is found from them all unless given."""
        queues, policy, q = self.queues, self.policy, some.q
        needs = self.minutes(reader, q, some.ring)
        spare = (some.due - now - needs) / queues.limit[q]
        if mood is None:
            mood = self._mood(q, needs, spare)
        weight = urgency(policy, queues.cost[q], queues.floor[q], spare)
        acute = queues.cost[q] * queues.urgent[q]
        reserve = acute * (policy.reserve * mood.pressed)
        scarce = acute * policy.scarce / self._sharing(q)
        if mood.overloaded:
            pace = needs**policy.guard_power
            weight, reserve, scarce = weight / pace, reserve / pace, scarce / pace
        keep = self._keep(q, some.due, now)
        match = np.where(some.ring >= OWN_ABLE, -queues.mismatch[q], queues.match[q] + keep)
        cross = queues.cross[q] * -(some.ring & 1)
        return Terms(queues.first[q], weight, reserve, scarce, match, cross, mood)

    def _keep(self, q: Ints, due: Floats, now: float) -> Floats:
        """Weigh a match by how soon it may be lost: the earlier due, the more."""
        queues = self.queues
        until = np.maximum((due - now) / queues.limit[q] - queues.hold[q], 0.0)
        keep: Floats = queues.keep[q] * np.exp(until / -self.policy.decay)
        return keep

    def _sharing(self, q: Ints) -> Ints:
        """Count the readers on duty who may read what is in these queues; at least one."""
        return np.maximum(self.rings.presence.any_on[self.queues.lane[q]], 1)

    def _mood(self, q: Ints, needs: Floats, spare: Floats) -> Mood:
        """Tell from a reader's visible queues how pressed the hour is."""
        acute = self.queues.count[q] * self.queues.urgent[q] * needs / self._sharing(q)
        part, late = float(acute.sum()), int(np.count_nonzero(spare < 0))
        policy = self.policy
        return Mood(
            pressed=part >= policy.reserve_minutes,
            overloaded=late >= policy.guard_late or part >= policy.guard_minutes,
        )

    def choose(self, reader: Reader, now: float) -> Id | None:
        """Name the first study for a reader; of equals the earliest due, then the lowest id."""
        some = self.visible(reader, now)
        if not len(some):
            return None
        total = self.terms(reader, some, now).total
        best = np.flatnonzero(total >= total.max() - ALIKE)
        if len(best) == 1:
            return self.first(reader, int(some.q[best[0]]))
        return min((some.due[k], self.first(reader, int(some.q[k]))) for k in best.tolist())[1]

    def ranked(self, reader: Reader, now: float, count: int) -> list[Id]:
        """Name the first studies for a reader, best first, by the same comparison."""
        some = self.visible(reader, now)
        terms = self.terms(reader, some, now)
        line: list[tuple[float, float, Id, int, Iterator[tuple[float, Id]]]] = []

        def enter(k: int, entry: tuple[float, Id], rest: Iterator[tuple[float, Id]]) -> None:
            at = np.array([k], np.int32)
            one = some.only(at)
            one = Choice(one.q, one.ring, one.pact, np.array([entry[0]]))
            if self.rings.open(one.q, one.ring, one.pact, one.due, now)[0]:
                score = self.terms(reader, one, now, terms.mood).total[0]
                heapq.heappush(line, (-round(float(score), 9), entry[0], entry[1], k, rest))

        first = np.argsort(-terms.total, kind="stable")[:count]
        for k in first.tolist():
            rest = self.waiting(reader, int(some.q[k]))
            enter(k, next(rest), rest)
        found: list[Id] = []
        while line and len(found) < count:
            _, _, study, k, rest = heapq.heappop(line)
            found.append(study)
            following = next(rest, None)
            if following is not None:
                enter(k, following, rest)
        return found
