"""SQL of the kept metadata: one document a series, good while the series has not changed."""

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert as pg_insert

from confrere.imaging.model import Series
from confrere.imaging.tables import series_metadata as table


def read(conn: Connection, series: Series) -> bytes | None:
    """Return the kept document, if it covers the series as it is now."""
    found: bytes | None = conn.execute(
        sa.select(table.c.content).where(
            table.c.series_id == series.id,
            table.c.instance_count == series.instance_count,
            table.c.edition == series.edition,
        )
    ).scalar_one_or_none()
    return found


def write(conn: Connection, series: Series, content: bytes) -> None:
    """Keep a document, in place of an older one."""
    values = {
        "owner_group": series.owner_group,
        "instance_count": series.instance_count,
        "edition": series.edition,
        "content": content,
    }
    conn.execute(
        pg_insert(table)
        .values(series_id=series.id, **values)
        .on_conflict_do_update(index_elements=[table.c.series_id], set_=values)
    )
