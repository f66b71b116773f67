"""SQL of imports and their files."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert as pg_insert

from confrere.imaging.outside import READING, Import, OutsideFile
from confrere.imaging.tables import import_files, imports
from confrere.kernel.ids import GroupId

_IMPORT = [imports.c[one.name] for one in fields(Import)]
_FILE = [import_files.c[one.name] for one in fields(OutsideFile)]


def add(conn: Connection, values: Mapping[str, Any]) -> Import:
    """Keep a new import."""
    row = conn.execute(sa.insert(imports).values(**values).returning(*_IMPORT)).one()
    return Import(*row)


def get(conn: Connection, key: UUID) -> Import | None:
    """Read one."""
    row = conn.execute(sa.select(*_IMPORT).where(imports.c.id == key)).one_or_none()
    return Import(*row) if row else None


def unfinished(conn: Connection, owner: GroupId, label: str) -> Import | None:
    """The import of this name that was not read to its end."""
    row = conn.execute(
        sa.select(*_IMPORT)
        .where(
            imports.c.owner_group == owner, imports.c.label == label,
            imports.c.state == READING, imports.c.digest.is_(None),
        )
        .limit(1)
    ).one_or_none()  # fmt: skip
    return Import(*row) if row else None


def listed(conn: Connection, owner: GroupId, limit: int) -> list[tuple[Import, dict[str, int]]]:
    """A group's imports, newest first, with how many files are in each state."""
    found = [
        Import(*row)
        for row in conn.execute(
            sa.select(*_IMPORT)
            .where(imports.c.owner_group == owner)
            .order_by(imports.c.at.desc(), imports.c.id)
            .limit(limit)
        )
    ]
    counts: dict[UUID, dict[str, int]] = {one.id: {} for one in found}
    c = import_files.c
    for row in conn.execute(
        sa.select(c.import_id, c.state, sa.func.count().label("number"))
        .where(c.import_id.in_(list(counts)))
        .group_by(c.import_id, c.state)
    ):
        counts[row.import_id][row.state] = row.number
    return [(one, counts[one.id]) for one in found]


def change(conn: Connection, key: UUID, values: Mapping[str, Any]) -> None:
    """Write columns of an import."""
    conn.execute(sa.update(imports).values(**values).where(imports.c.id == key))


def add_file(conn: Connection, values: Mapping[str, Any]) -> None:
    """Keep what became of a file; the first word on it stays."""
    conn.execute(pg_insert(import_files).values(**values).on_conflict_do_nothing())


def change_file(conn: Connection, key: UUID, state: str, reason: str = "") -> None:
    """Say what became of a file when it was filed."""
    conn.execute(
        sa.update(import_files)
        .values(state=state, reason=reason)
        .where(import_files.c.id == key)
    )


def files(conn: Connection, key: UUID) -> list[OutsideFile]:
    """The files of an import, by path."""
    rows = conn.execute(
        sa.select(*_FILE).where(import_files.c.import_id == key).order_by(import_files.c.path)
    )
    return [OutsideFile(*row) for row in rows]
