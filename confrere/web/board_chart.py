"""The board's chart as shapes: reading that falls due each hour against readers. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from zoneinfo import ZoneInfo

from confrere.worklist.board import Due

HOURS = 12
STEP, TALL = 50, 120  # of the picture: an hour across, the tallest value up
_GAP = 6


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a bar: `kind` is held, offered or nobody."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour."""

    x: float
    width: float
    label: str  # when the hour begins, on the lead's clock
    parts: tuple[Part, ...]
    short: bool  # more falls due than the readers there can read
    due: Due


@dataclass(frozen=True, slots=True)
class Chart:
    """The whole picture. `line` is the readers' steps, as points of a polyline."""

    width: int
    height: int
    bars: tuple[Bar, ...]
    line: str
    ticks: tuple[tuple[int, float], ...]  # value, y
    short: int  # in how many hours it is too much

    @property
    def told(self) -> str:
        """The picture for who does not see it."""
        exams = sum(one.due.exams for one in self.bars)
        work = sum(one.due.work for one in self.bars)
        return (
            f"{exams} exams fall due in the next {len(self.bars)} hours, {work:.1f} hours of "
            f"reading; in {self.short} of these hours more falls due than own readers can read"
        )


def chart(hours: Sequence[Due], zone: str) -> Chart:
    """Draw the hours; `zone` is the IANA zone of the labels."""
    most = max([1, *(ceil(max(one.work, one.readers)) for one in hours)])
    scale = TALL / most
    bars = tuple(_bar(n, one, scale, zone) for n, one in enumerate(hours))
    points = []
    for n, one in enumerate(hours):
        y = TALL - one.readers * scale
        points += [f"{n * STEP:g},{y:.1f}", f"{(n + 1) * STEP:g},{y:.1f}"]
    apart = max(1, ceil(most / 4))
    ticks = tuple((value, TALL - value * scale) for value in range(0, most + 1, apart))
    return Chart(
        STEP * len(hours), TALL, bars, " ".join(points), ticks, sum(one.short for one in bars)
    )


def _bar(n: int, due: Due, scale: float, zone: str) -> Bar:
    parts, base = [], float(TALL)
    for kind, value in (("held", due.held), ("offered", due.offered), ("nobody", due.nobody)):
        if value:
            base -= value * scale
            parts.append(Part(kind, base, value * scale))
    label = f"{due.starts.astimezone(ZoneInfo(zone)):%H:%M}" if n else "now"
    return Bar(
        n * STEP + _GAP, STEP - 2 * _GAP, label, tuple(parts), due.work > due.readers, due
    )
