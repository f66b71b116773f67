"""Alembic migrations, one linear history, run by the owner role."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from confrere.advice import tables as _advice
from confrere.analytics import tables as _analytics
from confrere.archives import tables as _archives
from confrere.audit import tables as _audit
from confrere.chart import tables as _chart
from confrere.database.metadata import metadata
from confrere.delivery import tables as _delivery
from confrere.identity import tables as _identity
from confrere.imaging import tables as _imaging
from confrere.keeping import tables as _keeping
from confrere.kernel.errors import Unavailable
from confrere.network import tables as _network
from confrere.notices import tables as _notices
from confrere.orders import tables as _orders
from confrere.patients import tables as _patients
from confrere.reading import tables as _reading
from confrere.worklist import tables as _worklist

__all__ = ["config", "current", "head", "metadata", "upgrade"]

PARTS = (
    _advice,
    _analytics,
    _archives,
    _audit,
    _chart,
    _delivery,
    _identity,
    _imaging,
    _keeping,
    _network,
    _notices,
    _orders,
    _patients,
    _reading,
    _worklist,
)


def config(connection: Connection) -> Config:
    """Make Alembic's configuration for an open connection of the owner role."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


def head() -> str:
    """The newest revision this program knows."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    made.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(made).get_current_head() or ""


def current(connection: Connection) -> str:
    """The revision the database is at; empty for a new one."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def upgrade(connection: Connection) -> tuple[str, str]:
    """Bring the schema to `head`; return (before, after).

    Raises Unavailable when the database is newer than this program, which must then be
    upgraded first: an old program never writes to a newer schema.
    """
    connection.execute(sa.text("set lock_timeout = '4s'"))
    before = current(connection)
    known = {
        s.revision for s in ScriptDirectory.from_config(config(connection)).walk_revisions()
    }
    if before and before not in known:
        raise Unavailable(
            f"the database is at revision {before}, newer than this program: upgrade Confrere"
        )
    command.upgrade(config(connection), "head")
    return before, head()
