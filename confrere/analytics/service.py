"""What can be done with exam facts. The caller owns the transaction."""

from collections.abc import Sequence

from sqlalchemy import Connection

from confrere.analytics import store
from confrere.analytics.model import ExamFact
from confrere.database.bulk import Columns
from confrere.kernel.errors import Invalid


def load_synthetic(conn: Connection, columns: Columns) -> int:
    """Load a synthetic history in bulk; return how many exams.

    Columns are those of `exam_facts` in PostgreSQL's text form. Raises Invalid when a row is
    not marked synthetic: real facts come one by one, from reports.
    """
    if any(value != "t" for value in columns.get("synthetic", ("",))):
        raise Invalid("a bulk load is for synthetic exams only", "synthetic")
    return store.add_facts(conn, columns)


def has_synthetic(conn: Connection) -> bool:
    """Say whether a synthetic history was loaded before."""
    return store.has_synthetic(conn)


def record(conn: Connection, facts: Sequence[ExamFact]) -> None:
    """Record finished exams, one fact an accession number; a later word replaces an earlier."""
    store.record(conn, facts)
