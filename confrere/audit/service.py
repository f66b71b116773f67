"""Note what happened, find it again, and show whether anyone tampered with it.

Noting locks the owner group's chain until the transaction ends: note as the last step.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from confrere.audit import store
from confrere.audit.model import (
    NO_DETAIL,
    Agent,
    ChainState,
    Detail,
    Event,
    Link,
    check_chain,
    mac_of,
    storable,
)
from confrere.audit.noted import Noted
from confrere.audit.store import EventQuery, Place
from confrere.kernel.ids import GroupId, PatientId, StudyId
from confrere.kernel.principal import Principal

__all__ = ["EventQuery", "Place", "events", "note", "note_access", "note_all", "verify"]

NOTED = Noted()  # one a process


def note(conn: Connection, key: bytes, event: Event) -> None:
    """Add one event to its owner group's chain."""
    note_all(conn, key, (event,))


def note_all(conn: Connection, key: bytes, events: Sequence[Event]) -> None:
    """Add several events; chains are locked in one order, so that transactions never cross."""
    for event in sorted(events, key=lambda one: one.owner_group):
        clean = _storable(event)
        store.lock_chain(conn, clean.owner_group)
        last, previous = store.last_link(conn, clean.owner_group)
        mac = mac_of(key, previous, last + 1, clean)
        store.add(conn, Link(last + 1, clean, mac))


def note_access(
    conn: Connection,
    key: bytes,
    who: Principal | Agent,
    *,
    door: str,
    kind: str,
    owner_group: GroupId,
    object_id: UUID | None,
    now: datetime,
    patient_id: PatientId | None = None,
    study_id: StudyId | None = None,
    action: str = "R",
    detail: Detail = NO_DETAIL,
    noted: Noted = NOTED,
) -> None:
    """Note that someone saw or changed an object.

    Reading the same object again through the same door in the same session adds nothing;
    every other action, and a list (`object_id` None), is noted each time.
    """
    agent = Agent.of(who) if isinstance(who, Principal) else who
    if action == "R" and object_id and agent.session:
        access = (owner_group, agent.session, kind, door, object_id)
        if noted.knows(access):
            return
        if store.is_noted(conn, access):
            noted.remember(access)
            return
        # a viewer asks for many frames at once: the second of them waits and finds the first
        store.lock_chain(conn, owner_group)
        if store.is_noted(conn, access):
            return
    note(
        conn,
        key,
        Event(
            owner_group=owner_group,
            at=now,
            action=action,
            kind=kind,
            door=door,
            agent=agent,
            patient_id=patient_id,
            study_id=study_id,
            object_id=object_id,
            detail=detail,
        ),
    )


def events(
    conn: Connection, query: EventQuery, limit: int = 100, before: Place | None = None
) -> tuple[Link, ...]:
    """Find events, newest first, of the chains that this transaction may see."""
    return store.find(conn, query, limit, before)


def verify(
    conn: Connection, key: bytes, group: GroupId, known: ChainState | None = None
) -> ChainState:
    """Check a group's whole chain; the transaction must see the whole of it.

    `known` is an earlier result that was kept outside the database (`heads.load`).
    """
    return check_chain(key, store.chain(conn, group), known)


def _storable(event: Event) -> Event:
    agent = event.agent
    return replace(
        event,
        door=storable(event.door),
        kind=storable(event.kind),
        outcome=storable(event.outcome),
        agent=replace(agent, name=storable(agent.name), session=storable(agent.session)),
        detail={
            storable(name): storable(value) if isinstance(value, str) else value
            for name, value in event.detail.items()
        },
    )
