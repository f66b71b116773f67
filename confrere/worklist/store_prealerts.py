"""SQL of pre-alerts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.kernel.ids import GroupId, ItemId, OrderId, ReaderId, SiteId
from confrere.worklist.prealert import Alert, Stage
from confrere.worklist.tables import prealerts as t

OPEN = t.c.ended_at.is_(None)


def add(conn: Connection, values: dict[str, Any]) -> UUID | None:
    """Raise an alert, once an order; None where there was one."""
    made = insert(t).values(**values).on_conflict_do_nothing(
        index_elements=["owner_group", "order_id"]
    )  # fmt: skip
    found: UUID | None = conn.execute(made.returning(t.c.id)).scalar()
    return found


def change(
    conn: Connection, key: UUID, values: dict[str, Any], *when: sa.ColumnElement[bool]
) -> bool:
    """Change an alert if `when` holds; say whether it did."""
    done = sa.update(t).where(t.c.id == key, *when).values(**values).returning(t.c.id)
    return conn.execute(done).first() is not None


def get(conn: Connection, key: UUID) -> Alert | None:
    """One alert."""
    row = conn.execute(sa.select(t).where(t.c.id == key)).first()
    return _alert(row) if row else None


def of_orders(conn: Connection, orders: Sequence[OrderId]) -> list[Alert]:
    """The open alerts of these orders."""
    query = sa.select(t).where(OPEN, t.c.order_id.in_(orders))
    return [_alert(row) for row in conn.execute(query)]


def listed(conn: Connection, *when: sa.ColumnElement[bool]) -> list[Alert]:
    """Open alerts, the oldest first."""
    query = sa.select(t).where(OPEN, *when).order_by(t.c.raised_at, t.c.id)
    return [_alert(row) for row in conn.execute(query)]


def lock_open(conn: Connection) -> list[Alert]:
    """Open alerts, locked, so that an answer waits for this round's end."""
    query = sa.select(t).where(OPEN).order_by(t.c.raised_at, t.c.id).with_for_update()
    return [_alert(row) for row in conn.execute(query)]


def end(conn: Connection, key: UUID, stage: Stage, now: datetime) -> None:
    """Close an alert."""
    change(conn, key, {"state": stage, "ended_at": now})


def _alert(r: Any) -> Alert:
    return Alert(
        r.id, GroupId(r.owner_group), OrderId(r.order_id), SiteId(r.site_id), r.kind, r.level,
        r.site_name, Stage(r.state), ReaderId(r.reader_id) if r.reader_id else None,
        GroupId(r.reader_group) if r.reader_group else None, r.answer,
        tuple(ReaderId(one) for one in r.rung), tuple(ReaderId(one) for one in r.refused),
        ItemId(r.item_id) if r.item_id else None, r.raised_at, r.expires_at, r.rung_at,
        r.begun_at, r.offered_at,
    )  # fmt: skip
