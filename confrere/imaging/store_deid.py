"""SQL of de-identified exports and of what is held for review."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert as pg_insert

from confrere.imaging.deid_model import EXPIRED, READY, WAITING, Export, Held, options_of
from confrere.imaging.tables import deid_exports as e
from confrere.imaging.tables import deid_held as h
from confrere.kernel.ids import GroupId, StudyId


def add(conn: Connection, values: dict[str, Any]) -> UUID:
    """Add an export."""
    made: UUID = conn.execute(sa.insert(e).values(**values).returning(e.c.id)).scalar_one()
    return made


def one(conn: Connection, key: UUID, *, lock: bool = False) -> Export | None:
    """Read one export, as far as this connection may see it."""
    query = sa.select(e).where(e.c.id == key)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    return _export(row) if row else None


def listed(conn: Connection, owner: GroupId, limit: int) -> list[Export]:
    """Return a group's exports, newest first."""
    query = sa.select(e).where(e.c.owner_group == owner).order_by(e.c.asked_at.desc(), e.c.id)
    return [_export(row) for row in conn.execute(query.limit(limit))]


def change(conn: Connection, key: UUID, **values: Any) -> None:
    """Change an export."""
    conn.execute(sa.update(e).where(e.c.id == key).values(**values))


def hold(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Hold instances; one that is held or decided already stays as it is."""
    if rows:
        conn.execute(pg_insert(h).values(list(rows)).on_conflict_do_nothing())


def held_of(conn: Connection, export: UUID) -> list[Held]:
    """Return what an export holds or held: what waits first."""
    order = (sa.case((h.c.state == WAITING, 0), else_=1), h.c.study_id, h.c.id)
    rows = conn.execute(sa.select(h).where(h.c.export_id == export).order_by(*order))
    return [_held(row) for row in rows]


def one_held(conn: Connection, key: UUID, *, lock: bool = False) -> Held | None:
    """Read one that is held."""
    query = sa.select(h).where(h.c.id == key)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    return _held(row) if row else None


def decide(conn: Connection, key: UUID, **values: Any) -> None:
    """Keep what a person decided."""
    conn.execute(sa.update(h).where(h.c.id == key).values(**values))


def lapse(conn: Connection, now: datetime) -> list[bytes]:
    """Mark exports whose time is over; return the digests of their files."""
    due = sa.and_(e.c.state == READY, e.c.expires_at <= now)
    found = conn.execute(sa.select(e.c.id, e.c.digest).where(due).with_for_update()).all()
    for row in found:
        change(conn, row.id, state=EXPIRED, digest=None)
    return [row.digest for row in found if row.digest]


def _export(r: Any) -> Export:
    return Export(
        r.id, GroupId(r.owner_group), r.project, r.purpose, options_of(r.options),
        tuple(StudyId(one) for one in r.studies), r.state, r.asked_by, r.asked_at,
        r.decided_by, r.decided_at, r.reason, r.done, r.total, r.counts, r.digest, r.size,
        r.finished_at, r.expires_at, tuple(r.sent),
    )  # fmt: skip


def _held(r: Any) -> Held:
    return Held(
        r.id, GroupId(r.owner_group), r.export_id, StudyId(r.study_id), r.instance_id,
        tuple(r.codes), tuple(r.reasons), r.fatal, r.digest, r.transfer_syntax, r.sop_class,
        r.rows, r.columns, r.frames, r.state, tuple(tuple(one) for one in r.boxes),
        r.decided_by, r.decided_at,
    )  # fmt: skip
