"""Fixtures with a real PostgreSQL: one server a run, one template, a clone where it is needed.

CONFRERE_TEST_SOCKET names the socket folder of a server that already runs (its superuser
is `confrere_boot`); otherwise the run starts a private one and stops it at the end.
"""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from confrere import migrations
from confrere.database import local
from confrere.database.engine import connect

ROLES = ("confrere_owner", "confrere_app", "confrere_system")
clone_numbers = itertools.count(1)


@dataclass(frozen=True)
class Databases:
    """Engines of one test database, one a role."""

    name: str
    socket: str
    app: Engine
    system: Engine
    owner: Engine

    def url(self, role: str) -> str:
        return f"postgresql://{role}@/{self.name}?host={self.socket}"

    def dispose(self) -> None:
        for engine in (self.app, self.system, self.owner):
            engine.dispose()


def databases(socket: str, name: str) -> Databases:
    def of(role: str) -> Engine:
        return connect(f"postgresql://{role}@/{name}?host={socket}", pool=4)

    return Databases(
        name, socket, of("confrere_app"), of("confrere_system"), of("confrere_owner")
    )


def boot(socket: str) -> psycopg.Connection:
    return psycopg.connect(
        f"postgresql://confrere_boot@/postgres?host={socket}", autocommit=True
    )


@pytest.fixture(scope="session")
def postgres_socket(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    """The socket folder of a running server with our three roles."""
    if given := os.environ.get("CONFRERE_TEST_SOCKET"):
        yield given
        return
    shared = tmp_path_factory.getbasetemp()
    home = (shared if worker_id == "master" else shared.parent) / f"server-{worker_id}"
    server = local.start(Path(home), local.TEST_OPTIONS)
    try:
        yield str(server.socket_dir)
    finally:
        local.erase(Path(home))


@pytest.fixture(scope="session")
def template(postgres_socket: str, worker_id: str) -> str:
    """A migrated, empty database to clone."""
    name = f"template_{worker_id}_{os.getpid()}"
    with boot(postgres_socket) as conn:
        for role in ROLES:
            if not conn.execute(
                "select 1 from pg_roles where rolname = %s", (role,)
            ).fetchone():
                conn.execute(f"create role {role} login")  # type: ignore[call-overload]
        conn.execute(f"create database {name} owner confrere_owner")  # type: ignore[call-overload]
    made = databases(postgres_socket, name)
    with made.owner.begin() as conn2:
        migrations.upgrade(conn2)
    made.dispose()
    return name


def clone(socket: str, template_name: str) -> Databases:
    name = f"{template_name}_{next(clone_numbers)}"
    with boot(socket) as conn:
        conn.execute(f"create database {name} template {template_name} owner confrere_owner")  # type: ignore[call-overload]
    return databases(socket, name)


def drop(made: Databases) -> None:
    made.dispose()
    with boot(made.socket) as conn:
        conn.execute(f"drop database {made.name} with (force)")  # type: ignore[call-overload]


@pytest.fixture
def fresh(postgres_socket: str, template: str) -> Iterator[Databases]:
    """A database of this test's own, for edges that open their own transactions."""
    made = clone(postgres_socket, template)
    yield made
    drop(made)


@pytest.fixture(scope="session")
def standing(postgres_socket: str, template: str) -> Iterator[Databases]:
    """A database that this worker's rolled-back tests share."""
    made = clone(postgres_socket, template)
    yield made
    drop(made)


@pytest.fixture
def conn(standing: Databases) -> Iterator[Connection]:
    """A connection of the system role in a transaction that is rolled back."""
    with standing.system.connect() as connection:
        work = connection.begin()
        yield connection
        work.rollback()


@pytest.fixture
def app_conn(standing: Databases) -> Iterator[Connection]:
    """A connection of the app role, seeing nothing until `see_as`, rolled back."""
    with standing.app.connect() as connection:
        work = connection.begin()
        yield connection
        work.rollback()


def count(conn: Connection, table: str) -> int:
    return int(conn.execute(sa.text(f"select count(*) from {table}")).scalar_one())
