"""SQL that files instances. Every writer takes rows in the order of their keys: no deadlock."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as pg_insert

from confrere.imaging.filing import Key
from confrere.imaging.tables import instances, series, studies

Row = Mapping[str, object]
MANY = "\\"  # the DICOM value separator, so no value holds it


def given(columns: Mapping[str, Any]) -> Any:
    """Stand for rows passed as one array a column: one statement whatever their number."""
    arrays = [
        sa.cast(sa.bindparam(f"given_{name}", type_=ARRAY(kind)), ARRAY(kind))
        for name, kind in columns.items()
    ]
    shape = [sa.column(name, kind) for name, kind in columns.items()]
    return sa.func.unnest(*arrays).table_valued(*shape, name="given").render_derived()


def arrays(rows: Sequence[Row]) -> dict[str, list[object]]:
    """Turn rows into the arrays that `given` stands for."""
    return {f"given_{name}": [row[name] for row in rows] for name in rows[0]}


def add(conn: Connection, table: sa.Table, rows: Sequence[Row], *returning: str) -> list[Any]:
    """Insert rows in their order, leaving out those that exist; return the new ones."""
    if not rows:
        return []
    return list(conn.execute(_adding(table, tuple(rows[0]), returning), arrays(rows)))


def digests(conn: Connection, keys: Iterable[Key]) -> dict[Key, tuple[bytes, UUID]]:
    """Return digest and study of the instances that exist under these keys."""
    found = conn.execute(_DIGESTS, _keys(keys))
    return {(row.owner_group, row.sop_uid): (row.digest, row.study_id) for row in found}


def lock_studies(conn: Connection, keys: Iterable[Key]) -> dict[Key, Any]:
    """Lock studies and read their latest values, in key order."""
    found = conn.execute(_LOCK, _keys(keys))
    return {(row.owner_group, row.study_uid): row for row in found}


def series_ids(
    conn: Connection, study_ids: Sequence[UUID], uids: Sequence[str]
) -> dict[tuple[UUID, str], UUID]:
    """Return the ids of series by study and UID."""
    found = conn.execute(_SERIES, {"studies": list(study_ids), "uids": list(uids)})
    return {(row.study_id, row.series_uid): row.id for row in found}


def count_series(conn: Connection, added: Mapping[UUID, int]) -> None:
    """Add to the instance counts of series whose studies are locked."""
    rows = [{"id": key, "added": number} for key, number in added.items()]
    conn.execute(_COUNT, arrays(rows))


def save_studies(conn: Connection, rows: Sequence[Row]) -> None:
    """Write what a batch changed of locked studies, and open them again."""
    conn.execute(_SAVE, arrays(rows))


def drop_empty(conn: Connection, new_studies: set[UUID], new_series: set[UUID]) -> None:
    """Remove rows this transaction made and then had no instance for."""
    if new_series:
        conn.execute(sa.delete(series).where(series.c.id.in_(new_series)))
    if new_studies:
        conn.execute(sa.delete(studies).where(studies.c.id.in_(new_studies)))


def receiving(conn: Connection, limit: int) -> list[Any]:
    """Return the studies that are still open, those quiet for longest first."""
    columns = (studies.c.id, studies.c.site_id, studies.c.modalities, studies.c.last_at)
    return list(
        conn.execute(
            sa.select(*columns)
            .where(studies.c.state == "receiving")
            .order_by(studies.c.last_at)
            .limit(limit)
        )
    )


def close(
    conn: Connection, quiet: Sequence[tuple[UUID, datetime]], at: datetime
) -> list[tuple[UUID, UUID]]:
    """Close studies that nothing reached since they were read; return owner and id.

    Rows that a filing transaction holds are skipped, so closing never waits.
    """
    rows = [{"id": key, "last_at": last} for key, last in quiet]
    closed = conn.execute(_CLOSE, {**arrays(rows), "at": at})
    return [(row.owner_group, row.id) for row in closed]


def _keys(keys: Iterable[Key]) -> dict[str, list[object]]:
    return arrays([{"owner": owner, "uid": uid} for owner, uid in keys])


@lru_cache
def _adding(table: sa.Table, names: tuple[str, ...], returning: tuple[str, ...]) -> Any:
    source = given({name: table.c[name].type for name in names})
    return (
        pg_insert(table)
        .from_select(names, sa.select(*(source.c[name] for name in names)))
        .on_conflict_do_nothing()
        .returning(*(table.c[name] for name in returning))
    )


# the statements of the busy path are built once: building costs as much as running them
_KEYS = given({"owner": sa.Uuid(), "uid": sa.Text()})
_DIGESTS = sa.select(
    instances.c.owner_group, instances.c.sop_uid, instances.c.digest, instances.c.study_id
).join(
    _KEYS,
    sa.and_(instances.c.owner_group == _KEYS.c.owner, instances.c.sop_uid == _KEYS.c.uid),
)
_LOCK = (
    sa.select(studies)
    .join(
        _KEYS,
        sa.and_(studies.c.owner_group == _KEYS.c.owner, studies.c.study_uid == _KEYS.c.uid),
    )
    .order_by(studies.c.owner_group, studies.c.study_uid)
    .with_for_update(of=studies)
)
_SERIES = sa.select(series.c.study_id, series.c.series_uid, series.c.id).where(
    series.c.study_id == sa.any_(sa.bindparam("studies", type_=ARRAY(sa.Uuid))),
    series.c.series_uid == sa.any_(sa.bindparam("uids", type_=ARRAY(sa.Text))),
)
_ADDED = given({"id": sa.Uuid(), "added": sa.BigInteger()})
_COUNT = (
    sa.update(series)
    .values(instance_count=series.c.instance_count + _ADDED.c.added)
    .where(series.c.id == _ADDED.c.id)
)
_CHANGED = given(
    {
        "id": sa.Uuid(),
        "series_count": sa.BigInteger(),
        "instance_count": sa.BigInteger(),
        "modalities": sa.Text(),
        "last_at": sa.DateTime(timezone=True),
        "accession": sa.Text(),
        "description": sa.Text(),
        "referrer": sa.Text(),
        "study_date": sa.Text(),
        "study_time": sa.Text(),
    }
)
_SAVE = (
    sa.update(studies)
    .values(
        **{one.name: one for one in _CHANGED.c if one.name not in {"id", "modalities"}},
        modalities=sa.func.array_remove(
            sa.func.string_to_array(_CHANGED.c.modalities, MANY), ""
        ),
        state="receiving",
        closed_at=None,
    )
    .where(studies.c.id == _CHANGED.c.id)
)
_QUIET = given({"id": sa.Uuid(), "last_at": sa.DateTime(timezone=True)})
_STILL = (
    sa.select(studies.c.id)
    .join(_QUIET, sa.and_(studies.c.id == _QUIET.c.id, studies.c.last_at == _QUIET.c.last_at))
    .where(studies.c.state == "receiving")
    .with_for_update(of=studies, skip_locked=True)
    .cte("still")
)
_CLOSE = (
    sa.update(studies)
    .values(state="closed", closed_at=sa.bindparam("at", type_=sa.DateTime(timezone=True)))
    .where(studies.c.id == _STILL.c.id)
    .returning(studies.c.owner_group, studies.c.id)
)
