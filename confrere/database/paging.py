"""Conditions that searches of several parts share: spans of time, literal text, pages."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from confrere.kernel.periods import Place, Span

Condition = sa.ColumnElement[bool]


def within(column: Any, spans: Iterable[Span]) -> Condition:
    """Lies in one of the spans."""
    return any_of(
        sa.and_(
            column.is_not(None),
            *([column >= span.starts] if span.starts is not None else []),
            *([column < span.ends] if span.ends is not None else []),
        )
        for span in spans
    )


def any_of(conditions: Iterable[Condition]) -> Condition:
    """Return that one holds; of none, none does."""
    return sa.or_(sa.false(), *conditions)


def older(changed: Any, key: Any, place: Place | None) -> Condition:
    """Come after `place` in a list sorted by `changed` and `key`, both descending."""
    if place is None:
        return sa.true()
    return sa.tuple_(changed, key) < sa.tuple_(sa.literal(place.changed), sa.literal(place.id))
