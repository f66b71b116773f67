"""The pool of this moment: worklist and directory as the dispatcher's `Pool`. Pure.

Built anew for each round: the database is the truth, the pool is a way to look at it. Who may
read comes from the rules (`judging`), shifts and agreements; the order from the policy.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

from confrere.kernel.ids import GroupId, ItemId, ReaderId
from confrere.network.agreements import overflow_opens
from confrere.network.model import Directory, Reader
from confrere.network.rosters import cover, serves
from confrere.worklist.case import case_in
from confrere.worklist.explaining import Decision, explain
from confrere.worklist.judging import Judging
from confrere.worklist.model import Item
from confrere.worklist.pacts import Agreement as Pact
from confrere.worklist.policy import Level, Policy, ring_of
from confrere.worklist.queues import NEVER, Service, Study
from confrere.worklist.routing import Pool

ZERO = datetime(2020, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RVU_OF_MINUTE = 0.1  # work that an exam counts for whose code has no wRVU
Line = tuple[str, str, bool, tuple[str, ...], int]  # a service line


def minutes_of(at: datetime) -> float:
    """The pool's time of an instant."""
    return (at - ZERO) / MINUTE


def work_of(item: Item) -> float:
    """How much an exam counts for in sharing work evenly."""
    return (
        float(item.wrvu)
        if item.wrvu is not None
        else RVU_OF_MINUTE * item.reading_time / MINUTE
    )


def line_of(item: Item) -> Line:
    """The service line of an exam: what tells its queue from others of its site and level."""
    minutes = int(item.reading_time / MINUTE)
    return item.modality, item.subspecialty, item.advanced, item.certificates, minutes


@dataclass(frozen=True, slots=True)
class Hour:
    """What happened this shift: who reads now, who has an offer, how much each has read."""

    busy: frozenset[ReaderId]
    offers: Mapping[ItemId, ReaderId]  # that stand, not taken up yet
    ahead: Mapping[ReaderId, timedelta]  # reading time of what each holds or is offered
    worked: Mapping[ReaderId, float]
    declined: Mapping[ItemId, frozenset[ReaderId]]


@dataclass(frozen=True, slots=True)
class Chosen:
    """An exam, the reader it is offered to, and all that the choice rested on."""

    item: Item
    reader: Reader
    decision: Decision


