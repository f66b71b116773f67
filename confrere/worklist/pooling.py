"""The pool of this moment: worklist and directory as the dispatcher's `Pool`. Pure.

Built anew for each round: the database is the truth, the pool is a way to look at it. Who may
read comes from the rules (`judging`), shifts and agreements; the order from the policy.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from confrere.kernel.ids import GroupId, ItemId, ReaderId
from confrere.network.agreements import overflow_opens, share_left
from confrere.network.model import Agreement, Directory, Reader
from confrere.network.rosters import cover
from confrere.network.routing_settings import EVENNESS_FIRST as EVEN
from confrere.network.routing_settings import PULL, RoutingSettings
from confrere.worklist.judging import Judging, Rows
from confrere.worklist.model import Item
from confrere.worklist.pacts import Agreement as Pact
from confrere.worklist.policy import (
    EVENNESS_FIRST,
    MATCH_FIRST,
    Level,
    Policy,
    Wishes,
)
from confrere.worklist.queues import NEVER, Service, Study
from confrere.worklist.reach import MINUTE, Kind, Part, Reach, line_of, united
from confrere.worklist.routing import Pool
from confrere.worklist.standing import patient_of, split_patients

ZERO = datetime(2020, 1, 1, tzinfo=UTC)
RVU_OF_MINUTE = 0.1  # work that an exam counts for whose code has no wRVU


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


def wishes_of(settings: RoutingSettings) -> Wishes:
    """A group's wishes for its own exams, as the policy takes them."""
    base = EVENNESS_FIRST if settings.first == EVEN else MATCH_FIRST
    return replace(
        base,
        hold={**base.hold, **settings.hold},
        own_first={**base.own_first, **settings.own_first},
    )


@dataclass(frozen=True, slots=True)
class Hour:
    """What happened this shift: who reads now, who has an offer, how much each has read."""

    held: Sequence[Item] = ()  # that somebody reads
    busy: frozenset[ReaderId] = frozenset()
    offers: Mapping[ItemId, ReaderId] = field(default_factory=dict)  # that stand
    silent: frozenset[ItemId] = frozenset()  # of the offers, those that got no answer
    attached: Mapping[ItemId, ReaderId] = field(default_factory=dict)  # go with another exam
    ahead: Mapping[ReaderId, timedelta] = field(default_factory=dict)  # held or offered
    worked: Mapping[ReaderId, float] = field(default_factory=dict)
    declined: Mapping[ItemId, frozenset[ReaderId]] = field(default_factory=dict)


