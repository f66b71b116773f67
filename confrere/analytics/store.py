"""SQL of this part, in and out."""

from collections.abc import Sequence
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.analytics.model import ExamFact
from confrere.analytics.tables import exam_facts
from confrere.database.bulk import Columns, add_rows


def add_facts(conn: Connection, columns: Columns) -> int:
    """Add exam facts in bulk; return how many."""
    return add_rows(conn, exam_facts.name, columns)


def has_synthetic(conn: Connection) -> bool:
    """Say whether a synthetic history was loaded before."""
    found = sa.select(sa.exists().where(exam_facts.c.synthetic))
    return bool(conn.execute(found).scalar_one())


def record(conn: Connection, facts: Sequence[ExamFact]) -> None:
    """Add facts, or bring what is known later."""
    if not facts:
        return
    made = insert(exam_facts)
    key = ("owner_group", "site_id", "accession")
    rows = [asdict(one) for one in facts]
    news = {name: made.excluded[name] for name in rows[0] if name not in key}
    conn.execute(made.on_conflict_do_update(index_elements=list(key), set_=news), rows)
