"""A PostgreSQL of one's own for a measurement, migrated and empty."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confrere import migrations
from confrere.database import local
from tests.database import ROLES, Databases, boot, databases


@contextmanager
def measured(*, durable: bool) -> Iterator[Databases]:
    """Start a server; `durable` keeps what a site would: fsync and synchronous commit."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        server = local.start(home) if durable else local.start(home, local.TEST_OPTIONS)
        try:
            socket = str(server.socket_dir)
            with boot(socket) as conn:
                for role in ROLES:
                    if not conn.execute(
                        "select 1 from pg_roles where rolname = %s", (role,)
                    ).fetchone():
                        conn.execute(f"create role {role} login")  # type: ignore[call-overload]
                conn.execute("create database bench owner confrere_owner")
            made = databases(socket, "bench")
            with made.owner.begin() as conn2:
                migrations.upgrade(conn2)
            yield made
            made.dispose()
        finally:
            local.erase(home)
