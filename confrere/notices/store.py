"""SQL of this part, in and out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.kernel.ids import GroupId, ItemId, ReaderId, SiteId
from confrere.notices.contacts import Contact
from confrere.notices.model import QUEUED, SEEN, SENT, Channel, Kind, Notice, Telling, Told
from confrere.notices.tables import contacts, notice_settings, notices

ONCE = ["owner_group", "about", "kind", "tier", "recipient", "channel"]


def list_contacts(conn: Connection) -> list[Contact]:
    """The contacts that this connection may see."""
    query = sa.select(contacts).order_by(contacts.c.name, contacts.c.id)
    return [_contact(row) for row in conn.execute(query)]


def get_contact(conn: Connection, key: UUID) -> Contact | None:
    """One contact."""
    row = conn.execute(sa.select(contacts).where(contacts.c.id == key)).first()
    return _contact(row) if row else None


def add_contact(conn: Connection, values: dict[str, Any]) -> UUID | None:
    """Add a contact; None where the reader has one already."""
    made = insert(contacts).values(**values).on_conflict_do_nothing()
    found: UUID | None = conn.execute(made.returning(contacts.c.id)).scalar()
    return found


def change_contact(conn: Connection, key: UUID, values: dict[str, Any]) -> bool:
    """Change a contact; say whether it was there."""
    done = sa.update(contacts).where(contacts.c.id == key).values(**values)
    return conn.execute(done.returning(contacts.c.id)).first() is not None


def remove_contact(conn: Connection, key: UUID) -> bool:
    """Remove a contact; say whether it was there."""
    done = sa.delete(contacts).where(contacts.c.id == key).returning(contacts.c.id)
    return conn.execute(done).first() is not None


def tiers(conn: Connection) -> dict[GroupId, frozenset[int]]:
    """Which tiers a group has on, for those that chose."""
    rows = conn.execute(sa.select(notice_settings))
    return {GroupId(r.owner_group): frozenset(r.tiers) for r in rows}


def set_tiers(conn: Connection, group: GroupId, on: Sequence[int]) -> None:
    """Keep which tiers a group has on."""
    made = insert(notice_settings).values(owner_group=group, tiers=list(on))
    again = made.on_conflict_do_update(
        index_elements=["owner_group"], set_={"tiers": made.excluded.tiers}
    )
    conn.execute(again)


def told(conn: Connection, about: Sequence[UUID]) -> Told:
    """What was told about these exams or alerts before."""
    n = notices.c
    query = (
        sa.select(n.about, n.recipient, n.kind, sa.func.max(n.tier), sa.func.bool_or(n.state == SEEN))
        .where(n.about.in_(about))
        .group_by(n.about, n.recipient, n.kind)
    )  # fmt: skip
    rows = conn.execute(query).all()
    return Told(
        {(r[0], r[1], Kind(r[2])): r[3] for r in rows},
        frozenset((r[0], r[1]) for r in rows if r[4]),
    )


def last_messages(
    conn: Connection, recipients: Sequence[UUID], since: datetime
) -> dict[tuple[UUID, Channel], tuple[UUID, datetime, bool]]:
    """The newest message of each recipient and channel: id, when it goes or went, and whether it waits.

    It waits where nobody has tried to send it.
    """
    n = notices.c
    waits = sa.and_(n.state == QUEUED, n.attempts == 0)
    query = (
        sa.select(n.recipient, n.channel, n.message_id, n.next_at, waits)
        .where(
            n.recipient.in_(recipients), n.created_at >= since,
            n.channel != Channel.PRODUCT, n.state.in_((QUEUED, SENT, SEEN)),
        )
        .order_by(n.next_at, n.created_at)
    )  # fmt: skip
    return {(r[0], Channel(r[1])): (r[2], r[3], r[4]) for r in conn.execute(query)}


def add(conn: Connection, values: Sequence[dict[str, Any]]) -> int:
    """Keep notices that are new; return how many were."""
    if not values:
        return 0
    made = insert(notices).on_conflict_do_nothing(index_elements=ONCE).returning(notices.c.id)
    return len(conn.execute(made, list(values)).all())


def due_messages(conn: Connection, now: datetime, limit: int) -> list[UUID]:
    """Messages that are due, the longest due first."""
    n = notices.c
    query = (
        sa.select(n.message_id)
        .where(n.state == QUEUED, n.next_at <= now)
        .group_by(n.message_id)
        .order_by(sa.func.min(n.next_at))
        .limit(limit)
    )
    return list(conn.execute(query).scalars())


def lock_message(conn: Connection, message: UUID, now: datetime) -> list[Notice]:
    """The due notices of a message, locked; none while another process has them."""
    query = (
        sa.select(notices)
        .where(
            notices.c.message_id == message, notices.c.state == QUEUED, notices.c.next_at <= now
        )
        .order_by(notices.c.id)
        .with_for_update(skip_locked=True)
    )
    return [_notice(row) for row in conn.execute(query)]


def change(
    conn: Connection, ids: Sequence[UUID], values: dict[str, Any], *when: sa.ColumnElement[bool]
) -> int:
    """Change notices where `when` holds; return how many."""
    done = sa.update(notices).where(notices.c.id.in_(ids), *when).values(**values)
    return len(conn.execute(done.returning(notices.c.id)).all())


def see(
    conn: Connection,
    about: UUID,
    recipient: UUID,
    states: Sequence[str],
    values: dict[str, Any],
) -> int:
    """Note that a person has seen what they were told about one exam; return how many."""
    n = notices.c
    done = sa.update(notices).where(n.about == about, n.recipient == recipient)
    done = done.where(n.state.in_(states)).values(**values)
    return len(conn.execute(done.returning(n.id)).all())


def get(conn: Connection, key: UUID) -> Notice | None:
    """One notice."""
    row = conn.execute(sa.select(notices).where(notices.c.id == key)).first()
    return _notice(row) if row else None


def listed(
    conn: Connection, limit: int, *when: sa.ColumnElement[bool], newest_first: bool = True
) -> list[Notice]:
    """Notices, by when they were made."""
    order = notices.c.created_at.desc() if newest_first else notices.c.created_at
    query = sa.select(notices).where(*when).order_by(order, notices.c.id).limit(limit)
    return [_notice(row) for row in conn.execute(query)]


def counts(conn: Connection) -> dict[str, int]:
    """How many notices are in each state."""
    query = sa.select(notices.c.state, sa.func.count()).group_by(notices.c.state)
    return {row[0]: row[1] for row in conn.execute(query)}


def _contact(r: Any) -> Contact:
    return Contact(
        r.id, GroupId(r.owner_group), r.role, r.name,
        ReaderId(r.reader_id) if r.reader_id else None,
        SiteId(r.site_id) if r.site_id else None, r.mail, r.phone,
        frozenset(Channel(one) for one in r.channels), r.quiet_from, r.quiet_until, r.time_zone,
    )  # fmt: skip


def _notice(r: Any) -> Notice:
    what = Telling(
        Kind(r.kind), r.tier, r.about, ItemId(r.item_id) if r.item_id else None,
        GroupId(r.owner_group), GroupId(r.to_group), r.recipient, r.role, r.name,
        Channel(r.channel), r.site_name, r.level, r.due_at,
        ReaderId(r.reader_id) if r.reader_id else None, r.contact_id,
    )  # fmt: skip
    return Notice(
        r.id, r.message_id, what, r.said, r.state, r.attempts, r.last_error, r.sent_to,
        r.created_at, r.next_at, r.sent_at, r.seen_at, r.seen_by,
    )  # fmt: skip
