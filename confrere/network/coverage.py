"""Where work is expected and nobody is rostered, before it happens. Pure.

Demand is how many exams of a subspecialty come in an hour of a weekday, on the group's clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from confrere.kernel.ids import GroupId
from confrere.network.agreements import IN_FORCE, SUSPENDED
from confrere.network.model import Agreement, Directory, Reader
from confrere.network.rosters import rostered
from confrere.network.wall_time import local_day, window_around

HOUR = timedelta(hours=1)
OWN, PARTNER, NOBODY, QUIET = "own", "partner", "nobody", "quiet"
EXPECTED = 0.2  # exams an hour from which on somebody should be there
Demand = Mapping[tuple[int, int, str], float]  # (weekday from Monday 0, hour, subspecialty)


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of one subspecialty: how much comes, and who is there."""

    at: datetime
    expected: float
    cover: str  # OWN, PARTNER, NOBODY, QUIET
    own: int
    partners: tuple[GroupId, ...] = ()  # whose rostered readers an agreement lets read
    unmanned: tuple[GroupId, ...] = ()  # an agreement would, but nobody is rostered there


@dataclass(frozen=True, slots=True)
class Gap:
    """Hours in a row in which nobody covers a subspecialty that is expected."""

    subspecialty: str
    starts_at: datetime
    ends_at: datetime
    expected: float  # exams in all
    remedy: str


def strip(
    directory: Directory, group: GroupId, subspecialty: str, demand: Demand, zone: str,
    since: datetime, days: int,
) -> tuple[Hour, ...]:  # fmt: skip
    """Judge every hour of the coming days for one subspecialty."""
    first = since.replace(minute=0, second=0, microsecond=0)
    clock = ZoneInfo(zone)
    lends = [
        one
        for one in directory.agreements
        if one.owner_group == group and one.state in (IN_FORCE, SUSPENDED)
    ]
    readers = [
        one
        for one in directory.readers.values()
        if one.active and subspecialty in one.subspecialties
    ]
    made = []
    for number in range(days * 24):
        at = first + number * HOUR
        wall = at.astimezone(clock)
        expected = demand.get((wall.weekday(), wall.hour, subspecialty), 0.0)
        made.append(_hour(readers, group, subspecialty, lends, at, expected))
    return tuple(made)


def gaps(hours: Sequence[Hour], subspecialty: str, names: Mapping[GroupId, str]) -> list[Gap]:
    """Put the uncovered hours of a strip together, each run with what would close it."""
    found: list[Gap] = []
    run: list[Hour] = []
    for one in (*hours, None):
        if one is not None and one.cover == NOBODY:
            run.append(one)
        elif run:
            found.append(_gap(run, subspecialty, names))
            run = []
    return found


def lent_at(agreement: Agreement, subspecialty: str, at: datetime) -> bool:
    """Say whether an agreement in force covers some exams of a subspecialty at an hour."""
    day = local_day(at, agreement.window_zone)
    if agreement.state != IN_FORCE or not agreement.starts_on <= day <= agreement.ends_on:
        return False
    if agreement.subspecialties and subspecialty not in agreement.subspecialties:
        return False
    start, end = agreement.window_start, agreement.window_end
    if start is None or end is None:
        return not agreement.weekdays or day.weekday() in agreement.weekdays
    zone = agreement.window_zone or "UTC"
    return window_around(at, start, end, zone, agreement.weekdays) is not None


def _hour(
    readers: Sequence[Reader], group: GroupId, subspecialty: str, lends: Sequence[Agreement],
    at: datetime, expected: float,
) -> Hour:  # fmt: skip
    middle = at + HOUR / 2
    own = rostered(readers, group, subspecialty, middle)
    there: list[GroupId] = []
    lacking: list[GroupId] = []
    for one in lends:
        if lent_at(one, subspecialty, middle):
            number = rostered(readers, one.reading_group, subspecialty, middle, group)
            (there if number else lacking).append(one.reading_group)
    cover = OWN if own else PARTNER if there else NOBODY if expected >= EXPECTED else QUIET
    return Hour(
        at, expected, cover, own, tuple(dict.fromkeys(there)), tuple(dict.fromkeys(lacking))
    )


def _gap(run: Sequence[Hour], subspecialty: str, names: Mapping[GroupId, str]) -> Gap:
    lacking = dict.fromkeys(group for one in run for group in one.unmanned)
    if lacking:
        named = " and ".join(names[one] for one in lacking)
        remedy = f"add a shift, or ask {named} to roster {subspecialty}: the agreement is there"
    else:
        remedy = "add a shift, or agree with a group that reads it at these hours"
    return Gap(
        subspecialty, run[0].at, run[-1].at + HOUR, sum(one.expected for one in run), remedy
    )
