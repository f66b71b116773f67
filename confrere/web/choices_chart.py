"""A reader's choices as shapes: decline rates by quarter, and an index on its scale. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from confrere.analytics.cherry_picking import Index, Quarter

TALL, STEP, WIDE = 110, 150, 240
_LEAST = 1.0  # wRVU an hour: the scale is never finer, so that nothing small looks large


@dataclass(frozen=True, slots=True)
class Bar:
    """One quarter: its declined part with its interval, as heights from the top."""

    x: float
    y: float
    height: float
    low_y: float
    high_y: float
    range: str
    told: str


@dataclass(frozen=True, slots=True)
class Scale:
    """A line from -most to +most wRVU an hour, WIDE across."""

    most: float

    def at(self, value: float) -> float:
        """Where a value stands; what lies beyond stands at the end."""
        inside = max(-self.most, min(self.most, value))
        return (inside / self.most + 1) * WIDE / 2


def quarter_bars(quarters: Sequence[Quarter] | None) -> tuple[Bar, ...]:
    """Draw the quarters."""
    made = []
    for n, one in enumerate(quarters or ()):
        ends = f"{one.low:.1f} to {one.high:.1f}"
        if one.declined is None:
            made.append(Bar(n * STEP, TALL, 0, TALL, TALL, ends, "no offers"))
            continue
        told = f"{one.declined.part} of {one.declined.of}"
        made.append(Bar(
            n * STEP, TALL * (1 - one.declined.value), TALL * one.declined.value,
            TALL * (1 - one.declined.low), TALL * (1 - one.declined.high), ends, told,
        ))  # fmt: skip
    return tuple(made)


def scale(indices: Sequence[Index]) -> Scale:
    """Make the scale on which all of these fit."""
    ends = [abs(end) for one in indices for end in (one.low, one.high)]
    return Scale(float(ceil(max([_LEAST, *ends]))))
