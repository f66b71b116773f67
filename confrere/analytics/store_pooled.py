"""SQL of the pool: the one reviewed function that sums over all groups."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.analytics.pooled import PooledCell


def cells(conn: Connection, last_month: date) -> list[PooledCell]:
    """Sum up the twelve months that end with `last_month`, UTC (migration 0002)."""
    query = sa.text("select * from pooled_turnaround(:last_month)")
    return [_cell(row) for row in conn.execute(query, {"last_month": last_month})]


def _cell(row: Any) -> PooledCell:
    median, p90, p95 = row.at or (None, None, None)
    return PooledCell(
        row.month, row.priority, row.modality, row.exams, row.measured, row.synthetic,
        row.groups, row.largest, median, p90, p95, row.mean, row.limited, row.in_limit,
    )  # fmt: skip
