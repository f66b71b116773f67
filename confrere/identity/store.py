"""Accounts, sessions and tokens in and out of the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.identity.model import User
from confrere.identity.tables import sessions, tokens, users
from confrere.kernel.ids import GroupId, UserId
from confrere.kernel.principal import Role


@dataclass(frozen=True, slots=True)
class Account:
    """A user with what only sign-in may see."""

    user: User
    password_hash: str
    failures: int


@dataclass(frozen=True, slots=True)
class Session:
    """A session and whose it is."""

    id: UUID
    seen_at: datetime
    expires_at: datetime
    user: User


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token, without its secret."""

    id: UUID
    user: UserId
    label: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


def lock_account(conn: Connection, username: str) -> Account | None:
    """Load an account by username, locked so that guesses in parallel count one by one."""
    row = conn.execute(
        sa.select(users).where(users.c.username == username).with_for_update()
    ).one_or_none()
    return _account(row) if row else None


def lock_account_of(conn: Connection, user: UserId) -> Account | None:
    """Load an account by id, locked."""
    row = conn.execute(
        sa.select(users).where(users.c.id == user).with_for_update()
    ).one_or_none()
    return _account(row) if row else None


def accounts_of(conn: Connection, group: GroupId, roles: Sequence[Role]) -> list[Account]:
    """Load a group's accounts of some roles that are not disabled, by username."""
    query = sa.select(users).where(
        users.c.group_id == group,
        users.c.role.in_([role.value for role in roles]),
        users.c.disabled_at.is_(None),
    )
    return [_account(row) for row in conn.execute(query.order_by(users.c.username))]


def list_users(conn: Connection) -> tuple[User, ...]:
    """Load all users by name."""
    return tuple(
        _user(row)
        for row in conn.execute(sa.select(users).order_by(users.c.name, users.c.username))
    )


def load_user(conn: Connection, user: UserId) -> User | None:
    """Load one user."""
    row = conn.execute(sa.select(users).where(users.c.id == user)).one_or_none()
    return _user(row) if row else None


def add_user(conn: Connection, user: User, password_hash: str) -> bool:
    """Add a user; False where the username is taken."""
    statement = insert(users).values(
        id=user.id,
        username=user.username,
        name=user.name,
        role=user.role.value,
        group_id=user.group,
        reader_id=user.reader,
        site_id=user.site,
        password_hash=password_hash,
        created_at=user.created_at,
    )
    added = conn.execute(
        statement.on_conflict_do_nothing(index_elements=["username"]).returning(users.c.id)
    )
    return added.one_or_none() is not None


def set_failures(
    conn: Connection, user: UserId, failures: int, locked_until: datetime | None
) -> None:
    """Set how many sign-ins failed in a row, and until when the account refuses."""
    conn.execute(
        sa.update(users)
        .where(users.c.id == user)
        .values(failures=failures, locked_until=locked_until)
    )


def set_password(conn: Connection, user: UserId, password_hash: str) -> None:
    """Set a password's hash."""
    conn.execute(sa.update(users).where(users.c.id == user).values(password_hash=password_hash))


def set_disabled(conn: Connection, user: UserId, at: datetime | None) -> None:
    """Disable an account, or enable it again with None."""
    conn.execute(sa.update(users).where(users.c.id == user).values(disabled_at=at))


def add_session(
    conn: Connection, user: UserId, digest: bytes, now: datetime, expires_at: datetime
) -> UUID:
    """Add a session; return its id."""
    made = conn.execute(
        sa.insert(sessions)
        .values(
            secret_digest=digest,
            user_id=user,
            created_at=now,
            seen_at=now,
            expires_at=expires_at,
        )
        .returning(sessions.c.id)
    )
    return UUID(str(made.scalar_one()))


