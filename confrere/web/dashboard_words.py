"""How the dashboard writes figures: lengths, shares, changes. Pure."""

from dataclasses import dataclass

from confrere.analytics.turnaround import Share, Summary

NOT_MEASURED = "Not measured here"
_HOURS_FROM, _DAYS_FROM = 120, 2880  # minutes
_STEADY, _DIFFERS = 0.005, 0.05


@dataclass(frozen=True, slots=True)
class Amount:
    """A figure and its unit; an empty unit where nothing was measured."""

    value: str
    unit: str

    def __str__(self) -> str:
        return f"{self.value} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Change:
    """A change since the period before; `sense` is good, bad or empty, `arrow` up or down."""

    text: str
    sense: str = ""
    arrow: str = ""


def length(minutes: float | None) -> Amount:
    """Write minutes: below two hours as minutes, below two days as hours, then as days."""
    if minutes is None:
        return Amount(NOT_MEASURED, "")
    if minutes < _HOURS_FROM:
        return Amount(f"{minutes:.0f}" if minutes >= 10 else _tenths(minutes), "min")  # noqa: PLR2004
    if minutes < _DAYS_FROM:
        return Amount(_tenths(minutes / 60), "h")
    return Amount(_tenths(minutes / 1440), "d")


def percent(share: Share | None, absent: str = NOT_MEASURED) -> Amount:
    """Write a share as percent; 100 % only where nothing is missing from it."""
    if share is None:
        return Amount(absent, "")
    return Amount(_percent(share.value, share.part == share.of), "%")


def interval(share: Share | None) -> str:
    """Write the 95 % interval of a share."""
    if share is None:
        return ""
    return f"{share.low * 100:.1f}\N{EN DASH}{share.high * 100:.1f} %"


def change_of_count(now: int, before: int) -> Change:
    """Compare counts; neither direction is better."""
    if not before:
        return Change("nothing counted before")
    ratio = now / before - 1
    if abs(ratio) < _STEADY:
        return Change("as before")
    text = f"{abs(ratio) * 100:.1f} %, was {before:,}" if ratio < 1 else f"was {before:,}"
    return Change(text, "", "up" if ratio > 0 else "down")


def change_of_length(now: float | None, before: float | None) -> Change:
    """Compare lengths of time; shorter is better, and a twentieth counts as a difference."""
    if now is None or before is None:
        return Change("nothing measured before")
    by = now - before
    if abs(by) < _STEADY * max(before, 1):
        return Change("as before")
    text = f"{length(abs(by))}, was {length(before)}"
    sense = "" if abs(by) < _DIFFERS * before else "bad" if by > 0 else "good"
    return Change(text, sense, "up" if by > 0 else "down")


def change_of_share(now: Share | None, before: Share | None, *, judged: bool) -> Change:
    """Compare shares in points; where `judged`, more is better.

    Where the intervals overlap the change is told without a judgement: it may be chance.
    """
    if now is None or before is None:
        return Change("nothing measured before")
    by = (now.value - before.value) * 100
    if abs(by) < 0.05:  # noqa: PLR2004 - rounds to zero
        return Change("as before")
    text = f"{abs(by):.1f} points, was {before.value * 100:.1f} %"
    apart = now.low > before.high or now.high < before.low
    sense = ("good" if by > 0 else "bad") if judged and apart else ""
    return Change(text, sense, "up" if by > 0 else "down")


def excluded(summary: Summary) -> str:
    """Say what is left out, and why."""
    if not summary.excluded:
        return "none"
    parts = []
    if summary.missing:
        parts.append(f"{summary.missing:,} without a clock")
    if summary.negative:
        parts.append(f"{summary.negative:,} signed before exam complete")
    return ", ".join(parts)


def _tenths(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.1f}"


def _percent(value: float, whole: bool) -> str:
    text = f"{value * 100:.1f}"
    return text if whole or text != "100.0" else "99.9"
