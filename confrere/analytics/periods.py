"""Which exams are asked about, and how a period is cut into weeks or months. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, ReaderId, SiteId

LONGEST = timedelta(days=3 * 366)
_WEEKS_UP_TO = timedelta(days=26 * 7 + 6)
_WEEK, _DECEMBER = timedelta(days=7), 12


@dataclass(frozen=True, slots=True)
class Period:
    """Calendar days in a zone, both included; programs may narrow them to instants."""

    first: date
    last: date
    zone: str
    since_instant: datetime | None = None
    until_instant: datetime | None = None

    def __post_init__(self) -> None:
        if self.last < self.first or self.until <= self.since:
            raise Invalid("The period ends before it starts; swap its ends.", "to")
        if self.last - self.first > LONGEST:
            raise Invalid("Ask for at most three years.", "from")

    @property
    def since(self) -> datetime:
        """The instant at which it starts."""
        return self.since_instant or _midnight(self.first, self.zone)

    @property
    def until(self) -> datetime:
        """The instant at which it is over; not included."""
        return self.until_instant or _midnight(self.last + timedelta(days=1), self.zone)

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    @property
    def before(self) -> "Period":
        """The period of the same length that ends the day before."""
        if self.since_instant or self.until_instant:
            return between(self.since - (self.until - self.since), self.since, self.zone)
        length = timedelta(days=self.days)
        return Period(self.first - length, self.last - length, self.zone)

    @property
    def in_weeks(self) -> bool:
        """Say whether trends show its weeks; a long period shows months."""
        return self.last - self.first <= _WEEKS_UP_TO

    def starts(self) -> tuple[date, ...]:
        """The first day of each of its weeks (Mondays) or months; the first may be cut."""
        made = [self.first]
        while (following := self._next(made[-1])) <= self.last:
            made.append(following)
        return tuple(made)

    def edges(self) -> tuple[datetime, ...]:
        """The instants between which its weeks or months lie, one more than `starts`."""
        inner = (_midnight(one, self.zone) for one in self.starts()[1:])
        return (self.since, *inner, self.until)

    def is_whole(self, number: int) -> bool:
        """Say whether the week or month of that number is in it from first to last day."""
        start = self.starts()[number]
        following = self._next(start)
        whole = start.weekday() == 0 if self.in_weeks else start.day == 1
        cut = self.since_instant or self.until_instant
        return whole and not cut and following <= self.last + timedelta(days=1)

    def _next(self, day: date) -> date:
        if self.in_weeks:
            return day - timedelta(days=day.weekday()) + _WEEK
        year, month = (day.year + 1, 1) if day.month == _DECEMBER else (day.year, day.month + 1)
        return date(year, month, 1)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose exams, and which of them. `site` and `reader` narrow, empty texts do not.

    `lent` asks instead for what `groups` read for other groups. Row-level security stands
    below: a scope can narrow what the caller may see, never widen it.
    """

    groups: frozenset[GroupId]
    site: SiteId | None = None
    priority: str = ""
    modality: str = ""
    reader: ReaderId | None = None
    lent: bool = False


def between(since: datetime, until: datetime, zone: str) -> Period:
    """Return the period between two instants, the second not included."""
    there = ZoneInfo(zone)
    last = (until - timedelta(microseconds=1)).astimezone(there).date()
    return Period(since.astimezone(there).date(), last, zone, since, until)


def recent(today: date, zone: str, weeks: int = 12) -> Period:
    """Return the last weeks, the running one included."""
    monday = today - timedelta(days=today.weekday())
    return Period(monday - (weeks - 1) * _WEEK, today, zone)


def whole_months(today: date, zone: str, months: int = 12) -> Period:
    """Return the last complete calendar months."""
    last = today.replace(day=1) - timedelta(days=1)
    index = last.year * 12 + last.month - months
    return Period(date(index // 12, index % 12 + 1, 1), last, zone)


def weekday_counts(first: date, last: date) -> tuple[int, ...]:
    """How many Mondays, Tuesdays ... Sundays lie between two days, both included."""
    days = max(0, (last - first).days + 1)
    return tuple(days // 7 + ((n - first.weekday()) % 7 < days % 7) for n in range(7))


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone))
