"""SQL of exams that a lead moved."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.kernel.ids import GroupId, ItemId, ReaderId
from confrere.worklist.board import Move
from confrere.worklist.tables import moves as t


def add(conn: Connection, values: dict[str, Any]) -> Move:
    """Keep a move."""
    return _move(conn.execute(sa.insert(t).values(**values).returning(t)).one())


def get(conn: Connection, key: UUID) -> Move | None:
    """One, as far as this connection may see it."""
    row = conn.execute(sa.select(t).where(t.c.id == key)).first()
    return _move(row) if row else None


def before(conn: Connection, key: UUID) -> dict[str, Any]:
    """How the exam stood before a move: the columns that the move changed."""
    found: dict[str, Any] = conn.execute(
        sa.select(t.c.before).where(t.c.id == key)
    ).scalar_one()
    return found


def last(conn: Connection, item: ItemId) -> Move | None:
    """The last move of an exam that was not taken back."""
    query = sa.select(t).where(t.c.item_id == item, t.c.taken_back_at.is_(None))
    row = conn.execute(query.order_by(t.c.at.desc()).limit(1)).first()
    return _move(row) if row else None


def take_back(conn: Connection, key: UUID, at: datetime) -> bool:
    """Mark a move as taken back, once; False when it was already."""
    done = (
        sa.update(t).where(t.c.id == key, t.c.taken_back_at.is_(None)).values(taken_back_at=at)
    )
    return conn.execute(done.returning(t.c.id)).first() is not None


def _move(r: Any) -> Move:
    return Move(
        r.id, GroupId(r.owner_group), ItemId(r.item_id),
        ReaderId(r.from_reader) if r.from_reader else None,
        GroupId(r.from_group) if r.from_group else None, r.from_name, r.was_held,
        ReaderId(r.to_reader), GroupId(r.to_group), r.to_name, r.moved_by, r.reason, r.at,
        r.taken_back_at,
    )  # fmt: skip
