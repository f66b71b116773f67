"""Tell other parts what happened. An event is a job per subscriber, in the same transaction.

Deferred inside the caller's transaction, the job queue is the outbox: a rollback leaves no
job. Subscribers must be idempotent, because a job of a dead worker runs again.
"""

from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

import procrastinate
from sqlalchemy import Connection

app = procrastinate.App(connector=procrastinate.PsycopgConnector())
subscribers: dict[type, tuple[str, ...]] = {}  # event -> task names; filled once, in wiring


def publish(conn: Connection, event: Any) -> None:
    """Queue `event` for each subscriber; it reaches them only if `conn` commits.

    Events are flat dataclasses of ids, text, numbers and instants: never patient data,
    because job arguments are shown to operators.
    """
    payload = {field.name: _plain(getattr(event, field.name)) for field in fields(event)}
    for name in subscribers.get(type(event), ()):
        defer(conn, name, **payload)


def defer(conn: Connection, task: str, **arguments: Any) -> None:
    """Queue one job by its task's name, in `conn`'s transaction."""
    job = app.configure_task(name=task, connection=conn.connection.driver_connection)
    job.defer(**{name: _plain(value) for name, value in arguments.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, tuple | list | frozenset | set):
        return [_plain(one) for one in value]
    return value