class Look:
    """One look at exams that wait, and at who could read them."""

    def __init__(
        self, waiting: Sequence[Item], directory: Directory, judging: Judging, hour: Hour,
        now: datetime, policy: Policy | None = None,
    ) -> None:  # fmt: skip
        self.waiting = {one.id: one for one in waiting if one.due_at is not None}
        self.unclocked = [one for one in waiting if one.due_at is None]
        self.standing = {
            item: reader
            for item, reader in hour.offers.items()
            if item in self.waiting and item not in hour.silent
        }
        self.directory, self.judging, self.hour, self.now = directory, judging, hour, now
        self.at = minutes_of(now)
        self.policy = policy or Policy()
        self.reach = Reach(list(self.waiting.values()), directory, judging, now)
        self.able = self.reach.able
        self._covered: dict[tuple[object, ...], bool] = {}
        self._split = split_patients([*self.waiting.values(), *hour.held])
        # who is asked in the middle of a read is looked for apart: groups may not want it
        self.pool = Pool(replace(self.policy, put_aside_after=NEVER))
        self._places()
        self._people()
        loose = [
            one
            for one in self.waiting.values()
            if one.id not in self.standing and one.id not in hour.attached
        ]
        self.pool.waits(*(self.study(one) for one in loose))

    def _places(self) -> None:
        every = [*self.waiting.values(), *self.hour.held]
        for site in {one.site for one in every}:
            known = self.directory.sites[site]
            limits = {name: float(value) for name, value in (known.targets or {}).items()}
            self.pool.set_site(site, known.owner_group, limits)
        for item in every:
            line = line_of(item)
            service = Service(item.subspecialty, item.advanced, line[4], work_of(item))
            self.pool.set_service(line, service)
        for group, settings in self.directory.routing.items():
            self.pool.set_wishes(group, wishes_of(settings))
        for pact in self.directory.agreements:
            # hours, scope and caps are the rules' to judge, exam by exam
            self.pool.set_agreement(
                self.at, pact.owner_group, pact.reading_group, Pact(id=pact.id)
            )

    def _people(self) -> None:
        able = self._lanes()
        for one in able:
            shifts = [(minutes_of(s.starts_at), minutes_of(s.ends_at)) for s in one.shifts]
            self.pool.roster_changed(self.at, one.id, [s for s in shifts if s[0] > self.at])
        asked = set(self.standing.values()) | {self.hour.offers[i] for i in self.hour.silent}
        for reader in self.there(able):
            shift = reader.shift_at(self.now)
            assert shift is not None  # noqa: S101 - who is on duty has a shift
            self.pool.signed_on(
                minutes_of(shift.starts_at), reader.id, minutes_of(shift.ends_at)
            )
            self.pool.worked(reader.id, self.hour.worked.get(reader.id, 0.0))
            if reader.id in self.hour.busy or reader.id in asked:
                self.pool.paused(reader.id)
        for item in self.hour.held:
            if item.held_by in self.pool.presence.readers and item.held_at and item.due_at:
                self.pool.queues.add(self._plain(item))
                self.pool.taken(minutes_of(item.held_at), item.held_by, item.id)

    def _lanes(self) -> list[Reader]:
        """Tell the pool who may read what; return all who may read anything."""
        places: dict[tuple[Kind, bool], dict[int, Rows]] = defaultdict(dict)
        owners: dict[Kind, GroupId] = {}
        for item in self.waiting.values():
            kind, rows = (item.site, line_of(item)), self.able[item.id]
            places[kind, self.level(item).urgent][id(rows)] = rows
            owners[kind] = item.owner_group
        parts = [np.zeros((3, 0), np.int32)]
        for (kind, urgent), several in places.items():
            rows = united(list(several.values()))
            lane = np.full(len(rows), self.pool.lane(*kind, urgent), np.int32)
            parts.append(np.stack([rows, lane, self.reach.rings(rows, owners[kind], kind[1])]))
        every = np.concatenate(parts, axis=1)
        every = every[:, np.argsort(every[0], kind="stable")]
        found, starts = np.unique(every[0], return_index=True)
        if not len(found):
            return []
        able = [self.reach.readers[row] for row in found.tolist()]
        for one, part in zip(able, np.split(every, starts[1:], axis=1), strict=True):
            self.pool.set_reader(one.id, one.group)
            self.pool.set_lanes(one.id, part[1], part[2])
        return able

    def there(self, who: Iterable[Reader]) -> list[Reader]:
        """Those of these readers who are on duty, by when their shifts began."""
        present = [(one.shift_at(self.now), one) for one in who if one.on_duty(self.now)]
        return [
            one
            for shift, one in sorted(
                ((s.starts_at, r) for s, r in present if s is not None),
                key=lambda pair: (pair[0], str(pair[1].id)),
            )
        ]

    def _plain(self, item: Item) -> Study:
        assert item.due_at is not None  # noqa: S101 - others do not wait here
        patient = patient_of(item)
        return Study(
            item.id, item.site, line_of(item), item.priority, minutes_of(item.due_at),
            patient, patient in self._split,
        )  # fmt: skip

    def study(self, item: Item) -> Study:
        """An exam as the pool takes it."""
        return replace(self._plain(item), excluded=self.excluded(item))

    def excluded(self, item: Item) -> frozenset[ReaderId]:
        """Who of the lane's readers is not offered this exam now."""
        there = self.reach.there(item)
        declined = self.hour.declined.get(item.id, frozenset())
        if item.id in self.hour.silent:
            declined |= {self.hour.offers[item.id]}
        if there.readers <= declined:
            declined = frozenset()
        return there.never.union(declined, *self._not_asked(item, there.parts))

    def _not_asked(self, item: Item, parts: Sequence[Part]) -> list[frozenset[ReaderId]]:
        """Those who are there and to whom it is not open yet, or who take from the list."""
        pacts = self.judging.lending(item, self.now)
        pressing = bool(self.level(item).first) or (item.at_risk_at or self.now) <= self.now
        found = []
        for part in parts:
            pulls = not pressing and self.directory.routing_of(part.group).mode == PULL
            away = part.group != item.owner_group
            if pulls or (
                away and not self._open(item, pacts.get(part.group), matched=part.matched)
            ):
                found.append(part.readers)
        return found

    def _open(self, item: Item, pact: Agreement | None, *, matched: bool) -> bool:
        """Say whether the agreement lets the exam out of the house yet."""
        if pact is None or item.due_at is None:
            return False
        began = item.began_at
        if pact.hold_share is not None and not matched and not self.level(item).first:
            held = share_left(began, item.due_at, pact.hold_share)
            if held > self.now:
                return False
        if pact.overflow_share is None and pact.overflow_from is None:
            return True  # the policy's own-first says when
        opens = overflow_opens(
            pact, began, item.due_at, urgent=self.level(item).urgent,
            own_cover=self._own_cover(item),
        )  # fmt: skip
        return opens <= self.now

    def _own_cover(self, item: Item) -> bool:
        key = item.owner_group, item.subspecialty, item.site
        if key not in self._covered:
            self._covered[key] = cover(self.directory, *key, self.now)
        return self._covered[key]

    def serving(self, item: ItemId) -> frozenset[ReaderId]:
        """The eligible readers who are there for an exam."""
        return self.reach.there(self.waiting[item]).readers

    def level(self, item: Item) -> Level:
        """The urgency class of an exam."""
        return self.policy.levels[self.policy.level(item.priority)]
