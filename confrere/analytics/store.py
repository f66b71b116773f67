"""SQL of this part, in and out."""

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.analytics.tables import exam_facts
from confrere.database.copy import Columns, copy_rows


def add_facts(conn: Connection, columns: Columns) -> int:
    """Add exam facts in bulk; return how many."""
    return copy_rows(conn, exam_facts.name, columns)


def has_synthetic(conn: Connection) -> bool:
    """Say whether a synthetic history was loaded before."""
    found = sa.select(sa.exists().where(exam_facts.c.synthetic))
    return bool(conn.execute(found).scalar_one())
