"""SQL of this part, in and out."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.delivery.model import (
    DEAD,
    FAILED,
    REPLACED,
    STATUS_KIND,
    WAITING,
    Outgoing,
    Received,
)
from confrere.delivery.tables import outgoing, received
from confrere.kernel.ids import GroupId, MessageId, PeerId, ReportId, SiteId
from confrere.network.systems import Peer


def add_received(conn: Connection, values: dict[str, Any]) -> MessageId:
    """Keep a message that came in."""
    done = sa.insert(received).values(**values).returning(received.c.id)
    return MessageId(conn.execute(done).scalar_one())


def has_received(conn: Connection, peer: Peer, control_id: str, content: bytes) -> bool:
    """Say whether these bytes came from this peer before."""
    query = sa.select(received.c.id).where(
        received.c.owner_group == peer.owner_group,
        received.c.peer_id == peer.id,
        received.c.control_id == control_id[:64],
        received.c.content == content,
    )
    return conn.execute(query.limit(1)).first() is not None


def get_received(conn: Connection, message: MessageId) -> Received | None:
    """One message that came in."""
    row = conn.execute(sa.select(received).where(received.c.id == message)).first()
    return _received(row) if row else None


def change_received(conn: Connection, message: MessageId, values: dict[str, Any]) -> bool:
    """Say what became of a message."""
    done = sa.update(received).where(received.c.id == message).values(**values)
    return conn.execute(done.returning(received.c.id)).first() is not None


def list_received(conn: Connection, states: list[str], limit: int) -> list[Received]:
    """Messages in these states, newest first."""
    query = sa.select(received).order_by(received.c.received_at.desc()).limit(limit)
    if states:
        query = query.where(received.c.state.in_(states))
    return [_received(row) for row in conn.execute(query)]


def count_received(conn: Connection) -> dict[str, int]:
    """How many messages are in each state."""
    query = sa.select(received.c.state, sa.func.count()).group_by(received.c.state)
    return {row[0]: row[1] for row in conn.execute(query)}


def differences(conn: Connection, most: int) -> dict[PeerId, list[timedelta]]:
    """What each sender's newest messages say of when they were made, less when they came."""
    newest = sa.select(
        received.c.peer_id,
        (received.c.said_at - received.c.received_at).label("off"),
        sa.func.row_number()
        .over(partition_by=received.c.peer_id, order_by=received.c.received_at.desc())
        .label("n"),
    ).where(received.c.said_at.is_not(None), received.c.peer_id.is_not(None))
    inner = newest.subquery()
    found: dict[PeerId, list[timedelta]] = defaultdict(list)
    for row in conn.execute(sa.select(inner).where(inner.c.n <= most).order_by(inner.c.n)):
        found[PeerId(row.peer_id)].append(row.off)
    return found


def count_arrivals(
    conn: Connection, site: SiteId, since: datetime, until: datetime
) -> dict[str, int]:
    """How many messages of a site came in a period, by state."""
    query = (
        sa.select(received.c.state, sa.func.count())
        .where(
            received.c.site_id == site,
            received.c.received_at >= since,
            received.c.received_at < until,
        )
        .group_by(received.c.state)
    )
    return {row[0]: row[1] for row in conn.execute(query)}


def count_failed_fields(
    conn: Connection, site: SiteId, since: datetime, until: datetime
) -> dict[str, int]:
    """How many failed messages of a site named which field."""
    query = (
        sa.select(received.c.field, sa.func.count())
        .where(
            received.c.site_id == site,
            received.c.state == FAILED,
            received.c.received_at >= since,
            received.c.received_at < until,
        )
        .group_by(received.c.field)
    )
    return {row[0]: row[1] for row in conn.execute(query)}


def add_outgoing(conn: Connection, values: dict[str, Any]) -> MessageId:
    """Put a message into the outbox."""
    done = sa.insert(outgoing).values(**values).returning(outgoing.c.id)
    return MessageId(conn.execute(done).scalar_one())


def replace_waiting(conn: Connection, peer: PeerId, site: SiteId, accession: str) -> None:
    """Give up an exam's statuses that have not left; those that leave just now are locked."""
    stale = (
        sa.select(outgoing.c.id)
        .where(
            outgoing.c.peer_id == peer,
            outgoing.c.site_id == site,
            outgoing.c.kind == STATUS_KIND,
            outgoing.c.accession == accession,
            outgoing.c.state.in_((WAITING, DEAD)),
        )
        .with_for_update(skip_locked=True)
    )
    values = {"state": REPLACED, "last_error": "a newer status of this exam took its place"}
    conn.execute(sa.update(outgoing).where(outgoing.c.id.in_(stale)).values(**values))


