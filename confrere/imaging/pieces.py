"""Exams that came in pieces: found for a person, who merges, splits or leaves them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from confrere.imaging import store_pieces as store
from confrere.imaging.correcting import said
from confrere.imaging.model import Study
from confrere.kernel.errors import Conflict
from confrere.kernel.ids import GroupId, OrderId

LATELY = timedelta(days=30)
ONE_ORDER, ONE_STUDY, MOVED = "one order, several studies", "several orders, one study", (
    "images came to a study that was moved away"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pieces:
    """One exam in pieces. `subject` is the order, or the study, that it is about."""

    kind: str
    subject: UUID
    studies: tuple[Study, ...]
    orders: tuple[OrderId, ...]


def found(conn: Connection, owner: GroupId, now: datetime) -> list[Pieces]:
    """A group's exams in pieces of the last 30 days that nobody has settled."""
    ties = store.tied(conn, owner, now - LATELY)
    known = store.settled(conn, owner)
    by_order: dict[UUID, list[Study]] = {}
    by_study: dict[UUID, list[UUID]] = {}
    studies = {study.id: study for _, study in ties}
    for order, study in ties:
        by_order.setdefault(order, []).append(study)
        by_study.setdefault(study.id, []).append(order)
    listed = [
        Pieces(ONE_ORDER, order, tuple(each), (OrderId(order),))
        for order, each in by_order.items()
        if len(each) > 1
    ]
    listed += [
        Pieces(ONE_STUDY, key, (studies[key],), _ids(each))  # type: ignore[index]
        for key, each in by_study.items()
        if len(each) > 1
    ]
    listed += [
        Pieces(MOVED, study.id, (study,), ()) for study in store.came_after_a_move(conn, owner)
    ]
    return [one for one in listed if one.subject not in known]


def settle(
    conn: Connection, owner: GroupId, subject: UUID, words: str, by: str, now: datetime
) -> None:
    """Leave an exam as it is, saying why; raises Conflict when it was settled."""
    why = said(words)
    values = {
        "owner_group": owner, "subject": subject, "words": why, "by_name": by, "at": now,
    }  # fmt: skip
    if not store.settle(conn, values):
        raise Conflict("this was settled already; reload the list")


def _ids(orders: Sequence[UUID]) -> tuple[OrderId, ...]:
    return tuple(OrderId(one) for one in orders)
