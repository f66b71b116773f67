"""Audit events in and out of the database."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.audit.model import GENESIS, Access, Agent, Event, Link
from confrere.audit.tables import audit_events as events
from confrere.kernel.ids import GroupId, PatientId, StudyId, UserId

CHAIN_BATCH = 2000
ADD = sa.insert(events)  # made once: every search and every page ends in it


@dataclass(frozen=True, slots=True)
class EventQuery:
    """What to look for; an absent field does not narrow. `since` <= at < `until`."""

    owner_group: GroupId | None = None
    since: datetime | None = None
    until: datetime | None = None
    user: UserId | None = None
    user_name: str = ""  # part of the name, in any case
    action: str = ""
    kind: str = ""
    door: str = ""
    outcome: str = ""
    patient: PatientId | None = None
    study: StudyId | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of events ended; the next page starts below it."""

    at: datetime
    owner_group: GroupId
    seq: int


def lock_chain(conn: Connection, group: GroupId) -> None:
    """Wait until no other transaction adds to this chain; held until the end of this one."""
    conn.execute(
        sa.text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"audit:{group}"},
    )


def last_link(conn: Connection, group: GroupId) -> tuple[int, bytes]:
    """Return the chain's last number and mac; (0, GENESIS) where it is empty."""
    row = conn.execute(
        sa.text("select seq, mac from audit_last(:chain)"), {"chain": group}
    ).one_or_none()
    return (row.seq, bytes(row.mac)) if row else (0, GENESIS)


def add(conn: Connection, link: Link) -> None:
    """Add a link."""
    event, agent = link.event, link.event.agent
    conn.execute(
        ADD,
        {
            "owner_group": event.owner_group,
            "seq": link.seq,
            "at": event.at,
            "action": event.action,
            "kind": event.kind,
            "door": event.door,
            "outcome": event.outcome,
            "user_id": agent.user,
            "user_name": agent.name,
            "user_group": agent.group,
            "session": agent.session,
            "purpose": agent.purpose,
            "patient_id": event.patient_id,
            "study_id": event.study_id,
            "object_id": event.object_id,
            "detail": dict(event.detail),
            "mac": link.mac,
        },
    )


def is_noted(conn: Connection, access: Access) -> bool:
    """Say whether this session's access to this object is in the trail."""
    group, session, kind, door, object_id = access
    found = conn.execute(
        sa.text("select audit_noted(:chain, :session, :kind, :door, :object)"),
        {
            "chain": group,
            "session": session,
            "kind": kind,
            "door": door,
            "object": object_id,
        },
    )
    return bool(found.scalar_one())


def find(
    conn: Connection, query: EventQuery, limit: int, before: Place | None
) -> tuple[Link, ...]:
    """Find events, newest first, of the chains that this transaction may see."""
    order = (events.c.at.desc(), events.c.owner_group.desc(), events.c.seq.desc())
    statement = sa.select(events).where(*_narrow(query)).order_by(*order).limit(limit)
    if before is not None:
        place = sa.tuple_(events.c.at, events.c.owner_group, events.c.seq)
        statement = statement.where(place < (before.at, before.owner_group, before.seq))
    return tuple(_link(row) for row in conn.execute(statement))


def chain(conn: Connection, group: GroupId) -> Iterator[Link]:
    """Read a chain from its start, without holding it all."""
    after = 0
    while True:
        rows = conn.execute(
            sa.select(events)
            .where(events.c.owner_group == group, events.c.seq > after)
            .order_by(events.c.seq)
            .limit(CHAIN_BATCH)
        ).all()
        yield from (_link(row) for row in rows)
        if len(rows) < CHAIN_BATCH:
            return
        after = rows[-1].seq


def _narrow(query: EventQuery) -> list[sa.ColumnElement[bool]]:
    exact = {
        events.c.owner_group: query.owner_group,
        events.c.user_id: query.user,
        events.c.action: query.action,
        events.c.kind: query.kind,
        events.c.door: query.door,
        events.c.outcome: query.outcome,
        events.c.patient_id: query.patient,
        events.c.study_id: query.study,
    }
    chosen = [column == value for column, value in exact.items() if value]
    if query.since:
        chosen.append(events.c.at >= query.since)
    if query.until:
        chosen.append(events.c.at < query.until)
    if query.user_name:
        chosen.append(events.c.user_name.icontains(query.user_name, autoescape=True))
    return chosen


def _link(row: sa.Row[tuple[object, ...]]) -> Link:
    agent = Agent(row.user_id, row.user_name, row.user_group, row.session, row.purpose)
    event = Event(
        owner_group=GroupId(row.owner_group),
        at=row.at,
        action=row.action,
        kind=row.kind,
        door=row.door,
        agent=agent,
        outcome=row.outcome,
        patient_id=row.patient_id,
        study_id=row.study_id,
        object_id=row.object_id,
        detail=row.detail,
    )
    return Link(row.seq, event, bytes(row.mac))
