"""SQL of what was read at gateways in downtime."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.kernel.ids import GroupId, ItemId, ReaderId, ReportId, SiteId
from confrere.reading.downtime import DowntimeRead, Signed
from confrere.reading.tables import downtime_reads as t

Condition = sa.ColumnElement[bool]


def add(conn: Connection, values: dict[str, Any]) -> DowntimeRead | None:
    """Keep one, once; None when it is known."""
    made = insert(t).values(**values).on_conflict_do_nothing().returning(t)
    row = conn.execute(made).one_or_none()
    return _read(row) if row else None


def known(conn: Connection, gateway: UUID, key: UUID) -> DowntimeRead | None:
    """One by the gateway's own key."""
    row = conn.execute(
        sa.select(t).where(t.c.gateway_id == gateway, t.c.read_key == key)
    ).one_or_none()
    return _read(row) if row else None


def get(conn: Connection, key: UUID, *, lock: bool = False) -> DowntimeRead | None:
    """One, if the caller may see it."""
    query = sa.select(t).where(t.c.id == key)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    return _read(row) if row else None


def listed(
    conn: Connection, owner: GroupId, states: Sequence[str], limit: int
) -> list[DowntimeRead]:
    """A group's in these states, newest first."""
    query = (
        sa.select(t)
        .where(t.c.owner_group == owner, t.c.state.in_(states))
        .order_by(t.c.signed_at.desc(), t.c.id)
        .limit(limit)
    )
    return [_read(row) for row in conn.execute(query)]


def of_exam(
    conn: Connection, owner: GroupId, uid: str, accessions: Sequence[str], states: Sequence[str]
) -> list[DowntimeRead]:
    """A group's reads of a study or accession number in these states, first signed first."""
    same = [t.c.study_uid == uid] if uid else []
    same += [t.c.accession.in_(accessions)] if accessions else []
    if not same:
        return []
    query = sa.select(t).where(t.c.owner_group == owner, t.c.state.in_(states), sa.or_(*same))
    return [_read(row) for row in conn.execute(query.order_by(t.c.signed_at, t.c.id))]


def counts(conn: Connection, owner: GroupId) -> dict[str, int]:
    """How many of a group's are in each state."""
    query = sa.select(t.c.state, sa.func.count().label("number")).where(
        t.c.owner_group == owner
    )
    return {row.state: row.number for row in conn.execute(query.group_by(t.c.state))}


def change(
    conn: Connection, key: UUID, values: dict[str, Any], *when: Condition
) -> DowntimeRead | None:
    """Change one if `when` holds."""
    done = sa.update(t).where(t.c.id == key, *when).values(**values).returning(t)
    row = conn.execute(done).one_or_none()
    return _read(row) if row else None


def _read(r: Any) -> DowntimeRead:
    what = Signed(
        r.read_key, r.kind, r.sections, ReaderId(r.signer_id), r.signer_name, r.opened_at,
        r.signed_at, r.images_at, r.image_count, r.study_uid, r.accession, r.mrn,
        r.patient_name, r.description, r.taken_over,
    )  # fmt: skip
    return DowntimeRead(
        r.id, GroupId(r.owner_group), r.gateway_id, r.gateway_name, SiteId(r.site_id), what,
        r.state, r.why, ItemId(r.item_id) if r.item_id else None,
        ReportId(r.report_id) if r.report_id else None, r.received_at, r.settled_at,
        r.settled_by, r.resolution,
    )  # fmt: skip
