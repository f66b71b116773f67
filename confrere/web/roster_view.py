"""A week's roster as a grid, and the coming fortnight's coverage as strips. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from confrere.kernel.ids import GroupId, ReaderId
from confrere.network.agreements import IN_FORCE
from confrere.network.coverage import (
    EXPECTED,
    NOBODY,
    OWN,
    PARTNER,
    QUIET,
    Demand,
    Gap,
    Hour,
    gaps,
    strip,
)
from confrere.network.model import Directory, Reader
from confrere.network.presence import Presence, Shift
from confrere.network.rosters import meant
from confrere.network.wall_time import day_starts

FORTNIGHT = 14
WORDS = {
    OWN: "own readers", PARTNER: "partners", NOBODY: "nobody", QUIET: "nobody, little expected",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chip:
    """One shift in the grid, on the group's clock."""

    shift: Shift
    starts: datetime
    ends: datetime
    tone: str  # day, evening, night or other

    @property
    def hours(self) -> str:
        """From and until, as the wall shows."""
        return f"{self.starts:%H:%M} to {self.ends:%H:%M}"


@dataclass(frozen=True, slots=True)
class Line:
    """One reader's week."""

    reader: Reader
    presence: Presence
    days: tuple[tuple[Chip, ...], ...]
    hours: float  # rostered in the week


@dataclass(frozen=True, slots=True)
class PartnerLine:
    """How many of a partner's readers are rostered for a subspecialty, by day."""

    group: str
    subspecialty: str
    days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Hours in a row that are covered alike: where in the strip, and how."""

    start: int
    length: int
    cover: str


@dataclass(frozen=True, slots=True)
class Strip:
    """The coming days of one subspecialty."""

    subspecialty: str
    runs: tuple[Run, ...]
    gaps: tuple[Gap, ...]
    told: str  # for who does not see the picture


def lines(
    readers: Iterable[Reader], shifts: Iterable[tuple[ReaderId, Shift]], week: Sequence[date],
    zone: str, now: datetime,
) -> list[Line]:  # fmt: skip
    """Make the grid: a shift stands on the day on which it starts."""
    clock, of_reader = ZoneInfo(zone), defaultdict(list)
    for whose, shift in shifts:
        of_reader[whose].append(_chip(shift, clock))
    made = []
    for one in sorted(readers, key=lambda reader: reader.name):
        chips = of_reader[one.id]
        days = tuple(tuple(c for c in chips if c.starts.date() == day) for day in week)
        spent = sum(
            ((c.ends - c.starts) / timedelta(hours=1) for day in days for c in day), 0.0
        )
        made.append(Line(one, one.presence(now), days, spent))
    return made


def partner_lines(
    directory: Directory, mine: GroupId, shifts: Iterable[tuple[ReaderId, Shift]],
    week: Sequence[date], zone: str,
) -> list[PartnerLine]:  # fmt: skip
    """Count partners' rostered readers, where an agreement in force lets them read for us."""
    of_day: dict[tuple[GroupId, str, date], set[ReaderId]] = defaultdict(set)
    known = directory.readers
    for whose, shift in shifts:
        reader = known.get(whose)
        if reader is None or not reader.active:
            continue
        for day in _days(shift, week, zone):
            for word in reader.subspecialties:
                if meant(reader, shift, mine, word, None):
                    of_day[reader.group, word, day].add(whose)
    wanted: dict[GroupId, set[str]] = defaultdict(set)
    for one in directory.agreements:
        if one.owner_group == mine and one.state == IN_FORCE:
            reads = {s for r in known.values() if r.group == one.reading_group
                     for s in r.subspecialties}  # fmt: skip
            wanted[one.reading_group] |= (one.subspecialties & reads) or (
                set() if one.subspecialties else reads
            )
    return [
        PartnerLine(
            directory.groups[group].name, word,
            tuple(len(of_day[group, word, day]) for day in week),
        )
        for group in sorted(wanted, key=lambda g: directory.groups[g].name)
        for word in sorted(wanted[group])
    ]  # fmt: skip


def strips(
    directory: Directory, mine: GroupId, demand: Demand, zone: str, now: datetime
) -> list[Strip]:
    """Judge the coming fortnight for every subspecialty that is expected, worst first."""
    words = {word for (_, _, word), expected in demand.items() if expected >= EXPECTED}
    names = {one.id: one.name for one in directory.groups.values()}
    made = [
        _strip(strip(directory, mine, word, demand, zone, now, FORTNIGHT), word, names)
        for word in words
    ]
    return sorted(made, key=lambda one: (-sum(g.expected for g in one.gaps), one.subspecialty))


def ticks(zone: str, now: datetime) -> list[tuple[int, date]]:
    """Where in a strip each day starts."""
    first = now.replace(minute=0, second=0, microsecond=0)
    today = now.astimezone(ZoneInfo(zone)).date()
    days = [today + timedelta(days=n) for n in range(1, FORTNIGHT + 1)]
    placed = [
        (round((day_starts(day, zone) - first) / timedelta(hours=1)), day) for day in days
    ]
    return [(at, day) for at, day in placed if at < FORTNIGHT * 24 - 6]


def _strip(hours: Sequence[Hour], word: str, names: Mapping[GroupId, str]) -> Strip:
    runs: list[Run] = []
    for number, one in enumerate(hours):
        if runs and runs[-1].cover == one.cover:
            runs[-1] = Run(runs[-1].start, runs[-1].length + 1, one.cover)
        else:
            runs.append(Run(number, 1, one.cover))
    counts = {kind: sum(one.cover == kind for one in hours) for kind in WORDS}
    told = ", ".join(f"{WORDS[kind]} {n} h" for kind, n in counts.items() if n)
    return Strip(word, tuple(runs), tuple(gaps(hours, word, names)), f"{word}: {told}")


def _chip(shift: Shift, clock: ZoneInfo) -> Chip:
    tone = shift.kind if shift.kind in ("day", "evening", "night") else "other"
    starts, ends = shift.starts_at.astimezone(clock), shift.ends_at.astimezone(clock)
    return Chip(shift, starts, ends, tone)


def _days(shift: Shift, week: Sequence[date], zone: str) -> list[date]:
    return [
        day
        for day in week
        if shift.starts_at < day_starts(day + timedelta(days=1), zone)
        and day_starts(day, zone) < shift.ends_at
    ]
