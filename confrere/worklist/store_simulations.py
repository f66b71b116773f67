"""SQL of replays that were asked for."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.kernel.ids import GroupId
from confrere.worklist.experiments import Experiment
from confrere.worklist.tables import simulations as t


def add(conn: Connection, values: dict[str, Any]) -> UUID:
    """Add one."""
    made: UUID = conn.execute(sa.insert(t).values(**values).returning(t.c.id)).scalar_one()
    return made


def change(conn: Connection, key: UUID, **values: Any) -> None:
    """Change one."""
    conn.execute(sa.update(t).where(t.c.id == key).values(**values))


def get(conn: Connection, key: UUID) -> Experiment | None:
    """One, as far as this connection may see it."""
    row = conn.execute(sa.select(t).where(t.c.id == key)).first()
    return _experiment(row) if row else None


def listed(conn: Connection, owner: GroupId, limit: int) -> list[Experiment]:
    """A group's, newest first."""
    query = sa.select(t).where(t.c.owner_group == owner).order_by(t.c.created_at.desc())
    return [_experiment(row) for row in conn.execute(query.limit(limit))]


def remove(conn: Connection, key: UUID) -> bool:
    """Remove one; say whether it was there."""
    return conn.execute(sa.delete(t).where(t.c.id == key).returning(t.c.id)).first() is not None


def _experiment(r: Any) -> Experiment:
    return Experiment(
        r.id, GroupId(r.owner_group), r.asked_by, r.asked, r.starts_at, r.ends_at, r.state,
        r.done, r.result, r.error, r.created_at, r.finished_at,
    )  # fmt: skip
