"""The migrations make the tables that the program describes."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from confrere.migrations import metadata


def test_the_migrated_database_has_the_tables_and_columns_of_the_program(
    conn: Connection,
) -> None:
    context = MigrationContext.configure(conn, opts={"compare_type": True})
    differences = [
        one
        for one in compare_metadata(context, metadata)
        if "procrastinate" not in str(one)
        and one[0] not in ("remove_table", "remove_index", "add_index")
    ]
    assert differences == []
