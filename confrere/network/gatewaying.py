"""Enrol, hear and revoke gateways. The caller owns the transaction."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from confrere.kernel.errors import Conflict, Invalid, NotFound, Refused
from confrere.kernel.ids import GroupId, PeerId, SiteId
from confrere.network import service, store_gateways
from confrere.network.gateways import CODE_HOURS, GATEWAY, Gateway, GatewayId
from confrere.network.systems import Peer

_NEW = PeerId(UUID(int=0))  # the database gives the real id
_CODE_BYTES, _TOKEN_BYTES = 10, 32
_LONGEST_NAME, _LONGEST_VERSION = 64, 32
Random = Callable[[int], bytes]


def listed(conn: Connection) -> list[Gateway]:
    """The gateways that the caller may see, by name."""
    return store_gateways.listed(conn)


def get(conn: Connection, key: GatewayId) -> Gateway:
    """One gateway; NotFound."""
    found = store_gateways.get(conn, key)
    if found is None:
        raise NotFound("no such gateway in your group")
    return found


def add(
    conn: Connection, owner: GroupId, site_id: SiteId, name: str, by: str, now: datetime,
    random: Random,
) -> tuple[GatewayId, str]:  # fmt: skip
    """Make a gateway of a site; return it with the code that enrols it once, within a day.

    A peer of its own stands for it wherever a message's or image's sender is told. Raises
    Invalid without a name, Refused for another group's site.
    """
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise Invalid("give the gateway a name of 1 to 64 characters", "name")
    if service.site(conn, site_id).owner_group != owner:
        raise Refused("only the group that owns a site may put a gateway there")
    code = _new_code(random)
    peer = service.register_peer(conn, Peer(_NEW, owner, GATEWAY, name, site=site_id))
    made = store_gateways.add(conn, {
        "owner_group": owner, "site_id": site_id, "peer_id": peer, "name": name,
        "made_at": now, "made_by": by, "code_digest": _digest(_plain(code)),
        "code_until": now + timedelta(hours=CODE_HOURS),
    })  # fmt: skip
    return made, code


def renew_code(conn: Connection, key: GatewayId, now: datetime, random: Random) -> str:
    """Make a new code for a gateway: its machine is replaced, or the code had lapsed.

    The old machine keeps its token until the new one enrols. Conflict for a revoked one.
    """
    if get(conn, key).revoked_at is not None:
        raise Conflict("this gateway is revoked: add a new one")
    code = _new_code(random)
    until = now + timedelta(hours=CODE_HOURS)
    values = {"code_digest": _digest(_plain(code)), "code_until": until}
    store_gateways.change(conn, key, values)
    return code


def enrol(
    conn: Connection, code: str, version: str, now: datetime, random: Random
) -> tuple[Gateway, str]:
    """Take a code, once; return the gateway and its token, of which only the digest is kept.

    Refused for a code that is unknown, used or lapsed; nothing tells which.
    """
    token = base64.urlsafe_b64encode(random(_TOKEN_BYTES)).decode().rstrip("=")
    known = store_gateways.use_code(
        conn, _digest(_plain(code)), _digest(token), version[:_LONGEST_VERSION], now
    )
    if known is None:
        raise Refused("this code is not known, was used or has lapsed: make a new one")
    return known, token


def of_token(conn: Connection, token: str) -> Gateway | None:
    """The gateway that calls with this token; None for an unknown or revoked one."""
    return store_gateways.of_token(conn, _digest(token))


def hear(
    conn: Connection, key: GatewayId, version: str, said: Mapping[str, Any], now: datetime
) -> None:
    """Keep what a gateway tells of itself."""
    values = {"last_seen_at": now, "version": version[:_LONGEST_VERSION], "said": dict(said)}
    store_gateways.change(conn, key, values)


def unheard(conn: Connection, since: datetime) -> list[Gateway]:
    """Gateways in use that were not heard of since an instant, as far as the caller may see."""
    return [
        one
        for one in store_gateways.listed(conn)
        if one.revoked_at is None and one.last_seen_at is not None and one.last_seen_at < since
    ]


def let_read(conn: Connection, key: GatewayId, *, on: bool) -> Gateway:
    """Let the group's readers read at a gateway in downtime, or no more. Conflict when revoked."""
    if get(conn, key).revoked_at is not None:
        raise Conflict("this gateway is revoked: add a new one")
    store_gateways.change(conn, key, {"downtime": on})
    return get(conn, key)


def note_audited(conn: Connection, known: Gateway, chain: str, number: int) -> bool:
    """Keep up to which of its audit events our trail has come; False when that was so before.

    `chain` names the machine's record: a new machine counts anew.
    """
    return store_gateways.audited(conn, known.id, chain, number)


def revoke(conn: Connection, key: GatewayId, now: datetime) -> Gateway:
    """Take a gateway's token away for good; what it sent stays. Conflict when it is gone."""
    known = get(conn, key)
    if known.revoked_at is not None:
        raise Conflict("this gateway is revoked already")
    store_gateways.change(conn, key, {"revoked_at": now, "code_digest": None})
    service.enable_peer(conn, known.peer, enabled=False)
    return known


def _new_code(random: Random) -> str:
    """Make 80 random bits, four letters or digits at a time, as people can read them out."""
    text = base64.b32encode(random(_CODE_BYTES)).decode()
    return "-".join(text[n : n + 4] for n in range(0, len(text), 4))


def _plain(code: str) -> str:
    return "".join(c for c in code.upper() if c.isalnum())


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
