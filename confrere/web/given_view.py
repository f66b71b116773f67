"""What two groups read for one another, as the page and its files show it. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from confrere.analytics.periods import Period
from confrere.analytics.store_exchange import Exchange, Flow
from confrere.analytics.turnaround import Summary
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId
from confrere.network.agreements import IN_FORCE, SUSPENDED
from confrere.network.model import Agreement, Directory
from confrere.orders.priorities import NAMES
from confrere.worklist.taking import Offers

MONTHS = 12
GIVEN, TAKEN = "given", "taken"
WORDS = {GIVEN: "they read for you", TAKEN: "you read for them"}
TALL, STEP, BAR = 112, 44, 15  # of the picture: its height, width of a month and of a bar


@dataclass(frozen=True, slots=True)
class Line:
    """One direction of a pair, or one kind of it. `declined` is told for own readers alone."""

    name: str
    summary: Summary
    wrvu: Decimal
    unvalued: int
    offers: Offers | None = None
    declined: int | None = None


@dataclass(frozen=True, slots=True)
class Month:
    """One month of a pair: wRVU each way, and the balance up to its end."""

    starts: date
    given: Decimal
    taken: Decimal
    exams_given: int
    exams_taken: int
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Bar:
    """A month as shapes: the taken bar goes up from the middle, the given one down."""

    x: float
    up: float
    down: float
    label: str
    month: Month


@dataclass(frozen=True, slots=True)
class Pair:
    """The own group and one partner."""

    partner: GroupId
    name: str
    agreements: tuple[tuple[str, str], ...]  # direction, title
    totals: Mapping[str, Line]  # by direction
    kinds: Mapping[str, tuple[Line, ...]]  # by direction, of each subspecialty
    levels: Mapping[str, tuple[Line, ...]]
    months: tuple[Month, ...]
    bars: tuple[Bar, ...] = field(default=())
    curve: str = ""  # of the balance, a polyline's points
    zero: float = 0.0  # how far down the picture nought stands
    most: Decimal = Decimal(0)  # wRVU at the picture's top, and below at its foot
    least: Decimal = Decimal(0)

    @property
    def balance(self) -> Decimal:
        """What was read for them less what they read, in wRVU, in the month shown."""
        return self.totals[TAKEN].wrvu - self.totals[GIVEN].wrvu


@dataclass(frozen=True, slots=True)
class Asked:
    """The month asked for, and the twelve that end with it."""

    month: Period
    year: Period

    @property
    def value(self) -> str:
        """The month as the picker holds it."""
        return f"{self.month.first:%Y-%m}"


@dataclass(frozen=True, slots=True)
class Found:
    """What was counted."""

    exchanges: Sequence[Exchange]
    flows: Sequence[Flow]
    offers: Mapping[tuple[GroupId, GroupId], Offers]
    declined: Mapping[GroupId, int]


def asked(text: str, today: date, zone: str) -> Asked:
    """Read the month; empty is this one. Raises Invalid for what is no month that began."""
    try:
        first = date.fromisoformat(f"{text}-01") if text else today.replace(day=1)
    except ValueError:
        raise Invalid("Choose a month, as 2026-03.", "month") from None
    if first > today or first.year < 2000:  # noqa: PLR2004
        raise Invalid("Choose a month that has begun.", "month")
    last = _end(first)
    return Asked(Period(first, last, zone), Period(_back(first, MONTHS - 1), last, zone))


def months_before(today: date) -> list[tuple[str, str]]:
    """The months that the picker offers, this one first: value and name."""
    starts = [_back(today.replace(day=1), n) for n in range(MONTHS)]
    return [(f"{one:%Y-%m}", f"{one:%B %Y}") for one in starts]


def pairs(asking: Asked, found: Found, mine: GroupId, directory: Directory) -> list[Pair]:
    """One pair for each group with an agreement, or an exam that went either way."""
    partners = {
        group
        for one in directory.agreements
        if one.state in (IN_FORCE, SUSPENDED) and mine in (one.owner_group, one.reading_group)
        for group in (one.owner_group, one.reading_group)
    }
    partners |= {group for e in found.exchanges for group in (e.owner, e.reading)}
    partners |= {group for f in found.flows for group in (f.owner, f.reading)}
    names = {one: directory.groups[one].name for one in partners - {mine}}
    return [
        _pair(asking, found, mine, partner, names[partner], directory.agreements)
        for partner in sorted(names, key=lambda one: names[one])
    ]


def _pair(
    asking: Asked, found: Found, mine: GroupId, partner: GroupId, name: str,
    agreements: Sequence[Agreement],
) -> Pair:  # fmt: skip
    ways = {GIVEN: (mine, partner), TAKEN: (partner, mine)}
    totals, kinds, levels = {}, {}, {}
    for way, ends in ways.items():
        theirs = [one for one in found.exchanges if (one.owner, one.reading) == ends]
        whole = [one for one in theirs if one.subspecialty is None and one.priority is None]
        declined = found.declined.get(partner, 0) if way == TAKEN else None
        totals[way] = _line(whole, WORDS[way], found.offers.get(ends), declined)
        kinds[way] = tuple(
            _line([one], one.subspecialty or "untyped")
            for one in sorted(theirs, key=lambda e: (-e.wrvu, e.subspecialty or ""))
            if one.subspecialty is not None
        )
        levels[way] = tuple(
            _line([one], NAMES.get(one.priority, one.priority))
            for one in sorted(theirs, key=lambda e: _rank(e.priority))
            if one.priority is not None
        )
    months = _months(asking.year, found.flows, ways)
    titles = tuple(
        (way, one.title)
        for way, ends in ways.items()
        for one in agreements
        if (one.owner_group, one.reading_group) == ends and one.state in (IN_FORCE, SUSPENDED)
    )
    return Pair(partner, name, titles, totals, kinds, levels, months, *_drawn(months))


def _line(
    found: Sequence[Exchange], name: str, offers: Offers | None = None,
    declined: int | None = None,
) -> Line:  # fmt: skip
    if not found:
        return Line(name, Summary(), Decimal(0), 0, offers, declined)
    (one,) = found
    return Line(name, one.turnaround, one.wrvu, one.unvalued, offers, declined)


def _months(
    year: Period, flows: Sequence[Flow], ways: Mapping[str, tuple[GroupId, GroupId]]
) -> tuple[Month, ...]:
    of: dict[tuple[str, int], Flow] = {}
    for one in flows:
        for way, ends in ways.items():
            if (one.owner, one.reading) == ends:
                of[way, one.month] = one
    sums: dict[str, Decimal] = defaultdict(Decimal)
    made = []
    for n, starts in enumerate(year.starts()):
        both = {way: of.get((way, n)) for way in ways}
        for way, flow in both.items():
            sums[way] += flow.wrvu if flow else Decimal(0)
        given, taken = both[GIVEN], both[TAKEN]
        made.append(Month(
            starts, given.wrvu if given else Decimal(0), taken.wrvu if taken else Decimal(0),
            given.exams if given else 0, taken.exams if taken else 0, sums[TAKEN] - sums[GIVEN],
        ))  # fmt: skip
    return tuple(made)


def _drawn(
    months: Sequence[Month],
) -> tuple[tuple[Bar, ...], str, float, Decimal, Decimal]:
    most = max([Decimal(0), *(max(one.taken, one.balance) for one in months)])
    least = max([Decimal(0), *(max(one.given, -one.balance) for one in months)])
    scale = TALL / float(most + least or 1)
    zero = float(most) * scale
    bars = tuple(
        Bar(
            n * STEP,
            float(one.taken) * scale,
            float(one.given) * scale,
            f"{one.starts:%b}",
            one,
        )
        for n, one in enumerate(months)
    )
    points = " ".join(
        f"{n * STEP + STEP / 2:g},{zero - float(one.balance) * scale:.1f}"
        for n, one in enumerate(months)
    )
    return bars, points, zero, most, least


def _rank(priority: str | None) -> int:
    known = list(NAMES)
    return known.index(priority) if priority in known else len(known)


def _back(first: date, months: int) -> date:
    index = first.year * 12 + first.month - 1 - months
    return date(index // 12, index % 12 + 1, 1)


def _end(first: date) -> date:
    following = (datetime(first.year, first.month, 28) + timedelta(days=4)).replace(day=1)  # noqa: DTZ001
    return following.date() - timedelta(days=1)