def find_session(conn: Connection, digest: bytes) -> Session | None:
    """Find a session that nobody ended, of a user who is not disabled."""
    row = conn.execute(
        sa.select(
            sessions.c.id.label("session_id"),
            sessions.c.seen_at,
            sessions.c.expires_at,
            *users.c,
        )
        .join(users, users.c.id == sessions.c.user_id)
        .where(
            sessions.c.secret_digest == digest,
            sessions.c.ended_at.is_(None),
            users.c.disabled_at.is_(None),
        )
    ).one_or_none()
    if row is None:
        return None
    return Session(row.session_id, row.seen_at, row.expires_at, _user(row))


def touch_session(conn: Connection, session: UUID, now: datetime) -> None:
    """Note that a session was used."""
    conn.execute(sa.update(sessions).where(sessions.c.id == session).values(seen_at=now))


def last_seen(conn: Connection) -> dict[UserId, datetime]:
    """When each user's sessions were last used."""
    query = sa.select(sessions.c.user_id, sa.func.max(sessions.c.seen_at))
    found = conn.execute(query.group_by(sessions.c.user_id))
    return {UserId(user): seen for user, seen in found}


def end_session(conn: Connection, digest: bytes, now: datetime) -> None:
    """End one session."""
    conn.execute(
        sa.update(sessions)
        .where(sessions.c.secret_digest == digest, sessions.c.ended_at.is_(None))
        .values(ended_at=now)
    )


def end_sessions_of(
    conn: Connection, user: UserId, now: datetime, *, but: bytes | None = None
) -> None:
    """End a user's sessions, all but the one with the digest `but`."""
    chosen = sa.and_(sessions.c.user_id == user, sessions.c.ended_at.is_(None))
    if but is not None:
        chosen = sa.and_(chosen, sessions.c.secret_digest != but)
    conn.execute(sa.update(sessions).where(chosen).values(ended_at=now))


def add_token(
    conn: Connection,
    user: UserId,
    digest: bytes,
    label: str,
    *,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Add a token."""
    conn.execute(
        sa.insert(tokens).values(
            secret_digest=digest,
            user_id=user,
            label=label,
            created_at=now,
            expires_at=expires_at,
        )
    )


def find_token(conn: Connection, digest: bytes, now: datetime) -> tuple[UUID, User] | None:
    """Find a token in force, of a user who is not disabled."""
    row = conn.execute(
        sa.select(tokens.c.id.label("token_id"), *users.c)
        .join(users, users.c.id == tokens.c.user_id)
        .where(
            tokens.c.secret_digest == digest,
            tokens.c.revoked_at.is_(None),
            tokens.c.expires_at > now,
            users.c.disabled_at.is_(None),
        )
    ).one_or_none()
    return (row.token_id, _user(row)) if row else None


def tokens_of(conn: Connection, user: UserId) -> tuple[Token, ...]:
    """Load a user's tokens, newest first."""
    rows = conn.execute(
        sa.select(tokens).where(tokens.c.user_id == user).order_by(tokens.c.created_at.desc())
    )
    return tuple(
        Token(
            row.id,
            UserId(row.user_id),
            row.label,
            row.created_at,
            row.expires_at,
            row.revoked_at,
        )
        for row in rows
    )


def revoke_tokens(
    conn: Connection, user: UserId, now: datetime, *, only: UUID | None = None
) -> int:
    """Revoke a user's tokens, or only one of them; return how many."""
    chosen = sa.and_(tokens.c.user_id == user, tokens.c.revoked_at.is_(None))
    if only is not None:
        chosen = sa.and_(chosen, tokens.c.id == only)
    gone = conn.execute(
        sa.update(tokens).where(chosen).values(revoked_at=now).returning(tokens.c.id)
    )
    return len(gone.all())


def _account(row: sa.Row[tuple[object, ...]]) -> Account:
    return Account(_user(row), row.password_hash, row.failures)


def _user(row: sa.Row[tuple[object, ...]]) -> User:
    return User(
        id=UserId(row.id),
        username=row.username,
        name=row.name,
        role=Role(row.role),
        group=row.group_id,
        reader=row.reader_id,
        site=row.site_id,
        disabled_at=row.disabled_at,
        locked_until=row.locked_until,
        created_at=row.created_at,
    )
