"""SQL of studies on their way out."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.delivery.model import WAITING, Sending
from confrere.delivery.tables import sendings
from confrere.kernel.ids import GroupId, PeerId, StudyId

_c = sendings.c
MOST = 20


def add(
    conn: Connection, owner: GroupId, study: StudyId, peer: PeerId, asked_by: str, at: datetime
) -> UUID:
    """Add a sending."""
    made = sa.insert(sendings).values(
        owner_group=owner, study_id=study, peer_id=peer, asked_by=asked_by, asked_at=at,
        next_at=at,
    )  # fmt: skip
    return UUID(str(conn.execute(made.returning(_c.id)).scalar_one()))


def get(conn: Connection, sending: UUID) -> Sending | None:
    """One sending."""
    row = conn.execute(sa.select(sendings).where(_c.id == sending)).first()
    return _sending(row) if row else None


def of_study(conn: Connection, study: StudyId) -> list[Sending]:
    """A study's, newest first."""
    query = sa.select(sendings).where(_c.study_id == study).order_by(_c.asked_at.desc())
    return [_sending(row) for row in conn.execute(query.limit(MOST))]


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
        r.ended_at,
    )  # fmt: skip
