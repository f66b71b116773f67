"""Replay arrivals through the dispatcher's own policy. Pure: minutes on one scale, no dice.

What is simulated: who is on duty when, who may read what, and the order of reading. Reading
takes the time that the procedure map expects. Nothing interrupts a read; nobody declines.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from confrere.worklist.pacts import Agreement as Pact
from confrere.worklist.policy import PARTNER_MATCH, Floats, Ints, Policy
from confrere.worklist.queues import NEVER, Id, Service, Study
from confrere.worklist.routing import Pool

LOOK_AGAIN = (
    5.0  # minutes after which idle readers look at what waits, since rings open in time
)
DONE, TURN, OFF, ON, LOOK = range(5)  # what comes first of what happens at once
EVERY = 2000  # arrivals between two words of progress

Rings = Mapping[Id, Mapping[tuple[Id, Id, bool], int]]  # reader -> (site, service, urgent)


@dataclass(frozen=True, slots=True)
class Arrival:
    """An exam that came to be read."""

    at: float
    site: Id
    service: Id
    level: str
    due: float


@dataclass(frozen=True, slots=True)
class Duty:
    """A reader's time on duty."""

    reader: Id
    starts: float
    ends: float


@dataclass(frozen=True, slots=True)
class Setting:
    """The collaborative in which arrivals are replayed.

    `turns` says who may read what from an instant on, as agreements' hours open and close;
    the first must not be later than the first arrival.
    """

    policy: Policy
    sites: Mapping[Id, tuple[Id, Mapping[str, float]]]  # -> owner group, limits
    services: Mapping[Id, Service]
    readers: Mapping[Id, Id]  # -> group
    duties: Sequence[Duty]
    turns: Sequence[tuple[float, Rings]]
    speed: Mapping[Id, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of each arrival, in their order; never read: `reader` -1 and times NaN."""

    arrivals: Sequence[Arrival]
    readers: Sequence[Id]
    begun: Floats
    done: Floats
    reader: Ints
    ring: Ints


class Replay:
    """One run."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.pool = Pool(replace(setting.policy, put_aside_after=NEVER))
        for site, (owner, limits) in setting.sites.items():
            self.pool.set_site(site, owner, limits)
        for key, service in setting.services.items():
            self.pool.set_service(key, service)
        groups = {owner for owner, _ in setting.sites.values()}
        for owner in groups:
            for reading in set(setting.readers.values()) - {owner}:
                self.pool.set_agreement(0.0, owner, reading, Pact())
        for reader, group in setting.readers.items():
            self.pool.set_reader(reader, group, setting.speed.get(reader, 1.0))
        self._number = {reader: n for n, reader in enumerate(setting.readers)}
        self._agenda: list[tuple[float, int, int, object]] = []
        self._sequence = 0
        self._ends: dict[Id, float] = {}
        self._rings: dict[Id, Mapping[tuple[Id, Id, bool], int]] = {}

    def run(
        self, arrivals: Sequence[Arrival], tell: Callable[[float], None] = lambda _: None
    ) -> Replayed:
        """Replay; `tell` hears the share that is done, 0 to 1. Arrivals go by time."""
        count = len(arrivals)
        self.result = Replayed(
            arrivals, tuple(self.setting.readers), np.full(count, np.nan), np.full(count, np.nan),
            np.full(count, -1, np.int32), np.full(count, -1, np.int32),
        )  # fmt: skip
        self._plan()
        for number, one in enumerate(arrivals):
            if number % EVERY == 0:
                tell(number / max(count, 1))
            self._until(one.at)
            study = Study(number, one.site, one.service, one.level, one.due)
            for proposal in self.pool.arrived(one.at, study):
                self._begin(one.at, proposal.reader, proposal.study)
        self._until(np.inf)
        tell(1.0)
        return self.result

    def _plan(self) -> None:
        by_reader: dict[Id, list[tuple[float, float]]] = {}
        for duty in self.setting.duties:
            by_reader.setdefault(duty.reader, []).append((duty.starts, duty.ends))
            self._at(duty.starts, ON, duty)
            self._at(duty.ends, OFF, duty.reader)
        first, rings = self.setting.turns[0]
        self._turn(rings)
        for reader, shifts in by_reader.items():
            self.pool.roster_changed(first, reader, shifts)
        for at, more in self.setting.turns[1:]:
            self._at(at, TURN, more)
        last = max((duty.ends for duty in self.setting.duties), default=first)
        for look in np.arange(first, last, LOOK_AGAIN).tolist():
            self._at(look, LOOK, None)

    def _at(self, at: float, kind: int, what: object) -> None:
        self._sequence += 1
        heapq.heappush(self._agenda, (at, kind, self._sequence, what))

    def _until(self, at: float) -> None:
        """Let happen what is due up to `at`."""
        agenda = self._agenda
        while agenda and agenda[0][0] <= at:
            now, kind, _, what = heapq.heappop(agenda)
            if kind == DONE:
                self._finish(now, *what)  # type: ignore[misc]
            elif kind == TURN:
                self._turn(what)  # type: ignore[arg-type]
                self._look(now)
            elif kind == OFF:
                self._off(now, what)
            elif kind == ON:
                self._on(now, what)  # type: ignore[arg-type]
            elif self.pool.queues.studies:
                self._look(now)

    def _turn(self, rings: Rings) -> None:
        for reader in self.setting.readers:
            mine = rings.get(reader, {})
            if self._rings.get(reader) != mine:
                self._rings[reader] = mine
                self.pool.set_rings(reader, mine)

    def _finish(self, now: float, reader: Id, study: Id) -> None:
        self.pool.read_done(now, reader, study)
        self._next(now, reader)

    def _on(self, now: float, duty: Duty) -> None:
        self._ends[duty.reader] = max(duty.ends, self._ends.get(duty.reader, duty.ends))
        self.pool.signed_on(now, duty.reader, duty.ends)
        self._next(now, duty.reader)

    def _off(self, now: float, reader: Id) -> None:
        if self._ends.get(reader, now) <= now:
            self.pool.signed_off(now, reader)

    def _look(self, now: float) -> None:
        presence = self.pool.presence
        for row in np.flatnonzero(presence.idle[: len(presence.rows)]).tolist():
            self._next(now, presence.rows[row].key)

    def _next(self, now: float, reader: Id) -> None:
        one = self.pool.presence.reader(reader)
        if not self.pool.presence.idle[one.row]:
            return
        if self._ends.get(reader, now) - now < self.setting.policy.last_call:
            return
        if not np.isfinite(self.pool.queues.due[one.queues]).any():
            return
        study = self.pool.next(now, reader)
        if study is not None:
            self._begin(now, reader, study)

    def _begin(self, now: float, reader: Id, study: Id) -> None:
        one = self.pool.presence.reader(reader)
        q = self.pool.queues.waiting_study(study)[0]
        ring = one.place(int(self.pool.queues.lane[q]))[0]
        at_q, at_ring = np.array([q], np.int32), np.array([ring], np.int32)
        takes = float(self.pool.ordering.minutes(one, at_q, at_ring)[0])
        self.pool.taken(now, reader, study)
        self._at(now + takes, DONE, (reader, study))
        found = self.result
        found.begun[study], found.done[study] = now, now + takes
        found.reader[study], found.ring[study] = self._number[reader], ring


@dataclass(frozen=True, slots=True)
class Level:
    """How exams of one urgency level fared."""

    name: str
    exams: int
    late: float  # percent; never read counts as late
    median: float  # minutes
    p90: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a replay came to. Percentages are of exams."""

    exams: int
    unread: int
    late: float
    match: float  # of advanced exams: by a subspecialist
    cross: float  # by another group
    evenness: float  # coefficient of variation of work RVU per hour on duty
    levels: tuple[Level, ...]
    late_minutes: float  # lateness summed over the exams that were read


def outcome(setting: Setting, found: Replayed, owner: Id = None) -> Outcome:
    """Sum up, all exams or those of one owner group; evenness is always of all readers."""
    even = _evenness(setting, found)
    if owner is not None:
        found = _of(setting, found, owner)
    due = np.array([one.due for one in found.arrivals])
    came = np.array([one.at for one in found.arrivals])
    advanced = np.array(
        [setting.services[one.service].advanced for one in found.arrivals], bool
    )
    read = found.reader >= 0
    end = np.where(read, found.done, np.nanmax(found.done) if read.any() else came)
    late = ~read | (found.done > due)
    matched = read & (found.ring <= PARTNER_MATCH)
    return Outcome(
        len(due), int((~read).sum()), _percent(late), _percent(matched[advanced]),
        _percent((found.ring[read] & 1) == 1), even,
        tuple(_levels(setting, found, late, end - came)),
        float(np.maximum(end - due, 0)[read].sum()),
    )  # fmt: skip


def _of(setting: Setting, found: Replayed, owner: Id) -> Replayed:
    mine = [n for n, one in enumerate(found.arrivals) if setting.sites[one.site][0] == owner]
    return Replayed(
        [found.arrivals[n] for n in mine], found.readers, found.begun[mine], found.done[mine],
        found.reader[mine], found.ring[mine],
    )  # fmt: skip


def _levels(
    setting: Setting, found: Replayed, late: np.ndarray, took: Floats
) -> Iterator[Level]:
    names = np.array([one.level for one in found.arrivals])
    for level in setting.policy.levels:
        mine = names == level.name
        if mine.any():
            median, p90 = np.percentile(took[mine], (50, 90))
            yield Level(
                level.name, int(mine.sum()), _percent(late[mine]), float(median), float(p90)
            )


def _percent(flags: np.ndarray) -> float:
    return 100.0 * float(flags.mean()) if len(flags) else 0.0


def _evenness(setting: Setting, found: Replayed) -> float:
    hours = np.zeros(len(found.readers))
    number = {reader: n for n, reader in enumerate(found.readers)}
    for duty in setting.duties:
        if duty.reader in number:
            hours[number[duty.reader]] += (duty.ends - duty.starts) / 60
    work = np.zeros(len(found.readers))
    rvu = np.array([setting.services[one.service].rvu for one in found.arrivals])
    read = found.reader >= 0
    np.add.at(work, found.reader[read], rvu[read])
    rate = (work / np.maximum(hours, 1e-9))[hours > 0]
    return float(rate.std() / rate.mean()) if len(rate) and rate.mean() > 0 else 0.0
