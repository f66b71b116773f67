"""SQL of what is kept aside because it could not be filed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as pg_insert

from confrere.imaging.model import Aside, Instance
from confrere.imaging.rows import INSTANCE, instance_of
from confrere.imaging.tables import instances
from confrere.imaging.tables import kept_aside as table
from confrere.kernel.errors import NotFound
from confrere.kernel.ids import GroupId

WRITTEN = (
    "owner_group",
    "kind",
    "door",
    "reason",
    "field",
    "remedy",
    "calling_aet",
    "sop_uid",
    "study_uid",
    "transfer_syntax",
    "digest",
    "size",
    "detail",
    "at",
)


def keep_asides(conn: Connection, asides: Sequence[Aside]) -> None:
    """Write them, in the order of their keys; the same bytes again change nothing."""
    rows = [
        {name: getattr(aside, name) for name in WRITTEN}
        for aside in sorted(asides, key=lambda a: (a.owner_group, a.sop_uid, a.digest))
    ]
    if rows:
        conn.execute(pg_insert(table).values(rows).on_conflict_do_nothing())


def listed(
    conn: Connection, groups: frozenset[GroupId], *, resolved: bool, limit: int
) -> list[Aside]:
    """Return the groups' rows, newest first."""
    wanted = table.c.owner_group == sa.any_(sa.literal(sorted(groups), ARRAY(sa.Uuid)))
    open_only = sa.true() if resolved else table.c.resolved_at.is_(None)
    found = conn.execute(
        sa.select(table)
        .where(wanted, open_only)
        .order_by(table.c.at.desc(), table.c.id)
        .limit(limit)
    )
    return [_aside(row) for row in found]


def one(conn: Connection, key: UUID) -> Aside:
    """Read one and lock it."""
    found = conn.execute(
        sa.select(table).where(table.c.id == key).with_for_update()
    ).one_or_none()
    if found is None:
        raise NotFound("nothing is kept aside under this id; reload the list")
    return _aside(found)


def resolve(conn: Connection, key: UUID, resolution: str, at: datetime) -> bool:
    """Mark one as dealt with; False when it was so already or is not there."""
    done = conn.execute(
        sa.update(table)
        .values(resolution=resolution, resolved_at=at)
        .where(table.c.id == key, table.c.resolved_at.is_(None))
        .returning(table.c.id)
    )
    return done.first() is not None


def holders(conn: Connection, digest: bytes) -> list[Instance]:
    """Return the instances with these bytes."""
    found = conn.execute(sa.select(*INSTANCE).where(instances.c.digest == digest))
    return [instance_of(row) for row in found]


def settle_damage(conn: Connection, digest: bytes, resolution: str, at: datetime) -> None:
    """Resolve what was kept because these bytes are damaged."""
    conn.execute(
        sa.update(table)
        .values(resolution=resolution, resolved_at=at)
        .where(
            table.c.digest == digest, table.c.kind == "damaged", table.c.resolved_at.is_(None)
        )
    )


def _aside(row: Any) -> Aside:
    values = {name: getattr(row, name) for name in WRITTEN}
    return Aside(**values, id=row.id, resolved_at=row.resolved_at, resolution=row.resolution)
