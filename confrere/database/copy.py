"""Many rows at once, by COPY: in the caller's transaction and under row-level security."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection as Driver
from psycopg import sql
from sqlalchemy import Connection

Columns = Mapping[str, Sequence[str | None]]


def copy_rows(conn: Connection, table: str, columns: Columns) -> int:
    """Add rows given as columns of equal length; return how many.

    Values are in PostgreSQL's text form ("2026-11-24 03:00:00+00", "t", "{a,b}"), None is
    null; columns that are left out get their default.
    """
    raw: Driver[Any] = conn.connection.driver_connection  # type: ignore[assignment]
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    command = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table), names)
    count = 0
    with raw.cursor() as cursor, cursor.copy(command) as copy:
        for row in zip(*columns.values(), strict=True):
            copy.write_row(row)
            count += 1
    return count
