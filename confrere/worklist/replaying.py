"""The collaborative as it is, or as it might be, made ready for a replay. Pure.

Facts are judged as they stand at `now`; agreements' hours by the instants of the replay. The
rosters are those on record for the period; a reader who has none in it is given the fortnight
that is on record, week by week.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from confrere.kernel.ids import GroupId, ItemId, ReaderId, SiteId
from confrere.network.agreements import hours_change, within_hours
from confrere.network.model import Agreement, Directory, Reader
from confrere.network.presence import Shift
from confrere.worklist.judging import Judging
from confrere.worklist.model import READ, Item, State
from confrere.worklist.policy import Policy, ring_of
from confrere.worklist.pooling import minutes_of
from confrere.worklist.queues import Service
from confrere.worklist.simulation import Arrival, Duty, Rings, Setting

WEEK = timedelta(days=7)
NO_ID = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Exam:
    """An exam that came, without its patient."""

    owner_group: GroupId
    site: SiteId
    at: datetime  # complete
    due: datetime
    priority: str
    modality: str
    subspecialty: str
    minutes: int
    wrvu: Decimal | None = None
    advanced: bool = False
    certificates: tuple[str, ...] = ()

    @property
    def service(self) -> tuple[object, ...]:
        """Its service line; the priority is in it, since agreements may ask for it."""
        return (
            self.modality, self.subspecialty, self.advanced, self.certificates, self.minutes,
            self.priority,
        )  # fmt: skip

    def as_item(self) -> Item:
        """A worklist item like it, for the rules to judge."""
        return Item(
            ItemId(NO_ID), self.owner_group, self.site, None, None, (), (), READ, State.WAITING,
            self.priority, self.modality, "", self.subspecialty, (), "", "", "", "", "", None,
            "", "", 0, True, 0, None, self.at, "", self.due, None, None, None, "", None, None, "",
            None, None, None, None, None, None, None, 0, True, self.at, self.at,
            advanced=self.advanced, minutes=self.minutes, wrvu=self.wrvu,
            certificates=self.certificates,
        )  # fmt: skip


def setting_of(
    directory: Directory, exams: Sequence[Exam], starts: datetime, ends: datetime,
    now: datetime, policy: Policy | None = None,
) -> tuple[Setting, list[Arrival]]:  # fmt: skip
    """Make the setting of a period, and the arrivals in order of time."""
    chosen = policy or Policy()
    kinds = {(one.site, one.service): one for one in exams}
    sites = {
        one.site: (one.owner_group, _limits(directory, one.site)) for one in kinds.values()
    }
    services = {
        one.service: Service(
            one.subspecialty, one.advanced, one.minutes, float(one.wrvu or one.minutes / 10)
        )
        for one in kinds.values()
    }
    active = {one.id: one.group for one in directory.readers.values() if one.active}
    setting = Setting(
        chosen, sites, services, active,
        [duty for r in directory.readers.values() for duty in _duties(r, starts, ends)],
        _turns(directory, list(kinds.values()), chosen, starts, ends, now),
    )  # fmt: skip
    came = sorted(exams, key=lambda one: one.at)
    return setting, [
        Arrival(minutes_of(one.at), one.site, one.service, one.priority, minutes_of(one.due))
        for one in came
    ]


def _limits(directory: Directory, site: SiteId) -> dict[str, float]:
    return {name: float(n) for name, n in (directory.sites[site].targets or {}).items()}


def _turns(
    directory: Directory, kinds: Sequence[Exam], policy: Policy, starts: datetime,
    ends: datetime, now: datetime,
) -> list[tuple[float, Rings]]:  # fmt: skip
    """Who may read what, anew at each instant at which agreements' hours change."""
    known: dict[frozenset[object], Rings] = {}
    instants = {starts}.union(
        *(hours_change(one, starts, ends) for one in directory.agreements)
    )
    turns: list[tuple[float, Rings]] = []
    for at in sorted(instants):
        open_now = tuple(one for one in directory.agreements if within_hours(one, at))
        key = frozenset(one.id for one in open_now)
        if key not in known:
            known[key] = _rings(directory, kinds, policy, open_now, now)
        if not turns or turns[-1][1] is not known[key]:
            turns.append((minutes_of(at), known[key]))
    return turns


def _rings(
    directory: Directory, kinds: Sequence[Exam], policy: Policy, open_now: tuple[Agreement, ...],
    now: datetime,
) -> Rings:  # fmt: skip
    always = tuple(
        replace(one, window_start=None, window_end=None, weekdays=frozenset(), daily_cap=0)
        for one in open_now
    )
    judging = Judging(replace(directory, agreements=always), now)
    rings: dict[ReaderId, dict[tuple[SiteId, object, bool], int]] = defaultdict(dict)
    for kind in kinds:
        urgent = policy.levels[policy.level(kind.priority)].urgent
        for one in judging.eligible(kind.as_item(), now):
            reader = directory.readers[one]
            rings[one][kind.site, kind.service, urgent] = ring_of(
                own=reader.group == kind.owner_group,
                matched=kind.subspecialty in reader.certificates, advanced=kind.advanced,
            )  # fmt: skip
    return rings


def _duties(reader: Reader, starts: datetime, ends: datetime) -> list[Duty]:
    shifts = [one for one in reader.shifts if one.starts_at < ends and one.ends_at > starts]
    return [
        Duty(reader.id, minutes_of(one.starts_at), minutes_of(one.ends_at))
        for one in (shifts if _fills(shifts, starts, ends) else _repeated(reader, starts, ends))
    ]


def _fills(shifts: Sequence[Shift], starts: datetime, ends: datetime) -> bool:
    """Say whether a period's rosters reach back to its first week."""
    return bool(shifts) and min(one.starts_at for one in shifts) < min(starts + WEEK, ends)


def _repeated(reader: Reader, starts: datetime, ends: datetime) -> list[Shift]:
    """The fortnight on record, again and again over a period that has no roster."""
    if not reader.shifts:
        return []
    first = min(one.starts_at for one in reader.shifts)
    fortnight = [one for one in reader.shifts if one.starts_at < first + 2 * WEEK]
    back = -(-(first - starts) // (2 * WEEK)) + 1
    found = []
    for number in range(-back, -back + 3 + (ends - starts) // (2 * WEEK) + 1):
        moved = number * 2 * WEEK
        found += [
            replace(one, starts_at=one.starts_at + moved, ends_at=one.ends_at + moved)
            for one in fortnight
        ]
    return [one for one in found if one.starts_at < ends and one.ends_at > starts]


def last_month(now: datetime) -> tuple[datetime, datetime]:
    """The calendar month before `now`, in UTC."""
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first - timedelta(days=1)).replace(day=1), first