class Look:
    """One look at exams that wait, and at who could read them."""

    def __init__(
        self, waiting: Sequence[Item], directory: Directory, judging: Judging, hour: Hour,
        now: datetime, policy: Policy | None = None,
    ) -> None:  # fmt: skip
        self.waiting = {one.id: one for one in waiting if one.due_at is not None}
        standing = {one: reader for one, reader in hour.offers.items() if one in self.waiting}
        self.standing = standing
        self.directory, self.judging, self.hour, self.now = directory, judging, hour, now
        self.at = minutes_of(now)
        self.able = {
            one.id: frozenset(judging.eligible(one, now)) for one in self.waiting.values()
        }
        # nobody is asked in the middle of a read
        self.pool = Pool(replace(policy or Policy(), put_aside_after=NEVER))
        self._places()
        self._people()
        loose = [one for one in self.waiting.values() if one.id not in standing]
        self.pool.arrived(self.at, *(self._study(one) for one in loose))

    def _places(self) -> None:
        for site in {one.site for one in self.waiting.values()}:
            known = self.directory.sites[site]
            limits = {name: float(value) for name, value in (known.targets or {}).items()}
            self.pool.set_site(site, known.owner_group, limits)
        for item in self.waiting.values():
            line = line_of(item)
            service = Service(item.subspecialty, item.advanced, line[4], work_of(item))
            self.pool.set_service(line, service)
        for pact in self.directory.agreements:
            # hours, scope and caps are the rules' to judge, exam by exam
            self.pool.set_agreement(
                self.at, pact.owner_group, pact.reading_group, Pact(id=pact.id)
            )

    def _people(self) -> None:
        rings: dict[ReaderId, dict[tuple[object, Line, bool], int]] = defaultdict(dict)
        for item in self.waiting.values():
            urgent = self.pool.policy.levels[self.pool.policy.level(item.priority)].urgent
            for one in self.able[item.id]:
                reader = self.directory.readers[one]
                ring = ring_of(
                    own=reader.group == item.owner_group,
                    matched=item.subspecialty in reader.certificates, advanced=item.advanced,
                )  # fmt: skip
                rings[one][item.site, line_of(item), urgent] = ring
        for one, places in rings.items():
            reader = self.directory.readers[one]
            self.pool.set_reader(one, reader.group)
            self.pool.set_rings(one, places)
            shifts = [(minutes_of(s.starts_at), minutes_of(s.ends_at)) for s in reader.shifts]
            self.pool.roster_changed(self.at, one, [s for s in shifts if s[0] > self.at])
        for reader in self.there(rings):
            shift = reader.shift_at(self.now)
            assert shift is not None  # noqa: S101 - who is on duty has a shift
            self.pool.signed_on(
                minutes_of(shift.starts_at), reader.id, minutes_of(shift.ends_at)
            )
            self.pool.worked(reader.id, self.hour.worked.get(reader.id, 0.0))
            if reader.id in self.hour.busy or reader.id in self.standing.values():
                self.pool.paused(reader.id)

    def there(self, who: Iterable[ReaderId]) -> list[Reader]:
        """Those of these readers who are on duty, by when their shifts began."""
        readers = (self.directory.readers[one] for one in who)
        present = [(one.shift_at(self.now), one) for one in readers if one.on_duty(self.now)]
        return [
            one
            for shift, one in sorted(
                ((s.starts_at, r) for s, r in present if s is not None),
                key=lambda pair: (pair[0], str(pair[1].id)),
            )
        ]

    def _study(self, item: Item) -> Study:
        assert item.due_at is not None  # noqa: S101 - others do not wait here
        return Study(
            item.id, item.site, line_of(item), item.priority, minutes_of(item.due_at),
            excluded=self.excluded(item),
        )  # fmt: skip

    def excluded(self, item: Item) -> frozenset[ReaderId]:
        """Who of the lane's readers is not offered this exam now."""
        able = self.able[item.id]
        lane = frozenset().union(*(
            self.able[other.id]
            for other in self._alike[item.site, line_of(item)]
        ))  # fmt: skip
        there = {one.id for one in self._serving(item)}
        declined = self.hour.declined.get(item.id, frozenset())
        if there <= declined:
            declined = frozenset()
        early = {one for one in able if not self._open(item, self.directory.readers[one])}
        off_scope = {
            one
            for one in able
            if self.directory.readers[one].on_duty(self.now) and one not in there
        }
        return (lane - able) | declined | early | off_scope

    @cached_property
    def _alike(self) -> Mapping[tuple[object, Line], list[Item]]:
        found: dict[tuple[object, Line], list[Item]] = defaultdict(list)
        for one in self.waiting.values():
            found[one.site, line_of(one)].append(one)
        return found

    def _serving(self, item: Item) -> list[Reader]:
        return [
            self.directory.readers[one]
            for one in self.able[item.id]
            if serves(
                self.directory.readers[one],
                item.owner_group,
                item.subspecialty,
                item.site,
                self.now,
            )
        ]

    def _open(self, item: Item, reader: Reader) -> bool:
        """Say whether the agreement lets the exam out of the house yet."""
        if reader.group == item.owner_group:
            return True
        pact = case_in(self.directory, item, reader, self.now).lent().agreement
        if pact is None or item.due_at is None:
            return False
        if pact.overflow_share is None and pact.overflow_from is None:
            return True  # the policy's own-first says when
        own = self._own_cover(item.owner_group, item)
        began = item.clock_at or item.created_at
        urgent = self.pool.policy.levels[self.pool.policy.level(item.priority)].urgent
        opens = overflow_opens(pact, began, item.due_at, urgent=urgent, own_cover=own)
        return opens <= self.now

    def _own_cover(self, group: GroupId, item: Item) -> bool:
        return cover(self.directory, group, item.subspecialty, item.site, self.now)

    def on_duty(self, item: ItemId) -> int:
        """How many eligible readers are there for an exam."""
        return len(self._serving(self.waiting[item]))

    def offers(self) -> list[Chosen]:
        """Give every idle reader one exam, the most urgent first; the policy chooses.

        An offer that nobody has taken up yields to a stroke or STAT exam that finds no idle
        reader, and waits again.
        """
        found = [one for one in map(self._at_any_rate, self._first()) if one]
        moving = True
        while moving:
            moving = False
            for reader in self._idle():
                study = self.pool.next(self.at, reader)
                if study is None:
                    continue
                better = self.pool.proposal(self.at, study)
                found.append(self._give(study, better.reader if better else reader))
                moving = True
        return found

    def queued(self) -> list[tuple[Item, Reader]]:
        """Name a reader for each acute exam that found nobody idle: it stands next with them.

        The reader who has least to read first; whoever has it already keeps it. The first who
        is idle gets it all the same, in a later round.
        """
        ahead: dict[ReaderId, timedelta] = defaultdict(timedelta, self.hour.ahead)
        found = []
        acute = [
            self.waiting[one] for one in self.pool.queues.studies if self._level(one).urgent
        ]
        for item in sorted(acute, key=lambda one: (one.due_at or self.now, str(one.id))):
            excluded = self.pool.queues.studies[item.id][1].excluded
            there = [one for one in self._serving(item) if one.id not in excluded]
            if not there:
                continue
            kept = next((one for one in there if one.id == item.offered_to), None)
            best = kept or min(there, key=lambda one: (ahead[one.id], str(one.id)))
            ahead[best.id] += item.reading_time
            found.append((item, best))
        return found

    def _first(self) -> list[ItemId]:
        levels = {level.name for level in self.pool.policy.levels if level.first}
        waits = [one for one in self.waiting.values() if one.priority in levels]
        loose = [one for one in waits if one.id in self.pool.queues.studies]
        return [
            one.id
            for one in sorted(loose, key=lambda one: (one.due_at or self.now, str(one.id)))
        ]

    def _at_any_rate(self, study: ItemId) -> Chosen | None:
        """Find a reader for a STAT exam, if need be one with a lesser offer."""
        idle = self.pool.proposal(self.at, study)
        if idle is not None:
            return self._give(study, idle.reader)
        lesser = [
            (self.pool.presence.reader(reader).place(self._lane(study))[0], str(reader), item)
            for item, reader in self.standing.items()
            if not self._level(item).first
            and reader in self.pool.presence.readers
            and self.pool.may_take(self.at, reader, study)
        ]
        if not lesser:
            return None
        put_back = min(lesser)[2]
        reader = self.standing.pop(put_back)
        self.pool.resumed(reader)
        self.pool.arrived(self.at, self._study(self.waiting[put_back]))
        return self._give(study, reader)

    def _level(self, item: ItemId) -> Level:
        return self.pool.policy.levels[self.pool.policy.level(self.waiting[item].priority)]

    def _lane(self, study: ItemId) -> int:
        return int(self.pool.queues.lane[self.pool.queues.waiting_study(study)[0]])

    def _idle(self) -> list[ReaderId]:
        presence = self.pool.presence
        return sorted((one.key for one in presence.rows if presence.idle[one.row]), key=str)

    def _give(self, study: ItemId, reader: ReaderId) -> Chosen:
        decision = explain(self.pool, self.at, reader, study)
        self.pool.taken(self.at, reader, study)
        return Chosen(self.waiting[study], self.directory.readers[reader], decision)
