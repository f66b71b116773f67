"""Systems that sign each request with a key of their own, instead of holding a token."""

import logging
from datetime import datetime

from sqlalchemy import Connection

from confrere.identity import assertions, service, store_clients
from confrere.identity.assertions import Untrusted
from confrere.identity.model import User
from confrere.identity.store_clients import ClientKeys
from confrere.kernel.errors import Conflict, Invalid
from confrere.kernel.ids import UserId
from confrere.kernel.principal import Principal, Role

log = logging.getLogger(__name__)


def set_keys(conn: Connection, user: UserId, issuer: str, keys: str, at: datetime) -> None:
    """Keep under which name and with which public keys an account's system signs.

    Raises Invalid naming the field; Conflict where another account has that name.
    """
    name = issuer.strip()
    if not 0 < len(name) <= assertions.LONGEST_ID or not name.isprintable():
        raise Invalid(
            "give the issuer (iss) as the client sends it, most often an URL", "issuer"
        )
    if service.get_user(conn, user).role is not Role.HOSPITAL_CLIENT:
        raise Invalid("only the account of a site's system signs its requests", "issuer")
    if not store_clients.put(conn, user, name, assertions.read_keys(keys), at):
        raise Conflict("another account signs under this issuer")


def remove_keys(conn: Connection, user: UserId) -> None:
    """Trust this account's keys no more."""
    store_clients.remove(conn, user)


def keys_of(conn: Connection, user: UserId) -> ClientKeys | None:
    """How an account's system signs; None where it does not."""
    return store_clients.of_user(conn, user)


def principal_of_assertion(
    conn: Connection, token: str, audience: str, now: datetime
) -> Principal | None:
    """Say who signed a request for `audience`; None where it does not hold, or came before.

    Why is logged, and kept where the account's keeper sees it.
    """
    client: ClientKeys | None = None
    try:
        client = store_clients.of_issuer(conn, assertions.issuer_of(token))
        user = _trusted(conn, client, token, audience, now)
    except Untrusted as why:
        log.warning("a signed request was refused: %s", why)
        if client is not None:
            store_clients.note_refused(conn, client.user, str(why), now)
        return None
    return service.principal_of_user(user, f"client:{user.id}:{now:%Y-%m-%d}")


def _trusted(
    conn: Connection, client: ClientKeys | None, token: str, audience: str, now: datetime
) -> User:
    if client is None:
        raise Untrusted("its issuer (iss) is not registered")
    found = assertions.verify(token, client.keys, client.issuer, audience, now)
    user = service.get_user(conn, client.user)
    if user.disabled_at is not None:
        raise Untrusted("the account is disabled")
    if not store_clients.use(conn, client.user, found.id, found.ends_at, now):
        raise Untrusted("it was used before (jti)")
    return user
