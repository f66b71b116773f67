"""Tell other parts what happened. An event is a job per subscriber, in the same transaction.

Deferred inside the caller's transaction, the job queue is the outbox: a rollback leaves no
job. Subscribers must be idempotent, because a job of a dead worker runs again.
"""

from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued
from sqlalchemy import Connection

# two faces of one queue: the worker runs tasks of `app` on its own asynchronous connections,
# everybody defers through `outbox` on the connection of the transaction at hand
app = procrastinate.App(connector=procrastinate.PsycopgConnector())
outbox = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())
subscribers: dict[type, tuple[str, ...]] = {}  # event -> task names; filled once, in wiring
priorities: dict[str, int] = {}  # task name -> what goes first has the highest; else 0
LONG = "long"  # the queue of what takes seconds: it holds up no other job


def publish(conn: Connection, event: Any, *, once: str = "") -> None:
    """Queue `event` for each subscriber; it reaches them only if `conn` commits.

    Events are flat dataclasses of ids, text, numbers and instants: never patient data,
    because job arguments are shown to operators. With `once`, nothing is added while a job
    for the same key still waits: a study of a thousand images is one job, not a thousand.
    """
    payload = {field.name: getattr(event, field.name) for field in fields(event)}
    for name in subscribers.get(type(event), ()):
        defer(conn, name, once=f"{name}:{once}" if once else "", **payload)


def defer(
    conn: Connection, task: str, *, once: str = "", queue: str = "default", **arguments: Any
) -> None:
    """Queue one job by its task's name, in `conn`'s transaction."""
    plain = {name: _plain(value) for name, value in arguments.items()}
    raw, priority = conn.connection.driver_connection, priorities.get(task, 0)
    job = outbox.configure_task(
        name=task, connection=raw, queue=queue, priority=priority,
        queueing_lock=once or None,
    )  # fmt: skip
    if not once:
        job.defer(**plain)
        return
    try:
        with conn.begin_nested():
            job.defer(**plain)
    except AlreadyEnqueued:
        return


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, tuple | list | frozenset | set):
        return [_plain(one) for one in value]
    return value
