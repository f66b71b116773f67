"""SQL of what sites' own systems said of who reads an exam there."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.kernel.ids import OrderId
from confrere.worklist.elsewhere import Said
from confrere.worklist.tables import outside_words as t


def add(conn: Connection, values: dict[str, Any]) -> bool:
    """Keep a word; False when it is kept already."""
    made = insert(t).values(**values).on_conflict_do_nothing().returning(t.c.id)
    return conn.execute(made).first() is not None


def words_of(conn: Connection, orders: Sequence[OrderId]) -> list[Said]:
    """All that was said of these orders."""
    query = sa.select(t).where(t.c.order_id.in_(orders))
    return [
        Said(r.source, r.word, r.said_at, r.heard_at, r.reader) for r in conn.execute(query)
    ]
