"""Who is on duty when: weeks of day, evening and night shifts in each group's own time. Pure."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from confrere.demo.people import ALWAYS, GENERALIST, ROTA, ReaderPlan
from confrere.network.presence import Shift

FIRST_DAY, LAST_DAY = -1, 14  # around the day of `now`
DAY, EVENING, NIGHT, CALL = "day", "evening", "night", "call"
_HOURS = {DAY: (7, 15), EVENING: (15, 23), NIGHT: (23, 7), CALL: (0, 0)}
_SATURDAY = 5


def duty(readers: Sequence[ReaderPlan], zone: str, now: datetime) -> dict[str, list[Shift]]:
    """The shifts of one group's readers, by their key, from yesterday for a fortnight.

    A calendar day always gets the same shifts, whatever `now` is, so that a later start
    only adds what is missing. At any instant one generalist is on duty; a group
    needs three.
    """
    today = now.astimezone(ZoneInfo(zone)).date()
    days = [today + timedelta(days=n) for n in range(FIRST_DAY, LAST_DAY + 1)]
    rota = [one for one in readers if one.duty == ROTA]
    made: dict[str, list[Shift]] = {one.key: [] for one in readers}
    for day in days:
        for key, kind in _roster(rota, day):
            made[key].append(_shift(day, kind, ZoneInfo(zone)))
        for one in readers:
            if one.duty == ALWAYS:
                made[one.key].append(_shift(day, CALL, ZoneInfo(zone)))
    return made


def _roster(staff: Sequence[ReaderPlan], day: date) -> Iterator[tuple[str, str]]:
    """Generalists take nights and evenings by the week; weekends keep one reader a shift."""
    week = day.toordinal() // 7
    general = [one.key for one in staff if set(one.subspecialties) >= GENERALIST]
    turns = (NIGHT, EVENING, DAY)
    taken = {general[(week + n) % len(general)]: kind for n, kind in enumerate(turns)}
    yield from taken.items()
    if day.weekday() < _SATURDAY:
        yield from ((one.key, DAY) for one in staff if one.key not in taken)


def _shift(day: date, kind: str, zone: ZoneInfo) -> Shift:
    start, end = _HOURS[kind]
    last = day if end > start else day + timedelta(days=1)
    return Shift(_instant(day, start, zone), _instant(last, end, zone), kind)


def _instant(day: date, hour: int, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(hour), zone).astimezone(UTC)
