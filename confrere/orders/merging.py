"""Which of an order's messages counts, by the time it was said. Pure.

Messages of one system may come in any order and more than once: an older one only fills what is
empty. A status only goes on: an exam that is complete, reported or cancelled stays it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from confrere.orders.model import (
    AHEAD,
    CANCELLED,
    COMPLETE,
    IN_PROGRESS,
    ORDERED,
    REPORTED,
    TOLD,
    Order,
    OrderContent,
)

STEPS = (ORDERED, IN_PROGRESS, COMPLETE, REPORTED, CANCELLED)
AHEAD_OF_US = timedelta(minutes=5)
Heard = Mapping[str, str]  # system -> when its newest message was said, ISO 8601


def is_old(content: OrderContent, heard: Heard) -> bool:
    """Say whether a newer message of the same system was taken in already."""
    return _is_before(content.said_at, heard.get(content.said_by))


def plausible(before: Order | None, came: OrderContent) -> tuple[OrderContent, str]:
    """Put an exam that would be complete in the future at when we heard of it; say who tells.

    A due time must not rest on a clock that is plainly wrong. Heard again, the first time
    stays.
    """
    at, heard = came.exam_complete_at, came.heard_at
    if at is None or heard is None or at <= heard + AHEAD_OF_US:
        return came, TOLD
    if before and before.clock_source == AHEAD and before.content.exam_complete_at:
        heard = min(heard, before.content.exam_complete_at)
    return replace(came, exam_complete_at=heard), AHEAD


def merged(before: OrderContent, came: OrderContent, heard: Heard) -> OrderContent:
    """Join what is known with a message; what it leaves out stays as it was."""
    old = is_old(came, heard)
    first, second = (before, came) if old else (came, before)
    fields = {
        name: getattr(first, name) or getattr(second, name) for name in OrderContent.__slots__
    }
    return replace(
        OrderContent(**fields),
        status=max(before.status, came.status, key=STEPS.index),
        exam_complete_at=_complete_at(before, came, heard.get(_completing(came))),
    )


def _complete_at(
    before: OrderContent, came: OrderContent, newest: str | None
) -> datetime | None:
    one, other = before.exam_complete_at, came.exam_complete_at
    if one is None or other is None:
        return one or other
    if came.said_at is not None and newest == came.said_at.isoformat():
        return max(one, other)  # said in the same second
    return one if _is_before(came.said_at, newest) else other


def heard_now(content: OrderContent, heard: Heard) -> dict[str, str]:
    """What has been heard once this message is taken in."""
    names = [content.said_by, *([_completing(content)] if content.exam_complete_at else [])]
    at = content.said_at
    if at is None:
        return dict(heard)
    return {**heard, **{n: at.isoformat() for n in names if not _is_before(at, heard.get(n))}}


def _completing(content: OrderContent) -> str:
    return f"{content.said_by} complete"


def _is_before(at: datetime | None, newest: str | None) -> bool:
    return at is not None and newest is not None and at < datetime.fromisoformat(newest)
