"""Wall clocks and the instants they mean, on the two odd nights of the year too. Pure.

A wall time names one instant. In the hour that the clocks skip it names the first instant
after the gap; in the hour that they show twice, the first time. So windows that meet on the
wall meet in time: none leaves a gap, none overlaps.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Choices:
    """What a wall time may mean: one instant, two (shown twice), or none (skipped).

    For a skipped one, `around` holds what a clock that was not, or was already, put forward
    shows at that moment: the two wall times a person may have meant.
    """

    instants: tuple[datetime, ...]
    around: tuple[datetime, ...] = ()


def choices(day: date, wall: time, zone: str) -> Choices:
    """Find every instant at which clocks in `zone` show this; instants are aware UTC."""
    there = datetime.combine(day, wall, ZoneInfo(zone))
    early = there.replace(fold=0).astimezone(UTC)
    late = there.replace(fold=1).astimezone(UTC)
    if early == late:
        return Choices((early,))
    if early < late:
        return Choices((early, late))
    # in a gap the two readings lie on its two sides
    return Choices((), (late.astimezone(ZoneInfo(zone)), early.astimezone(ZoneInfo(zone))))


def instant_of(day: date, wall: time, zone: str) -> datetime:
    """Give the one instant a wall time names, in aware UTC."""
    found = choices(day, wall, zone)
    if found.instants:
        return found.instants[0]
    low, high = (one.astimezone(UTC) for one in found.around)
    return _edge(low, high, ZoneInfo(zone))


def window_around(
    at: datetime, start: time, end: time, zone: str, weekdays: frozenset[int] = frozenset()
) -> tuple[datetime, datetime] | None:
    """Find the daily window that holds `at`, half open; None when none does.

    A window that starts no earlier than it ends runs past midnight and belongs to the day on
    which it starts; `weekdays` (Monday 0; empty: all) are days on which windows start.
    """
    today = at.astimezone(ZoneInfo(zone)).date()
    for day in (today, today - ONE_DAY):
        if weekdays and day.weekday() not in weekdays:
            continue
        begins = instant_of(day, start, zone)
        ends = instant_of(day if start < end else day + ONE_DAY, end, zone)
        if begins <= at < ends:
            return begins, ends
    return None


def local_day(at: datetime, zone: str) -> date:
    """The calendar day of an instant in a zone; UTC where none is given."""
    return at.astimezone(ZoneInfo(zone or "UTC")).date()


def day_starts(day: date, zone: str) -> datetime:
    """The first instant of a calendar day."""
    return instant_of(day, time(), zone or "UTC")


def is_zone(name: str) -> bool:
    """Say whether this is the name of a place's clock, as America/Chicago."""
    try:
        return name in available_timezones() and bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError):
        return False


def _edge(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The instant between two at which the zone's offset changes, to the minute."""
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(minutes=1):
        middle = low + (high - low) / 2
        middle = middle.replace(second=0, microsecond=0)
        if middle <= low:
            break
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high
