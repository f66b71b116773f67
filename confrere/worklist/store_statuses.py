"""SQL of what sites were told of exams."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.kernel.ids import OrderId, SiteId
from confrere.worklist.tables import told_statuses
from confrere.worklist.telling import Told

LOOK = sa.text(
    """
    with now_seen as (
        select o.id as order_id, sum(i.version + 1)::bigint as seen
        from items i
        join unnest(:sites, :sinces) as s(site_id, since) on s.site_id = i.site_id
        cross join unnest(i.order_ids) as o(id)
        where i.kind = 'read'
            and (not i.shadow or exists (
                select 1 from told_statuses k
                where k.order_id = o.id and k.told like 'reading%'
            ))
            and (i.finished_at is null or i.finished_at >= s.since)
        group by o.id
    )
    select n.order_id, n.seen, t.told, t.told_at, t.wanted, t.wanted_at, t.number
    from now_seen n left join told_statuses t on t.order_id = n.order_id
    where t.order_id is null or t.seen <> n.seen or t.wanted <> ''
    order by t.wanted_at nulls last, n.order_id
    limit 500
    """
).bindparams(
    sa.bindparam("sites", type_=sa.ARRAY(sa.Uuid)),
    sa.bindparam("sinces", type_=sa.ARRAY(sa.DateTime(timezone=True))),
)


def to_look_at(conn: Connection, sites: Mapping[SiteId, datetime]) -> list[Told]:
    """Orders of these sites whose items changed since they were looked at, or that wait.

    Of exams that are finished those since each site's instant count; of those in shadow only
    what the site still takes for read here.
    """
    given = {"sites": list(sites), "sinces": list(sites.values())}
    return [
        Told(OrderId(r.order_id), r.seen, r.told or "", r.told_at, r.wanted or "", r.wanted_at,
             r.number or 0)
        for r in conn.execute(LOOK, given)
    ]  # fmt: skip


def remember(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write what sites were told of orders and what waits."""
    if rows:
        made = insert(told_statuses)
        kept = {name: made.excluded[name] for name in rows[0] if name != "order_id"}
        conn.execute(
            made.on_conflict_do_update(index_elements=["order_id"], set_=kept), list(rows)
        )


def forget(conn: Connection, orders: list[OrderId]) -> None:
    """Let a site be told again what it was told: it may not have heeded it."""
    done = sa.update(told_statuses).where(told_statuses.c.order_id.in_(orders))
    conn.execute(done.values(told="", wanted="", wanted_at=None, seen=0))


def keys_told(conn: Connection, orders: list[OrderId]) -> list[str]:
    """The states that sites were last told of these orders."""
    query = sa.select(told_statuses.c.told).where(told_statuses.c.order_id.in_(orders))
    return list(conn.execute(query).scalars())
