"""Whether a reader took what pays more for the minute, beyond chance. Pure.

Two kinds of choice count. Of what was offered, a reader takes some and declines others: were
it by lot, every choice of that many would be as likely, so the mean rate of what was taken has
the mean of all as its expectation, and the finite-population variance. A claim out of turn is
one exam from those that were open then: by lot its rate has their mean and variance. The index
is the mean difference from those expectations; its interval rests on those variances and the
normal distribution. Rates are wRVU per minute of expected reading, the index wRVU per hour.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, variance

from confrere.analytics.turnaround import Share, quantile, share
from confrere.worklist.taking import Chose, Declined, Took

FEWEST = 11  # decided offers and claims out of turn; with fewer nothing is said
_Z = 1.959963984540054  # the normal distribution's 97.5th percentile
_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Index:
    """How much more wRVU an hour what was taken has than what it was chosen from."""

    value: float
    low: float
    high: float
    choices: int  # exams taken that it rests on

    @property
    def beyond_chance(self) -> bool:
        """Say whether zero lies outside the interval."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Quarter:
    """A quarter of the decided offers by rate, the lowest first; bounds in wRVU an hour."""

    low: float
    high: float
    declined: Share | None


@dataclass(frozen=True, slots=True)
class Picking:
    """What is said of one reader and period. `quarters` and `index` are None with too few."""

    offered: int
    taken: int  # in turn
    out_of_turn: int
    declined: int
    reasons: Mapping[str, int]
    unvalued: int  # choices about exams without a wRVU, left out of rates
    quarters: tuple[Quarter, ...] | None
    index: Index | None
    synthetic: int = 0

    @property
    def decided(self) -> int:
        """Offers that were taken or declined."""
        return self.taken + self.declined

    @property
    def few(self) -> bool:
        """Say whether there are too few choices to say anything."""
        return self.decided + self.out_of_turn < FEWEST

    @property
    def decline_rate(self) -> Share | None:
        """The part of the decided offers that was declined."""
        return share(self.declined, self.decided)


def picking(chose: Chose) -> Picking:
    """Sum up one reader's choices. A claim that ended in a decline counts as the decline."""
    declines = {one.item: one for one in chose.declined}
    kept = [
        one
        for one in {t.item: t for t in chose.took}.values()
        if one.item not in declines or declines[one.item].at < one.at
    ]
    in_turn = [one for one in kept if one.in_turn]
    out = [one for one in kept if not one.in_turn]
    rates = [one.rate for one in kept] + [one.rate for one in declines.values()]
    made = Picking(
        chose.offered, len(in_turn), len(out), len(declines),
        dict(Counter(one.reason for one in declines.values()).most_common()),
        rates.count(None), None, None, chose.synthetic,
    )  # fmt: skip
    if made.few:
        return made
    return Picking(
        made.offered, made.taken, made.out_of_turn, made.declined, made.reasons, made.unvalued,
        quarters(in_turn, tuple(declines.values())), index(in_turn, tuple(declines.values()), out),
        made.synthetic,
    )  # fmt: skip


def index(
    taken: Sequence[Took], declined: Sequence[Declined], out_of_turn: Sequence[Took]
) -> Index | None:
    """The index over offers and claims out of turn; None where there was nothing to choose."""
    rates = [one.rate for one in taken if one.rate is not None]
    seen = [*rates, *(one.rate for one in declined if one.rate is not None)]
    excess, spread, count = 0.0, 0.0, 0
    if rates and len(seen) > len(rates):
        mean = fmean(seen)
        excess += sum(rate - mean for rate in rates)
        spread += len(rates) * variance(seen) * (1 - len(rates) / len(seen))
        count += len(rates)
    for one in out_of_turn:
        known = one.open_mean is not None and one.open_variance is not None
        if one.rate is not None and known and one.open_count > 1:
            assert one.open_mean is not None  # noqa: S101 - known says so
            assert one.open_variance is not None  # noqa: S101 - known says so
            excess += one.rate - one.open_mean
            spread += one.open_variance
            count += 1
    if not count or not spread:
        return None
    value, half = excess / count * _MINUTES, _Z * sqrt(spread) / count * _MINUTES
    return Index(value, value - half, value + half, count)


def quarters(taken: Sequence[Took], declined: Sequence[Declined]) -> tuple[Quarter, ...] | None:
    """The decline rate in each quarter of the decided offers by rate; None without any.

    Bounds are type 7 quantiles; what lies on a bound belongs to the quarter below it.
    """
    pairs = [(one.rate, False) for one in taken if one.rate is not None]
    pairs += [(one.rate, True) for one in declined if one.rate is not None]
    if not pairs:
        return None
    ordered = sorted(rate for rate, _ in pairs)
    bounds = [quantile(ordered, at) for at in (0, 0.25, 0.5, 0.75, 1)]
    counts = [[0, 0] for _ in range(4)]
    for rate, was_declined in pairs:
        n = next((n for n in range(3) if rate <= bounds[n + 1]), 3)
        counts[n][0] += was_declined
        counts[n][1] += 1
    return tuple(
        Quarter(bounds[n] * _MINUTES, bounds[n + 1] * _MINUTES, share(*counts[n]))
        for n in range(4)
    )
