"""Whether a sender's clock is right, from when its messages say they were sent. Pure.

A message's own time (MSH-7) less the time it arrived is the sender's clock less ours, less the
way it took. The median of many is the clock, where they lie close together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import quantiles

LEAST = 5  # messages, below which nothing is said
MOST = 50  # the newest that are looked at
TOLERATED = timedelta(minutes=2)
STEADY = timedelta(minutes=1)  # half of them lie within this
HALF_HOUR = timedelta(minutes=30)
NEAR = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Skew:
    """A sender's clock against ours; ahead is positive. `spread` holds the middle half."""

    median: timedelta
    spread: timedelta
    messages: int

    @property
    def is_off(self) -> bool:
        """Say whether the clock is wrong, steadily."""
        return abs(self.median) >= TOLERATED and self.spread <= STEADY

    @property
    def is_late(self) -> bool:
        """Say whether messages come long after they were made, each after another time."""
        return self.median <= -TOLERATED and self.spread > STEADY

    @property
    def holds(self) -> bool:
        """Say whether times of this sender can be taken as they are."""
        return abs(self.median) < TOLERATED

    @property
    def words(self) -> str:
        """What is wrong, and what helps; empty where nothing is."""
        if self.holds:
            return ""
        size = _written(abs(self.median))
        if self.is_late:
            return (
                f"its messages come {size} late in the middle: look for a queue that was "
                "stopped, or one that sends in batches"
            )
        way = "ahead of" if self.median > timedelta() else "behind"
        if not self.is_off:
            return f"its times are {size} {way} ours, and vary: look at its clock first"
        if _is_zone(self.median):
            return (
                f"its clock is {size} {way} ours, steadily: that is a time zone. Let it send "
                "times with their offset (as 20260101120000-0600), or correct the site's zone"
            )
        return f"its clock is {size} {way} ours, steadily: set it by a time server (NTP)"


def skew_of(differences: Sequence[timedelta]) -> Skew | None:
    """Sum up MSH-7 less arrival of a sender's newest messages; None where they are too few."""
    if len(differences) < LEAST:
        return None
    seconds = [one.total_seconds() for one in differences[:MOST]]
    low, middle, high = quantiles(seconds, n=4, method="inclusive")
    return Skew(timedelta(seconds=middle), timedelta(seconds=high - low), len(seconds))


def _is_zone(median: timedelta) -> bool:
    rest = abs(median) % HALF_HOUR
    return abs(median) >= HALF_HOUR - NEAR and min(rest, HALF_HOUR - rest) <= NEAR


def _written(length: timedelta) -> str:
    minutes = round(length / timedelta(minutes=1))
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else ""]
    return " ".join(part for part in parts if part)
