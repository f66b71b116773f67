"""Open studies in queues, one per site, service line and level. Pure.

Studies of one queue differ in their due time only, and everything that a decision asks falls
or rises with it; so a queue competes with its first study alone. The firsts' due times stand
in one array, which a reader's eligible queues are gathered from.
"""

import heapq
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from confrere.kernel.errors import Conflict, Invalid, NotFound
from confrere.worklist.policy import Flags, Floats, Ints, Policy, Wishes

NEVER = np.inf
Id = Any  # hashable, and ordered among its kind: UUID, int or str


@dataclass(frozen=True, slots=True)
class Service:
    """What the procedure map says of an exam. Advanced: a subspecialist is worth a wait."""

    subspecialty: str
    advanced: bool
    minutes: float
    rvu: float
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class Study:
    """One study to be read. `due` is in minutes; `level` one of the policy's names.

    `excluded` readers are never offered it. Studies of one `patient` go together, unless one
    of them is `split`: a trauma patient's are read side by side.
    """

    id: Id
    site: Id
    service: Id
    level: str
    due: float
    patient: Id = None
    split: bool = False
    excluded: frozenset[Id] = frozenset()


class Queues:
    """All queues. Number of a queue: base * levels + level; of a lane: base * 2 + urgent."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.width = len(policy.levels)
        self.acute = [level.urgent for level in policy.levels]
        self.by_urgency = [
            np.array([k for k, u in enumerate(self.acute) if u is acute], np.int32)
            for acute in (False, True)
        ]
        self.sites: dict[Id, tuple[Id, dict[str, float]]] = {}  # owner, limits
        self.services: dict[Id, Service] = {}
        self.wishes: dict[Id, Wishes] = {}
        self.bases: dict[tuple[Id, Id], int] = {}
        self.keys: list[tuple[Id, Id]] = []
        self.heaps: dict[int, list[tuple[float, Id]]] = {}
        self.studies: dict[Id, tuple[int, Study]] = {}
        self.patients: dict[Id, set[Id]] = {}
        self._room(64)

    def _room(self, bases: int) -> None:
        """Make the arrays hold so many bases."""
        old = getattr(self, "due", None)
        for name in (
            "due", "limit", "cost", "floor", "first", "hold", "own_first", "cross", "match",
            "mismatch", "minutes", "count", "keep",
        ):  # fmt: skip
            grown = np.full(bases * self.width, NEVER if name == "due" else 0.0)
            if old is not None:
                grown[: len(old)] = getattr(self, name)
            setattr(self, name, grown)
        advanced = np.zeros(bases * self.width, bool)
        lane = np.repeat(np.arange(bases, dtype=np.int32), self.width) * 2
        lane += np.tile(np.array(self.acute, np.int32), bases)
        if old is not None:
            advanced[: len(old)] = self.advanced
        self.advanced: Flags = advanced
        self.urgent: Flags = np.tile(np.array(self.acute), bases)
        self.lane: Ints = lane

    due: Floats  # of each queue's first study
    count: Floats  # how many wait in each queue
    limit: Floats
    cost: Floats
    floor: Floats
    first: Floats
    hold: Floats
    own_first: Floats
    cross: Floats
    match: Floats
    mismatch: Floats
    minutes: Floats
    keep: Floats  # what a match is worth to a subspecialist when its hold ends

    def base(self, site: Id, service: Id) -> int:
        """Number a site's service line."""
        number = self.bases.get((site, service))
        if number is not None:
            return number
        if site not in self.sites:
            raise NotFound(f"the dispatcher knows no site {site}; add it first")
        if service not in self.services:
            raise NotFound(f"the dispatcher knows no service line {service}; add it first")
        number = self.bases[site, service] = len(self.keys)
        self.keys.append((site, service))
        if (number + 1) * self.width > len(self.due):
            self._room(2 * (number + 1))
        self.describe(number)
        return number

    def describe(self, base: int) -> None:
        """Fill in what site, service line, group and policy say of a base's queues."""
        site, service = self.keys[base]
        owner, limits = self.sites[site]
        one, policy = self.services[service], self.policy
        wishes = self.wishes.get(owner, policy.wishes)
        for number, level in enumerate(policy.levels):
            q = base * self.width + number
            self.limit[q] = limits.get(level.name, level.limit)
            self.cost[q], self.floor[q], self.first[q] = level.cost, level.floor, level.first
            self.hold[q], self.own_first[q] = policy.held_until(wishes, number)
            self.cross[q], self.minutes[q] = wishes.cross, one.minutes
            self.match[q] = wishes.match * one.advanced
            self.mismatch[q] = wishes.mismatch * one.advanced
            self.advanced[q] = one.advanced
            held = one.advanced and self.hold[q] < NEVER
            self.keep[q] = policy.match_worth if held else 0.0

    def describe_all(self, site: Id = None, service: Id = None, owner: Id = None) -> None:
        """Fill in anew the bases of a site, a service line or an owner group."""
        for number, (at, what) in enumerate(self.keys):
            if site == at or service == what or owner == self.sites[at][0]:
                self.describe(number)

    def queue(self, study: Study) -> int:
        """Number the queue that a study belongs to."""
        level = self.policy.level(study.level)
        return self.base(study.site, study.service) * self.width + level

    def owner(self, q: int) -> Id:
        """Tell whose studies a queue holds."""
        return self.sites[self.keys[q // self.width][0]][0]

    def service(self, q: int) -> Service:
        """Tell the service line of a queue."""
        return self.services[self.keys[q // self.width][1]]

    def add(self, study: Study) -> int:
        """Let a study wait; returns its queue."""
        if study.id in self.studies:
            raise Conflict(f"study {study.id} already waits")
        if not np.isfinite(study.due):
            raise Invalid("a study needs a due time", "due")
        q = self.queue(study)
        self.studies[study.id] = (q, study)
        self.count[q] += 1
        heap = self.heaps.get(q)
        if heap is None:
            heap = self.heaps[q] = []
        heapq.heappush(heap, (study.due, study.id))
        if heap[0][1] == study.id:
            self.due[q] = study.due
        if study.patient is not None:
            self.patients.setdefault(study.patient, set()).add(study.id)
        return q

    def remove(self, study: Id) -> tuple[int, Study]:
        """Let a study wait no more."""
        found = self.waiting_study(study)
        del self.studies[study]
        self.count[found[0]] -= 1
        self._refresh(found[0])
        patient = found[1].patient
        if patient is not None:
            others = self.patients[patient]
            others.discard(study)
            if not others:
                del self.patients[patient]
        return found

    def waiting_study(self, study: Id) -> tuple[int, Study]:
        """Find a study that waits, and its queue."""
        found = self.studies.get(study)
        if found is None:
            raise Conflict(f"study {study} does not wait: it was taken or withdrawn")
        return found

    def _refresh(self, q: int) -> None:
        heap = self.heaps[q]
        while heap and not self._stands(q, heap[0]):
            heapq.heappop(heap)
        self.due[q] = heap[0][0] if heap else NEVER

    def _stands(self, q: int, entry: tuple[float, Id]) -> bool:
        found = self.studies.get(entry[1])
        return found is not None and found[0] == q and found[1].due == entry[0]

    def head(self, q: int) -> Id:
        """Name the first study of a queue that is not empty."""
        return self.heaps[q][0][1]

    def waiting(self, q: int) -> Iterator[tuple[float, Id]]:
        """List a queue's studies, earliest due first, each once."""
        seen: set[Hashable] = set()
        for entry in sorted(self.heaps.get(q, ())):
            if entry[1] not in seen and self._stands(q, entry):
                seen.add(entry[1])
                yield entry
