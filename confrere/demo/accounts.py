"""The demonstration's accounts: random passwords and tokens, shown in `demo.json` alone."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from confrere.demo import people
from confrere.demo.history_load import Ids
from confrere.demo.people import UserPlan
from confrere.identity import service as identity
from confrere.kernel.ids import UserId

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else
_TOKEN_LIFE = timedelta(days=365)
_RENEW_BEFORE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Account:
    """Someone who may sign in, with the secrets in the clear."""

    username: str
    name: str
    role: str
    group: str  # the group's code; empty for the collaborative's own people
    password: str
    token: str


def ensure(
    conn: Connection, ids: Ids, known: tuple[Account, ...], now: datetime
) -> tuple[Account, ...]:
    """Give every user of the plan an account whose secrets we know.

    An account of an earlier start is kept while its token still works for a week; else it
    gets a new password and token.
    """
    there = {one.username: one.id for one in identity.list_users(conn)}
    kept = {one.username: one for one in known}
    made = []
    for plan in people.USERS:
        old = kept.get(plan.username)
        if plan.username in there and old and _works(conn, old, now + _RENEW_BEFORE):
            made.append(old)
        else:
            made.append(_renew(conn, ids, plan, there.get(plan.username), now))
    return tuple(made)


def _works(conn: Connection, account: Account, at: datetime) -> bool:
    found = identity.principal_of_token(conn, account.token, at)
    return found is not None and found.name == account.name


def _renew(
    conn: Connection, ids: Ids, plan: UserPlan, user: UserId | None, now: datetime
) -> Account:
    password = new_password()
    if user is None:
        user = identity.create_user(
            conn, plan.username, plan.name, plan.role,
            group=ids.groups[plan.group] if plan.group else None,
            reader=ids.readers[plan.reader] if plan.reader else None,
            site=ids.sites[plan.site] if plan.site else None,
            password=password, now=now,
        ).id  # fmt: skip
    else:
        identity.reset_password(conn, user, password, now)
    token = identity.create_token(
        conn,
        user,
        "demonstration",
        expires_at=now + _TOKEN_LIFE,
        now=now,
        random=secrets.token_bytes,
    )
    return Account(plan.username, plan.name, str(plan.role), plan.group, password, token)


def new_password() -> str:
    """Four groups of four characters, 79 random bits, easy to copy by eye."""
    parts = ("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))
    return "-".join(parts)
