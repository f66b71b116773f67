"""Sign people in and out, and keep their accounts. Nothing here commits."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import Connection

from confrere.identity import secrets, store
from confrere.identity.model import (
    LONGEST_TOKEN_LIFE,
    LONGEST_USERNAME,
    Limits,
    User,
    check_belongings,
    check_password,
    locked_until,
    username_of,
)
from confrere.identity.permissions import purpose_of
from confrere.identity.secrets import Random
from confrere.identity.store import Account, Token
from confrere.kernel.errors import Conflict, Invalid, NotFound
from confrere.kernel.ids import GroupId, ReaderId, SiteId, UserId
from confrere.kernel.principal import Principal, Role

# a page full of thumbnails must not write a row a request
TOUCH_EVERY = timedelta(minutes=1)
DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session. `secret` goes to the browser's cookie and nowhere else."""

    secret: str
    principal: Principal
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Rejected:
    """A sign-in that failed. Returned, not raised: the failure must be committed.

    `user` is the account meant, for the audit trail; never tell the caller whether one exists.
    """

    user: User | None
    locked: bool


def sign_in(
    conn: Connection,
    username: str,
    password: str,
    now: datetime,
    *,
    random: Random,
    limits: Limits = DEFAULT_LIMITS,
) -> SignedIn | Rejected:
    """Check a password and start a session. Commit either outcome.

    An unknown, disabled or locked account costs the same work as a known one. From the fifth
    failure in a row the account refuses for a growing time, also the right password.
    """
    account = store.lock_account(conn, username_of(username)[:LONGEST_USERNAME])
    rejected = _judge(conn, account, password, now)
    if rejected or account is None:
        return rejected or Rejected(None, locked=False)
    user = account.user
    if secrets.is_outdated(account.password_hash):
        store.set_password(conn, user.id, secrets.hash_password(password))
    secret = secrets.new_secret(random)
    expires_at = now + limits.life
    session = store.add_session(conn, user.id, secrets.digest(secret), now, expires_at)
    return SignedIn(secret, principal_of_user(user, f"session:{session}"), expires_at)


def sign_out(conn: Connection, secret: str, now: datetime) -> None:
    """End a session; one that is unknown or over stays so."""
    store.end_session(conn, secrets.digest(secret), now)


def principal_of_session(
    conn: Connection,
    secret: str,
    now: datetime,
    *,
    limits: Limits = DEFAULT_LIMITS,
    touch: bool = True,
) -> Principal | None:
    """Say who holds a session; None where it is unknown, over, idle too long, or disabled.

    `touch=False` leaves the idle clock running: for requests that no person made.
    """
    session = store.find_session(conn, secrets.digest(secret))
    if session is None or now >= session.expires_at or now - session.seen_at >= limits.idle:
        return None
    if touch and now - session.seen_at >= TOUCH_EVERY:
        store.touch_session(conn, session.id, now)
    return principal_of_user(session.user, f"session:{session.id}")


def principal_of_token(conn: Connection, secret: str, now: datetime) -> Principal | None:
    """Say who holds a bearer token; None where it is unknown, over, revoked or disabled.

    The audit trail notes each object once a session; a token lives long, so its name there
    changes daily.
    """
    found = store.find_token(conn, secrets.digest(secret), now)
    return principal_of_user(found[1], f"token:{found[0]}:{now:%Y-%m-%d}") if found else None


def create_user(
    conn: Connection,
    username: str,
    name: str,
    role: Role,
    *,
    group: GroupId | None,
    reader: ReaderId | None,
    site: SiteId | None,
    password: str,
    now: datetime,
) -> User:
    """Add an account; raises Invalid (weak password, role without its scope) or Conflict."""
    username = username_of(username)
    if not username or len(username) > LONGEST_USERNAME or any(c.isspace() for c in username):
        raise Invalid("The username needs 1 to 128 characters without spaces.", "username")
    if not name.strip():
        raise Invalid("The account needs the person's name.", "name")
    check_belongings(role, group, reader, site)
    check_password(password, username)
    user = User(
        UserId(uuid4()), username, name.strip(), role, group, reader, site, None, None, now
    )
    if not store.add_user(conn, user, secrets.hash_password(password)):
        raise Conflict(f"The username {username} is taken; choose another one.")
    return user


