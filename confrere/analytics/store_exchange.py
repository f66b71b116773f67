"""SQL of what groups read for one another, by pair, kind and month."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.analytics.store_measures import FIGURES, summary_of
from confrere.analytics.turnaround import Summary
from confrere.kernel.ids import GroupId

# the caller's group stands in the query, beside row-level security
_FACTS = """
select owner_group, reader_group, subspecialty, priority, wrvu, counted_at,
    date_part('epoch', final_at - complete_at) / 60 as minutes,
    case when due_at is not null then final_at <= due_at end as met,
    date_part('epoch', due_at - complete_at) / 60 as allowed,
    true as lent, synthetic
from exam_facts
where final_at is not null and counted_at >= :since and counted_at < :until
    and owner_group <> reader_group and (owner_group = :mine or reader_group = :mine)
"""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What `reading` read for `owner`: of one subspecialty, of one level, or all (both None)."""

    owner: GroupId
    reading: GroupId
    subspecialty: str | None
    priority: str | None
    turnaround: Summary
    wrvu: Decimal
    unvalued: int  # exams whose procedure has no wRVU on the map


@dataclass(frozen=True, slots=True)
class Flow:
    """What `reading` read for `owner` in the n-th of some months."""

    owner: GroupId
    reading: GroupId
    month: int
    exams: int
    wrvu: Decimal


def exchanged(
    conn: Connection, mine: GroupId, since: datetime, until: datetime
) -> list[Exchange]:
    """Sum up what a group had read by others, and read for others, in a period."""
    query = sa.text(
        f"""
        with facts as materialized ({_FACTS})
        select owner_group, reader_group, subspecialty, priority,
            coalesce(sum(wrvu), 0) as wrvu, count(*) filter (where wrvu is null) as unvalued,
            {FIGURES}
        from facts group by grouping sets (
            (owner_group, reader_group), (owner_group, reader_group, subspecialty),
            (owner_group, reader_group, priority))
        """  # noqa: S608 - constants
    )
    rows = conn.execute(query, {"mine": mine, "since": since, "until": until})
    return [_exchange(row) for row in rows]


def flows(conn: Connection, mine: GroupId, edges: Sequence[datetime]) -> list[Flow]:
    """Count by month what a group had read by others, and read for others."""
    query = sa.text(
        f"""
        select owner_group, reader_group, count(*) as exams, coalesce(sum(wrvu), 0) as wrvu,
            width_bucket(counted_at, cast(:edges as timestamptz[])) - 1 as month
        from ({_FACTS}) facts group by owner_group, reader_group, 5
        """  # noqa: S608 - constants
    )
    values = {"mine": mine, "since": edges[0], "until": edges[-1], "edges": list(edges)}
    return [
        Flow(GroupId(r.owner_group), GroupId(r.reader_group), r.month, r.exams, r.wrvu)
        for r in conn.execute(query, values)
    ]


def _exchange(row: Any) -> Exchange:
    return Exchange(
        GroupId(row.owner_group), GroupId(row.reader_group), row.subspecialty, row.priority,
        summary_of(row), row.wrvu, row.unvalued,
    )  # fmt: skip
