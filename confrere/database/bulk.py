"""Many rows at once, in the caller's transaction and under row-level security."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql

from confrere.database.metadata import metadata

Columns = Mapping[str, Sequence[str | None]]
_ROWS = 5000
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def add_rows(conn: Connection, table: str, columns: Columns) -> int:
    """Add rows given as columns of equal length; return how many.

    Values are in PostgreSQL's text form ("2026-11-24 03:00:00+00", "t", "{a,b}"), None is
    null; columns that are left out get their default. COPY would be quicker, but it refuses
    tables with row-level security, and our roles may not make temporary ones.
    """
    total = len(next(iter(columns.values())))
    if any(len(values) != total for values in columns.values()):
        raise ValueError("columns differ in length")
    kinds = metadata.tables[table].c
    chosen = ", ".join(f"cast({n} as {kinds[n].type.compile(_DIALECT)})" for n in columns)
    arrays = ", ".join(f"cast(:{name} as text[])" for name in columns)
    names = ", ".join(columns)
    statement = sa.text(  # names are columns of our own tables: `kinds[n]` fails on others
        f"insert into {table} ({names}) select {chosen} "  # noqa: S608
        f"from unnest({arrays}) as given({names})"
    )
    for start in range(0, total, _ROWS):
        part = {n: _array(values[start : start + _ROWS]) for n, values in columns.items()}
        conn.execute(statement, part)
    return total


def _array(values: Sequence[str | None]) -> str:
    """Write an array literal (PostgreSQL 8.15.6: elements quoted, quote and backslash escaped)."""
    if None in values:
        return "{" + ",".join("NULL" if v is None else f'"{_escaped(v)}"' for v in values) + "}"
    texts = [v for v in values if v is not None]
    whole = "\n".join(texts)
    if '"' in whole or "\\" in whole:
        texts = [_escaped(v) for v in texts]
    return '{"' + '","'.join(texts) + '"}'


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