def has_newer(conn: Connection, message: Outgoing) -> bool:
    """Say whether a later message of the same kind is about the same exam."""
    query = sa.select(outgoing.c.id).where(
        outgoing.c.owner_group == message.owner_group,
        outgoing.c.site_id == message.site,
        outgoing.c.kind == message.kind,
        outgoing.c.accession == message.accession,
        outgoing.c.place > message.place,
    )
    return conn.execute(query.limit(1)).first() is not None


def next_of_peer(conn: Connection, peer: PeerId) -> Outgoing | None:
    """The first message that waits for a peer, locked; order is kept per destination."""
    query = (
        sa.select(outgoing)
        .where(outgoing.c.peer_id == peer, outgoing.c.state == WAITING)
        .order_by(outgoing.c.place)
        .limit(1)
        .with_for_update()
    )
    row = conn.execute(query).first()
    return _outgoing(row) if row else None


def peers_waiting(conn: Connection, now: datetime) -> list[PeerId]:
    """Peers whose first waiting message is due."""
    first = (
        sa.select(sa.func.min(outgoing.c.place))
        .where(outgoing.c.state == WAITING)
        .group_by(outgoing.c.peer_id)
    )
    query = sa.select(outgoing.c.peer_id).where(
        outgoing.c.state == WAITING, outgoing.c.next_at <= now, outgoing.c.place.in_(first)
    )
    return [PeerId(one) for one in conn.execute(query).scalars()]


def change_outgoing(
    conn: Connection, message: MessageId, values: dict[str, Any], *when: sa.ColumnElement[bool]
) -> bool:
    """Change an outgoing message if `when` holds."""
    done = sa.update(outgoing).where(outgoing.c.id == message, *when).values(**values)
    return conn.execute(done.returning(outgoing.c.id)).first() is not None


def get_outgoing(conn: Connection, message: MessageId) -> Outgoing | None:
    """One outgoing message."""
    row = conn.execute(sa.select(outgoing).where(outgoing.c.id == message)).first()
    return _outgoing(row) if row else None


def list_outgoing(conn: Connection, states: list[str], limit: int) -> list[Outgoing]:
    """Outgoing messages in these states, newest first."""
    query = sa.select(outgoing).order_by(outgoing.c.place.desc()).limit(limit)
    if states:
        query = query.where(outgoing.c.state.in_(states))
    return [_outgoing(row) for row in conn.execute(query)]


def of_report(conn: Connection, report: ReportId) -> list[Outgoing]:
    """What was or will be sent for a report."""
    query = sa.select(outgoing).where(outgoing.c.report_id == report)
    return [_outgoing(row) for row in conn.execute(query.order_by(outgoing.c.place))]


def count_outgoing(conn: Connection) -> dict[str, int]:
    """How many messages are in each state."""
    query = sa.select(outgoing.c.state, sa.func.count()).group_by(outgoing.c.state)
    return {row[0]: row[1] for row in conn.execute(query)}


def oldest_waiting(conn: Connection) -> datetime | None:
    """When the oldest message that still waits was put into the outbox."""
    query = sa.select(sa.func.min(outgoing.c.created_at)).where(outgoing.c.state == WAITING)
    since: datetime | None = conn.execute(query).scalar_one()
    return since


def _received(r: Any) -> Received:
    return Received(
        MessageId(r.id), GroupId(r.owner_group), PeerId(r.peer_id) if r.peer_id else None,
        SiteId(r.site_id) if r.site_id else None, r.door, r.address, r.kind, r.control_id,
        bytes(r.content), r.state, r.reason, r.field, r.remedy, r.attempts, r.received_at,
        r.done_at,
    )  # fmt: skip


def _outgoing(r: Any) -> Outgoing:
    return Outgoing(
        MessageId(r.id), GroupId(r.owner_group), SiteId(r.site_id) if r.site_id else None,
        PeerId(r.peer_id), ReportId(r.report_id) if r.report_id else None, r.kind, r.accession,
        r.control_id, bytes(r.content), r.place, r.state, r.attempts, r.last_error,
        r.answer_code, r.answer_text, r.created_at, r.next_at, r.sent_at,
    )  # fmt: skip
