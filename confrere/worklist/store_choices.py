"""SQL of what readers were offered, took and declined."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.kernel.ids import GroupId, ItemId, ReaderId
from confrere.worklist.tables import claims_made, declines, proofs
from confrere.worklist.taking import Chose, Declined, Offers, Took

Pair = tuple[GroupId, GroupId]


def add_claim(conn: Connection, values: Mapping[str, Any]) -> None:
    """Keep that a reader claimed an exam, and from what they chose."""
    conn.execute(sa.insert(claims_made).values(**values))


def add_past(
    conn: Connection, claimed: Sequence[dict[str, Any]], declined: Sequence[dict[str, Any]]
) -> None:
    """Write claims and declines in bulk."""
    for table, rows in ((claims_made, claimed), (declines, declined)):
        if rows:
            conn.execute(sa.insert(table), list(rows))


def offers_between(
    conn: Connection, mine: GroupId, since: datetime, until: datetime
) -> dict[Pair, Offers]:
    """Count exams offered to and claimed by other groups' readers, by owner and reading group."""
    query = sa.text(
        """
        select p.owner_group, p.reader_group,
            count(distinct p.item_id) filter (where p.act = 'offer') as offered,
            count(distinct p.item_id) filter (where p.act = 'claim') as claimed,
            count(distinct i.id) filter (where p.act = 'offer') as standing
        from proofs p left join items i on i.id = p.item_id and i.finished_at is null
            and i.held_by is null and i.offered_to is not null
            and i.offered_group = p.reader_group
        where p.at >= :since and p.at < :until and p.owner_group <> p.reader_group
            and (p.owner_group = :mine or p.reader_group = :mine)
        group by p.owner_group, p.reader_group
        """
    )
    rows = conn.execute(query, {"mine": mine, "since": since, "until": until})
    return {
        (GroupId(r.owner_group), GroupId(r.reader_group)): Offers(
            r.offered, r.claimed, r.standing
        )
        for r in rows
    }


def declined_by(
    conn: Connection, mine: GroupId, since: datetime, until: datetime
) -> dict[GroupId, int]:
    """Count what a group's own readers declined of other groups' exams, by owner."""
    query = sa.text(
        """
        select o.owner_group, count(*) as declined
        from declines d cross join lateral (
            select p.owner_group from proofs p
            where p.item_id = d.item_id and p.reader_id = d.reader_id limit 1
        ) o
        where d.at >= :since and d.at < :until and d.reader_group = :mine
            and o.owner_group <> d.reader_group
        group by o.owner_group
        """
    )
    rows = conn.execute(query, {"mine": mine, "since": since, "until": until})
    return {GroupId(r.owner_group): r.declined for r in rows}


def chosen(
    conn: Connection, group: GroupId, since: datetime, until: datetime
) -> dict[ReaderId, Chose]:
    """What each of a group's readers was offered, took and declined in a period."""
    offered: dict[ReaderId, set[ItemId]] = defaultdict(set)
    query = (
        sa.select(proofs.c.reader_id, proofs.c.item_id)
        .where(proofs.c.reader_group == group, proofs.c.act.in_(("offer", "assign")))
        .where(proofs.c.at >= since, proofs.c.at < until)
        .distinct()
    )
    for reader, item in conn.execute(query):
        offered[ReaderId(reader)].add(ItemId(item))
    took, declined = defaultdict(list), defaultdict(list)
    synthetic: dict[ReaderId, int] = defaultdict(int)
    for r in _rows(conn, claims_made, group, since, until):
        took[ReaderId(r.reader_id)].append(Took(
            ItemId(r.item_id), r.at, r.in_turn, _rate(r), r.open_count, r.open_mean,
            r.open_variance,
        ))  # fmt: skip
        synthetic[ReaderId(r.reader_id)] += r.synthetic
    for r in _rows(conn, declines, group, since, until):
        declined[ReaderId(r.reader_id)].append(
            Declined(ItemId(r.item_id), r.at, r.reason, _rate(r))
        )
        synthetic[ReaderId(r.reader_id)] += r.synthetic
    for one in {*took, *declined}:  # an offer of an earlier period may be decided in this one
        offered[one] |= {t.item for t in took[one] if t.in_turn}
        offered[one] |= {d.item for d in declined[one]}
    return {
        one: Chose(len(items), tuple(took[one]), tuple(declined[one]), synthetic[one])
        for one, items in offered.items()
    }


def _rows(
    conn: Connection, table: sa.Table, group: GroupId, since: datetime, until: datetime
) -> Any:
    query = sa.select(table).where(
        table.c.reader_group == group, table.c.at >= since, table.c.at < until
    )
    return conn.execute(query.order_by(table.c.at))


def _rate(r: Any) -> float | None:
    return float(r.wrvu) / r.minutes if r.wrvu is not None and r.minutes else None
