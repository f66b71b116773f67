"""SQL of studies on their way out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.delivery.model import OF_CORRECTION, WAITING, Sending
from confrere.delivery.tables import sendings
from confrere.kernel.ids import GroupId, PeerId, StudyId

_c = sendings.c
MOST = 20


def add(conn: Connection, values: dict[str, Any]) -> UUID:
    """Add a sending."""
    made = sa.insert(sendings).values(**values)
    return UUID(str(conn.execute(made.returning(_c.id)).scalar_one()))


def get(conn: Connection, sending: UUID) -> Sending | None:
    """One sending."""
    row = conn.execute(sa.select(sendings).where(_c.id == sending)).first()
    return _sending(row) if row else None


def of_study(conn: Connection, study: StudyId) -> list[Sending]:
    """A study's, newest first."""
    query = sa.select(sendings).where(_c.study_id == study).order_by(_c.asked_at.desc())
    return [_sending(row) for row in conn.execute(query.limit(MOST))]


def of_causes(conn: Connection, causes: Sequence[UUID]) -> list[Sending]:
    """What was to be sent because of these corrections and rejections, in order."""
    query = sa.select(sendings).where(_c.cause_id.in_(causes)).order_by(_c.asked_at, _c.id)
    return [_sending(row) for row in conn.execute(query)]


def open_corrections(conn: Connection, states: Sequence[str], limit: int) -> list[Sending]:
    """Corrections that are in one of these states, newest first."""
    query = sa.select(sendings).where(_c.kind == OF_CORRECTION, _c.state.in_(states))
    rows = conn.execute(query.order_by(_c.asked_at.desc(), _c.id).limit(limit))
    return [_sending(row) for row in rows]


def change(conn: Connection, sending: UUID, values: dict[str, Any]) -> None:
    """Change a sending."""
    conn.execute(sa.update(sendings).where(_c.id == sending).values(**values))


def due(conn: Connection, now: datetime) -> list[UUID]:
    """Those that wait for another try, and whose time has come."""
    waiting = (_c.state == WAITING) & (_c.next_at <= now) & (_c.attempts > 0)
    return list(conn.execute(sa.select(_c.id).where(waiting).limit(100)).scalars())


def _sending(r: Any) -> Sending:
    return Sending(
        r.id, GroupId(r.owner_group), StudyId(r.study_id), PeerId(r.peer_id), r.asked_by,
        r.asked_at, r.state, r.total, r.sent, r.failed, r.attempts, r.last_error, r.next_at,
        r.ended_at, r.kind, r.cause_id, r.says, r.done_by,
    )  # fmt: skip