def list_users(conn: Connection) -> tuple[User, ...]:
    """List every account of the collaborative, by name."""
    return store.list_users(conn)


def last_seen(conn: Connection) -> dict[UserId, datetime]:
    """When each person last used a session, to the minute; who never signed in is absent."""
    return store.last_seen(conn)


def get_user(conn: Connection, user: UserId) -> User:
    """Return one account; raises NotFound."""
    found = store.load_user(conn, user)
    if found is None:
        raise NotFound("There is no such account; look it up in the list of accounts.")
    return found


def change_password(
    conn: Connection, user: UserId, current: str, new: str, now: datetime, *, session: str
) -> bool:
    """Change the own password; False where `current` is wrong, which counts as a failure.

    Ends the user's other sessions. `session` is the secret of the one to keep. Commit both
    outcomes; raises Invalid where the new password is too weak.
    """
    account = store.lock_account_of(conn, user)
    if _judge(conn, account, current, now) or account is None:
        return False
    check_password(new, account.user.username)
    store.set_password(conn, user, secrets.hash_password(new))
    store.end_sessions_of(conn, user, now, but=secrets.digest(session))
    return True


def reset_password(conn: Connection, user: UserId, new: str, now: datetime) -> None:
    """Set another person's password, unlock the account and end its sessions."""
    account = get_user(conn, user)
    check_password(new, account.username)
    store.set_password(conn, user, secrets.hash_password(new))
    store.set_failures(conn, user, 0, None)
    store.end_sessions_of(conn, user, now)


def disable_user(conn: Connection, user: UserId, now: datetime) -> None:
    """Disable an account; its sessions and tokens end with it."""
    get_user(conn, user)
    store.set_disabled(conn, user, now)
    store.end_sessions_of(conn, user, now)
    store.revoke_tokens(conn, user, now)


def enable_user(conn: Connection, user: UserId) -> None:
    """Let a disabled account sign in again; old sessions and tokens stay dead."""
    get_user(conn, user)
    store.set_disabled(conn, user, None)
    store.set_failures(conn, user, 0, None)


def create_token(
    conn: Connection,
    user: UserId,
    label: str,
    *,
    expires_at: datetime,
    now: datetime,
    random: Random,
) -> str:
    """Make a bearer token that acts as `user`; return its secret, shown this once."""
    if not label.strip():
        raise Invalid("Name the system that will use the token.", "label")
    if not now < expires_at <= now + LONGEST_TOKEN_LIFE:
        raise Invalid("A token must end in the future, within 400 days.", "expires_at")
    if get_user(conn, user).disabled_at:
        raise Conflict("The account is disabled; enable it before making a token.")
    secret = secrets.new_secret(random)
    store.add_token(
        conn, user, secrets.digest(secret), label.strip(), now=now, expires_at=expires_at
    )
    return secret


def tokens_of(conn: Connection, user: UserId) -> tuple[Token, ...]:
    """List a user's tokens, newest first."""
    return store.tokens_of(conn, user)


def revoke_token(conn: Connection, user: UserId, token: UUID, now: datetime) -> None:
    """Revoke one token at once; raises NotFound where it is not in force."""
    if not store.revoke_tokens(conn, user, now, only=token):
        raise NotFound("This token is not in force any more.")


def _judge(
    conn: Connection, account: Account | None, password: str, now: datetime
) -> Rejected | None:
    matches = secrets.verify_password(account.password_hash if account else None, password)
    if account is None or account.user.disabled_at:
        return Rejected(account.user if account else None, locked=False)
    user = account.user
    if user.locked_until and now < user.locked_until:
        return Rejected(user, locked=True)
    if not matches:
        failures = account.failures + 1
        until = locked_until(failures, now)
        store.set_failures(conn, user.id, failures, until)
        return Rejected(user, locked=until is not None)
    if account.failures:
        store.set_failures(conn, user.id, 0, None)
    return None


def principal_of_user(user: User, session: str) -> Principal:
    """Say who a user is whose credentials hold."""
    return Principal(
        user=user.id,
        name=user.name,
        role=user.role,
        group=user.group,
        reader=user.reader,
        site=user.site,
        session=session,
        purpose=purpose_of(user.role),
    )
