"""How long exams wait for their report, summed up. Pure.

Report turnaround is the final signature minus exam complete, on UTC instants (GRID). Quantiles
are linear, type 7 of Hyndman and Fan 1996, The American Statistician 50:361, which is what
PostgreSQL's `percentile_cont` computes. An interval that is missing or negative is left out of
every figure and counted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import floor, sqrt

METHOD = "linear (type 7 of Hyndman and Fan)"
FEW = 30  # below it a figure is indicative only
_Z = 1.959963984540054  # the normal distribution's 97.5th percentile


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole with its 95 % Wilson score interval; all three between 0 and 1."""

    part: int
    of: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Summary:
    """The turnaround of some exams. Lengths are minutes, absent where nothing was measured.

    `exams` are those counted in the period; `missing` and `negative` of them have no usable
    interval. `limited` of the measured have a limit, `in_limit` met it. `lent` of the
    `read_here` (those whose reader's group is known) were read by another group.
    """

    exams: int = 0
    missing: int = 0
    negative: int = 0
    median: float | None = None
    p90: float | None = None
    p95: float | None = None
    mean: float | None = None
    limited: int = 0
    in_limit: int = 0
    least_limit: float | None = None
    most_limit: float | None = None
    read_here: int = 0
    lent: int = 0
    synthetic: int = 0

    @property
    def measured(self) -> int:
        """How many exams have a usable interval."""
        return self.exams - self.excluded

    @property
    def excluded(self) -> int:
        """How many are left out of the figures."""
        return self.missing + self.negative

    @property
    def indicative(self) -> bool:
        """Say whether there are too few exams to rely on the figures."""
        return 0 < self.measured < FEW

    @property
    def within(self) -> Share | None:
        """The part reported within the limit; None where no limit is known."""
        return share(self.in_limit, self.limited)

    @property
    def lent_share(self) -> Share | None:
        """The part read by another group; None where no reader's group is known."""
        return share(self.lent, self.read_here)

    @property
    def limit(self) -> float | None:
        """The limit in minutes where it is the same for all, else None."""
        return self.least_limit if self.least_limit == self.most_limit else None


@dataclass(frozen=True, slots=True)
class Interval:
    """The instants of one exam that turnaround needs; aware, UTC or not."""

    complete_at: datetime | None
    final_at: datetime | None
    due_at: datetime | None = None

    @property
    def minutes(self) -> float | None:
        """From exam complete to the final signature; None where an end is missing.

        Differences of local times would be an hour off twice a year.
        """
        return _minutes(self.complete_at, self.final_at)


def quantile(ordered: Sequence[float], at: float) -> float:
    """Return a type 7 quantile of values in ascending order; ValueError when there are none."""
    if not ordered:
        raise ValueError("a quantile needs at least one value")
    place = (len(ordered) - 1) * at
    below = floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def share(part: int, of: int) -> Share | None:
    """Return a part of a whole with its interval (Wilson 1927); None of nothing."""
    if not of:
        return None
    p, zz = part / of, _Z * _Z
    middle = (p + zz / (2 * of)) / (1 + zz / of)
    half = _Z * sqrt(p * (1 - p) / of + zz / (4 * of * of)) / (1 + zz / of)
    # the ends are exact at 0 and 1; floating point misses them by a hair
    return Share(
        part, of, p, middle - half if part else 0.0, middle + half if part < of else 1.0
    )


def summarize(intervals: Iterable[Interval]) -> Summary:
    """Sum up the turnaround of some exams."""
    given = tuple(intervals)
    lengths = [one.minutes for one in given]
    valid = [one for one in given if one.minutes is not None and one.minutes >= 0]
    minutes = sorted(one.minutes for one in valid if one.minutes is not None)
    limits = [
        length for one in valid if (length := _minutes(one.complete_at, one.due_at)) is not None
    ]
    return Summary(
        exams=len(given),
        missing=sum(length is None for length in lengths),
        negative=sum(length is not None and length < 0 for length in lengths),
        median=quantile(minutes, 0.5) if minutes else None,
        p90=quantile(minutes, 0.9) if minutes else None,
        p95=quantile(minutes, 0.95) if minutes else None,
        mean=sum(minutes) / len(minutes) if minutes else None,
        limited=len(limits),
        in_limit=sum(
            one.due_at is not None and one.final_at is not None and one.final_at <= one.due_at
            for one in valid
        ),
        least_limit=min(limits, default=None),
        most_limit=max(limits, default=None),
    )


def _minutes(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None:
        return None
    # Python subtracts two times of one zone by the wall clock, which jumps twice a year
    return (end.astimezone(UTC) - start.astimezone(UTC)).total_seconds() / 60
