"""Engines and transactions. Every transaction says whose rows it may see."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from confrere.kernel.errors import Unavailable
from confrere.kernel.ids import GroupId

log = logging.getLogger(__name__)

# no connection, a lost one, none free in time; also a deadlock, which trying again mends
AWAY = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)


def connect(url: str, *, pool: int = 10) -> Engine:
    """Make an engine for a libpq URL (`postgresql://role@/database?host=...`).

    `pool` is the number of connections kept; keep it equal to the number of threads
    that use the engine, so that a thread never waits for another's connection.
    """
    return sa.create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=pool,
        max_overflow=2,
        pool_pre_ping=True,
        hide_parameters=True,  # errors must not carry patient data
        connect_args={"application_name": "confrere"},
    )


@contextmanager
def transaction(engine: Engine, groups: frozenset[GroupId]) -> Iterator[Connection]:
    """Open a transaction that sees the rows of `groups` and what is shared with them.

    An empty set sees nothing that belongs to a group: row-level security fails closed.
    The system role (worker, dispatcher) is not narrowed by it. Raises Unavailable when the
    database does not answer or breaks off: whether a commit was made is then unknown, and the
    whole may be tried again.
    """
    try:
        with engine.begin() as conn:
            see_as(conn, groups)
            yield conn
    except AWAY as error:
        log.warning("the database does not answer: %s", type(error).__name__)
        raise Unavailable("the database does not answer; try again in a minute") from error


def see_as(conn: Connection, groups: frozenset[GroupId]) -> None:
    """Narrow the rest of this transaction to `groups`."""
    names = ",".join(sorted(str(group) for group in groups))
    conn.execute(sa.text("select set_config('app.groups', :names, true)"), {"names": names})
