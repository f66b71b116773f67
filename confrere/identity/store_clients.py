"""The keys of clients that sign their requests, and the ids they have used, in and out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.identity.tables import client_assertions, client_keys
from confrere.kernel.ids import UserId


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """How an account's system signs: its issuer and public keys."""

    user: UserId
    issuer: str
    keys: Mapping[str, Any]
    changed_at: datetime
    used_at: datetime | None
    refused_at: datetime | None
    refused: str

    @property
    def names(self) -> tuple[str, ...]:
        """The key ids."""
        return tuple(str(one["kid"]) for one in self.keys["keys"])


def of_user(conn: Connection, user: UserId) -> ClientKeys | None:
    """An account's keys."""
    return _one(conn, client_keys.c.user_id == user)


def of_issuer(conn: Connection, issuer: str) -> ClientKeys | None:
    """The keys of who signs under this name."""
    return _one(conn, client_keys.c.issuer == issuer)


def _one(conn: Connection, which: sa.ColumnElement[bool]) -> ClientKeys | None:
    row = conn.execute(sa.select(client_keys).where(which)).first()
    if row is None:
        return None
    return ClientKeys(
        UserId(row.user_id), row.issuer, row.keys, row.changed_at, row.used_at, row.refused_at,
        row.refused,
    )  # fmt: skip


def put(
    conn: Connection, user: UserId, issuer: str, keys: Mapping[str, Any], at: datetime
) -> bool:
    """Keep an account's keys; False where another account signs under this name."""
    if (other := of_issuer(conn, issuer)) is not None and other.user != user:
        return False
    values = {"issuer": issuer, "keys": dict(keys), "changed_at": at, "refused": ""}
    made = insert(client_keys).values(user_id=user, **values)
    conn.execute(made.on_conflict_do_update(index_elements=["user_id"], set_=values))
    return True


def remove(conn: Connection, user: UserId) -> None:
    """Forget an account's keys."""
    conn.execute(sa.delete(client_keys).where(client_keys.c.user_id == user))


def use(conn: Connection, user: UserId, one: str, ends_at: datetime, at: datetime) -> bool:
    """Note the id of a signed request; False where it was used before."""
    c = client_assertions.c
    conn.execute(sa.delete(client_assertions).where(c.user_id == user, c.ends_at < at))
    made = insert(client_assertions).values(user_id=user, jti=one, ends_at=ends_at)
    new = conn.execute(made.on_conflict_do_nothing().returning(c.jti)).first() is not None
    if new:
        mine = client_keys.c.user_id == user
        conn.execute(sa.update(client_keys).where(mine).values(used_at=at))
    return new


def note_refused(conn: Connection, user: UserId, why: str, at: datetime) -> None:
    """Keep why the last signed request was refused, for who keeps the account."""
    mine = client_keys.c.user_id == user
    conn.execute(sa.update(client_keys).where(mine).values(refused_at=at, refused=why))
