"""SQL of files of earlier reports: how they stand, and what was wrong with their rows."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.kernel.ids import GroupId, SiteId
from confrere.reading.backload_rows import Problem
from confrere.reading.backloads import Backload
from confrere.reading.tables import backload_problems, backloads


def add(conn: Connection, values: dict[str, Any]) -> Backload:
    """Add a file; the same bytes for the same site are the same file."""
    made = insert(backloads).values(**values)
    done = made.on_conflict_do_update(
        index_elements=["owner_group", "site_id", "digest"],
        set_={"updated_at": made.excluded.updated_at, "name": made.excluded.name},
    ).returning(backloads)
    return _backload(conn.execute(done).one())


def get(conn: Connection, key: UUID, *, lock: bool = False) -> Backload | None:
    """One file; with `lock` nobody else works at it until the transaction ends."""
    query = sa.select(backloads).where(backloads.c.id == key)
    row = conn.execute(query.with_for_update() if lock else query).first()
    return _backload(row) if row else None


def listed(conn: Connection, limit: int) -> list[Backload]:
    """The files this connection may see, newest first."""
    query = sa.select(backloads).order_by(backloads.c.created_at.desc()).limit(limit)
    return [_backload(row) for row in conn.execute(query)]


def change(conn: Connection, key: UUID, values: dict[str, Any]) -> Backload:
    """Write how a file stands."""
    done = (
        sa.update(backloads).where(backloads.c.id == key).values(**values).returning(backloads)
    )
    return _backload(conn.execute(done).one())


def add_problems(conn: Connection, backload: Backload, problems: Sequence[Problem]) -> None:
    """Keep what was wrong with rows; a row's first trouble stays."""
    rows = [
        {
            "owner_group": backload.owner_group, "backload_id": backload.id, "row": one.row,
            "field": one.field, "says": one.says, "remedy": one.remedy,
        }
        for one in problems
    ]  # fmt: skip
    if rows:
        conn.execute(insert(backload_problems).on_conflict_do_nothing(), rows)


def forget_problems(conn: Connection, key: UUID) -> None:
    """Begin the list of problems anew."""
    conn.execute(sa.delete(backload_problems).where(backload_problems.c.backload_id == key))


def problems(conn: Connection, key: UUID, limit: int) -> list[Problem]:
    """What was wrong, by row."""
    c = backload_problems.c
    query = (
        sa.select(backload_problems).where(c.backload_id == key).order_by(c.row).limit(limit)
    )
    return [Problem(r.row, r.field, r.says, r.remedy) for r in conn.execute(query)]


def _backload(r: Any) -> Backload:
    return Backload(
        r.id, GroupId(r.owner_group), SiteId(r.site_id), r.form, r.name, bytes(r.digest),
        r.size, r.state, r.rows, r.done, r.added, r.same, r.failed, r.untyped, r.asked_by,
        r.created_at, r.updated_at,
    )  # fmt: skip
