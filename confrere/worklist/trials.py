"""Ask for replays, follow them, keep and compare what they came to."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from confrere.jobs import events
from confrere.kernel.errors import NotFound
from confrere.kernel.ids import GroupId
from confrere.worklist import store_simulations as store
from confrere.worklist.changes import Change
from confrere.worklist.experiments import (
    FAILED,
    QUEUED,
    READY,
    RUNNING,
    Experiment,
    as_data,
)

RUN_TASK = "simulation.run"
SHOWN = 20


def ask(
    conn: Connection, owner: GroupId, by: str, changes: Sequence[Change], starts: datetime,
    ends: datetime, now: datetime,
) -> UUID:  # fmt: skip
    """Queue a replay of a period; returns its id."""
    made = store.add(conn, {
        "owner_group": owner, "asked_by": by, "asked": as_data(changes), "starts_at": starts,
        "ends_at": ends, "state": QUEUED, "created_at": now,
    })  # fmt: skip
    events.defer(conn, RUN_TASK, queue=events.LONG, simulation_id=made)
    return made


def get(conn: Connection, key: UUID) -> Experiment:
    """One; NotFound, also when it is another group's."""
    found = store.get(conn, key)
    if found is None:
        raise NotFound("there is no such simulation; it may have been removed")
    return found


def listed(conn: Connection, owner: GroupId) -> list[Experiment]:
    """A group's last ones, newest first."""
    return store.listed(conn, owner, SHOWN)


def remove(conn: Connection, key: UUID) -> None:
    """Forget one; NotFound when it is not there."""
    if not store.remove(conn, key):
        raise NotFound("there is no such simulation; it may have been removed")


def advance(conn: Connection, key: UUID, done: float) -> None:
    """Say how far one is."""
    store.change(conn, key, state=RUNNING, done=done)


def finish(conn: Connection, key: UUID, result: Mapping[str, Any], now: datetime) -> None:
    """Keep what one came to."""
    store.change(conn, key, state=READY, done=1.0, result=dict(result), finished_at=now)


def fail(conn: Connection, key: UUID, error: str, now: datetime) -> None:
    """Say why one came to nothing."""
    store.change(conn, key, state=FAILED, error=error, finished_at=now)
