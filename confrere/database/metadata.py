"""The one MetaData that every tables.py registers in, and the columns most tables share."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = sa.MetaData(naming_convention=NAMES)


def key(name: str = "id") -> sa.Column[Any]:
    """Make a primary key that the database fills with a random UUID."""
    return sa.Column(name, sa.Uuid, primary_key=True, server_default=sa.func.gen_random_uuid())


def owner() -> sa.Column[Any]:
    """Make the column that row-level security looks at: whose row this is."""
    return sa.Column("owner_group", sa.Uuid, nullable=False)


def ref(name: str, *, null: bool = False) -> sa.Column[Any]:
    """Make a column that holds another row's UUID; parts do not share foreign keys."""
    return sa.Column(name, sa.Uuid, nullable=null)


def text(name: str, *, null: bool = False, default: str | None = "") -> sa.Column[Any]:
    """Make a text column; absent is the empty string unless `null`."""
    fill = None if null or default is None else sa.text(f"'{default}'")
    return sa.Column(name, sa.Text, nullable=null, server_default=fill)


def whole(name: str, default: int = 0) -> sa.Column[Any]:
    """Make an integer column that starts at `default`."""
    return sa.Column(name, sa.BigInteger, nullable=False, server_default=sa.text(str(default)))


def flag(name: str, *, default: bool = False) -> sa.Column[Any]:
    """Make a yes-or-no column."""
    fill = sa.text("true" if default else "false")
    return sa.Column(name, sa.Boolean, nullable=False, server_default=fill)


def instant(name: str, *, null: bool = True) -> sa.Column[Any]:
    """Make a timestamptz column: aware, UTC."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def texts(name: str) -> sa.Column[Any]:
    """Make a text[] column that starts empty."""
    kind = postgresql.ARRAY(sa.Text)
    return sa.Column(name, kind, nullable=False, server_default=sa.text("'{}'"))


def uuids(name: str) -> sa.Column[Any]:
    """Make a uuid[] column that starts empty."""
    kind = postgresql.ARRAY(sa.Uuid)
    return sa.Column(name, kind, nullable=False, server_default=sa.text("'{}'"))


def json(name: str, default: str = "{}") -> sa.Column[Any]:
    """Make a jsonb column."""
    return sa.Column(
        name, postgresql.JSONB, nullable=False, server_default=sa.text(f"'{default}'")
    )
