"""SQL of the gateways, in and out."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from confrere.kernel.ids import GroupId, PeerId, SiteId
from confrere.network.gateways import Gateway, GatewayId
from confrere.network.tables_gateways import gateways as t


def add(conn: Connection, values: dict[str, Any]) -> GatewayId:
    """Add a row; return its id."""
    return GatewayId(conn.execute(sa.insert(t).values(values).returning(t.c.id)).scalar_one())


def listed(conn: Connection) -> list[Gateway]:
    """All that the caller may see, by name; those revoked last."""
    rows = conn.execute(sa.select(t).order_by(t.c.revoked_at.is_not(None), t.c.name, t.c.id))
    return [_gateway(row) for row in rows]


def get(conn: Connection, key: GatewayId) -> Gateway | None:
    """One, if the caller may see it."""
    row = conn.execute(sa.select(t).where(t.c.id == key)).one_or_none()
    return _gateway(row) if row else None


def of_token(conn: Connection, digest: bytes) -> Gateway | None:
    """The gateway whose token this is, unless it was revoked."""
    row = conn.execute(
        sa.select(t).where(t.c.token_digest == digest, t.c.revoked_at.is_(None))
    ).one_or_none()
    return _gateway(row) if row else None


def use_code(
    conn: Connection, code: bytes, token: bytes, version: str, now: datetime
) -> Gateway | None:
    """Give the token for the code, once: the code is gone then."""
    row = conn.execute(
        sa.update(t)
        .where(t.c.code_digest == code, t.c.code_until > now, t.c.revoked_at.is_(None))
        .values(
            code_digest=None, code_until=None, token_digest=token, enrolled_at=now,
            last_seen_at=now, version=version,
        )
        .returning(t)
    ).one_or_none()  # fmt: skip
    return _gateway(row) if row else None


def change(conn: Connection, key: GatewayId, values: dict[str, Any]) -> bool:
    """Change one; False when it is not there."""
    changed = conn.execute(sa.update(t).where(t.c.id == key).values(values).returning(t.c.id))
    return changed.one_or_none() is not None


def audited(conn: Connection, key: GatewayId, chain: str, number: int) -> bool:
    """Move the number of the last audit event forward; False when it is there already."""
    moved = (
        sa.update(t)
        .where(t.c.id == key, sa.or_(t.c.audited_chain != chain, t.c.audited_to < number))
        .values(audited_chain=chain, audited_to=number)
        .returning(t.c.id)
    )
    return conn.execute(moved).one_or_none() is not None


def _gateway(row: Row[Any]) -> Gateway:
    return Gateway(
        GatewayId(row.id), GroupId(row.owner_group), SiteId(row.site_id), PeerId(row.peer_id),
        row.name, row.made_at, row.made_by, row.code_until, row.enrolled_at, row.last_seen_at,
        row.version, row.said, row.revoked_at, row.downtime, row.audited_to,
        row.audited_chain,
    )  # fmt: skip
