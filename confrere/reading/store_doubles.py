"""SQL of exams that were read, or begun, both here and at the site."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.kernel.ids import GroupId, ItemId, ReportId, SiteId
from confrere.reading.model import DoubleRead
from confrere.reading.tables import double_reads as t


def add(conn: Connection, values: Mapping[str, Any]) -> None:
    """Keep one, once."""
    conn.execute(insert(t).values(**values).on_conflict_do_nothing())


def unsettled(conn: Connection, owner: GroupId) -> list[DoubleRead]:
    """A group's, newest first."""
    query = sa.select(t).where(t.c.owner_group == owner, t.c.settled_at.is_(None))
    return [_double(row) for row in conn.execute(query.order_by(t.c.at.desc()).limit(500))]


def settle(conn: Connection, key: UUID, words: str, by: str, at: datetime) -> bool:
    """Close one; False when it is not there or closed already."""
    done = sa.update(t).where(t.c.id == key, t.c.settled_at.is_(None))
    values = {"settled_at": at, "settled_by": by, "resolution": words}
    return conn.execute(done.values(**values).returning(t.c.id)).first() is not None


def _double(r: Any) -> DoubleRead:
    return DoubleRead(
        r.id, GroupId(r.owner_group), SiteId(r.site_id) if r.site_id else None,
        ItemId(r.item_id), ReportId(r.here) if r.here else None, ReportId(r.elsewhere), r.kind,
        r.holder, r.at,
    )  # fmt: skip
