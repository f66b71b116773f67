"""Spans of time, half open, and places in a list that goes from newest to oldest."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID


class Span(NamedTuple):
    """From `starts` on and before `ends`; None is an open end. Both are dates or instants."""

    starts: date | None = None
    ends: date | None = None


Spans = tuple[Span, ...]  # fits when one of them fits; an empty tuple fits nothing


class Place(NamedTuple):
    """Where a page ended: when its last row was changed, and that row's id."""

    changed: datetime
    id: UUID


def years_between(born: date, day: date) -> int:
    """Whole years of age on a day; somebody born on 29 February has a birthday on 1 March."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def in_effect(day: date, first: date | None, last: date | None) -> bool:
    """Say whether a day lies between two, both included; None is an open end."""
    return (first is None or first <= day) and (last is None or day <= last)


def common(one: Sequence[Span], other: Sequence[Span]) -> Spans:
    """Return what lies in a span of both."""
    met = (Span(_later(a, b), _earlier(a, b)) for a in one for b in other)
    return tuple(s for s in met if s.starts is None or s.ends is None or s.starts < s.ends)


def _later(a: Span, b: Span) -> date | None:
    return max((s.starts for s in (a, b) if s.starts is not None), default=None)


def _earlier(a: Span, b: Span) -> date | None:
    return min((s.ends for s in (a, b) if s.ends is not None), default=None)
