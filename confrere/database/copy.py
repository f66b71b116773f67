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
    null; columns that are left out get their default. COPY itself refuses tables with
    row-level security, so the rows go by a temporary table, and the policies judge them.
    """
    raw: Driver[Any] = conn.connection.driver_connection  # type: ignore[assignment]
    whole = sql.Identifier(table)
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    with raw.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "create temp table loading on commit drop as select {} from {} limit 0"
            ).format(names, whole)
        )
        with cursor.copy(sql.SQL("copy loading from stdin")) as copy:
            for row in zip(*columns.values(), strict=True):
                copy.write_row(row)
        cursor.execute(
            sql.SQL("insert into {} ({}) select * from loading").format(whole, names)
        )
        count = cursor.rowcount
        cursor.execute("drop table loading")
    return count
