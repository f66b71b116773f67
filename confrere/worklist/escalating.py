"""Tell people as exams' time runs out. Run by the dispatcher, as the system role."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.network.model import Directory
from confrere.notices import service as notices
from confrere.notices.model import Kind
from confrere.orders.priorities import AT_ONCE
from confrere.worklist import store
from confrere.worklist.escalation import FIRST_SHARE, escalations
from confrere.worklist.model import NOBODY, OFF_DUTY, READ
from confrere.worklist.tables import items

INSTANT = sa.DateTime(timezone=True)
FORGOTTEN = timedelta(days=7)  # an exam so long overdue has told everybody it will


def escalate(conn: Connection, directory: Directory, now: datetime) -> int:
    """Tell whom the ladder names about open exams; take back what an exam's end overtook.

    Returns how many notices are new. Does nothing twice: what was told is in the database.
    """
    _withdraw(conn)
    late = _seconds(now, items.c.clock_at) >= FIRST_SHARE * _seconds(
        items.c.due_at, items.c.clock_at
    )
    nobody = sa.and_(
        items.c.flags.overlap([NOBODY, OFF_DUTY]), items.c.priority.in_(sorted(AT_ONCE))
    )
    open_items = store.open_items(
        conn, items.c.kind == READ, items.c.shadow.is_(False), sa.or_(late, nobody),
        sa.or_(items.c.due_at.is_(None), items.c.due_at > now - FORGOTTEN),
    )  # fmt: skip
    if not open_items:
        return 0
    told = notices.told(conn, [one.id for one in open_items])
    lists, tiers = notices.call_lists(conn), notices.tiers(conn)
    found = [
        telling
        for one in open_items
        for telling in escalations(one, now, told, directory, lists, tiers)
    ]
    return notices.tell(conn, found, now) if found else 0


def _seconds(
    until: sa.ColumnElement[datetime] | datetime, since: sa.ColumnElement[datetime]
) -> sa.ColumnElement[float]:
    end = sa.literal(until, INSTANT) if isinstance(until, datetime) else until
    return sa.func.date_part("epoch", end - since, type_=sa.Float)


def _withdraw(conn: Connection) -> None:
    """What waits to be sent about an exam that is read, or that somebody now may read."""
    waits = [one for one in notices.waiting(conn) if one.what.item]
    if not waits:
        return
    known = store.get(conn, [one.what.item for one in waits if one.what.item])
    still_open = {one.id for one in known if one.finished_at is None}
    taken = {one.id for one in known if one.held_by}
    over = [
        one
        for one in waits
        if one.what.item not in still_open
        or (one.what.kind is Kind.NOBODY and one.what.item in taken)
    ]
    notices.withdraw(conn, over)
