"""Engines and transactions. Every transaction says whose rows it may see."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from confrere.kernel.ids import GroupId


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
    The system role (worker, dispatcher) is not narrowed by it.
    """
    with engine.begin() as conn:
        see_as(conn, groups)
        yield conn


def see_as(conn: Connection, groups: frozenset[GroupId]) -> None:
    """Narrow the rest of this transaction to `groups`."""
    names = ",".join(sorted(str(group) for group in groups))
    conn.execute(sa.text("select set_config('app.groups', :names, true)"), {"names": names})
