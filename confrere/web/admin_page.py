"""Accounts: who may sign in, as what, and the tokens of systems.

An administrator of a group keeps that group's accounts; one of the collaborative keeps all.
"""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, StringConstraints
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.identity import clients
from confrere.identity import service as identity
from confrere.identity.assertions import LONGEST_SET
from confrere.identity.model import User
from confrere.identity.permissions import Permission
from confrere.identity.secrets import Random
from confrere.kernel.errors import Conflict, Invalid, NotFound
from confrere.kernel.ids import GroupId, ReaderId, SiteId, UserId
from confrere.kernel.principal import Principal, Role
from confrere.network import service as network
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.context import context_of

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 signs, none that looks like another
PASSWORD_SIGNS = 20  # 100 random bits
GROUPED_BY = 5
TOKEN_DAYS = (30, 90, 365)
LIST, ONE = (
    ("admin.html", "parts/admin_accounts.html"),
    ("admin.html", "parts/admin_account.html"),
)
Admin = Annotated[Principal, Depends(allow(Permission.MANAGE_USERS))]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=128)]

router = APIRouter(default_response_class=HTMLResponse)


class Asked(BaseModel):
    """A new account as it was typed."""

    username: Text = ""
    name: Text = ""
    role: Text = ""
    group: Text = ""
    reader: Text = ""
    site: Text = ""


@router.get("/admin")
def accounts(request: Request, me: Admin) -> Response:
    """Show the accounts that this person keeps."""
    return _list(request, me)


@router.post("/admin")
def create(request: Request, me: Admin, asked: Annotated[Asked, Form()]) -> Response:
    """Add an account; its password is shown this once."""
    context, password = context_of(request), new_password(context_of(request).random)
    if asked.role not in set(Role):
        raise Invalid("Choose the role.", "role")
    with transaction(context.engine, frozenset()) as conn:
        group, reader, site = _belongings(conn, request, me, asked)
        user = identity.create_user(
            conn, asked.username, asked.name, Role(asked.role), group=group, reader=reader,
            site=site, password=password, now=context.now(),
        )  # fmt: skip
        _note(conn, request, me, user, "created")
    return _list(request, me, secret=(f"The password of {user.username}", password))


@router.get("/admin/{user_id}")
def account(request: Request, me: Admin, user_id: UUID) -> Response:
    """Show one account with its tokens."""
    return _one(request, me, user_id)


@router.post("/admin/{user_id}/disable")
def disable(request: Request, me: Admin, user_id: UUID) -> Response:
    """Disable an account; its sessions and tokens end."""
    if user_id == me.user:
        raise Conflict("You cannot disable your own account; another administrator can.")
    context = context_of(request)
    with transaction(context.engine, frozenset()) as conn:
        user = _kept(conn, me, user_id)
        identity.disable_user(conn, user.id, context.now())
        _note(conn, request, me, user, "disabled")
    return _one(request, me, user_id, "Disabled. Sessions and tokens have ended.")


@router.post("/admin/{user_id}/enable")
def enable(request: Request, me: Admin, user_id: UUID) -> Response:
    """Let a disabled or locked account sign in again."""
    with transaction(context_of(request).engine, frozenset()) as conn:
        user = _kept(conn, me, user_id)
        identity.enable_user(conn, user.id)
        _note(conn, request, me, user, "enabled")
    return _one(request, me, user_id, "The account may sign in. Revoked tokens stay revoked.")


@router.post("/admin/{user_id}/password")
def reset_password(request: Request, me: Admin, user_id: UUID) -> Response:
    """Give an account a new password, shown this once; its sessions end."""
    if user_id == me.user:
        raise Conflict("Change your own password on your account's page.")
    context = context_of(request)
    password = new_password(context.random)
    with transaction(context.engine, frozenset()) as conn:
        user = _kept(conn, me, user_id)
        identity.reset_password(conn, user.id, password, context.now())
        _note(conn, request, me, user, "password reset")
    return _one(request, me, user_id, secret=(f"The password of {user.username}", password))


@router.post("/admin/{user_id}/tokens")
def create_token(
    request: Request, me: Admin, user_id: UUID, label: Annotated[Text, Form()] = "",
    days: Annotated[int, Form()] = TOKEN_DAYS[0],
) -> Response:  # fmt: skip
    """Make a bearer token, shown this once, that acts as the account."""
    if days not in TOKEN_DAYS:
        raise Invalid("Choose how long the token lives.", "days")
    context = context_of(request)
    with transaction(context.engine, frozenset()) as conn:
        user, now = _kept(conn, me, user_id), context.now()
        secret = identity.create_token(
            conn, user.id, label, expires_at=now + timedelta(days=days), now=now,
            random=context.random,
        )  # fmt: skip
        _note(conn, request, me, user, "token created")
    return _one(request, me, user_id, secret=(f"The token for {label}", secret))


@router.post("/admin/{user_id}/tokens/{token_id}/revoke")
def revoke_token(request: Request, me: Admin, user_id: UUID, token_id: UUID) -> Response:
    """Revoke a token at once."""
    context = context_of(request)
    with transaction(context.engine, frozenset()) as conn:
        user = _kept(conn, me, user_id)
        identity.revoke_token(conn, user.id, token_id, context.now())
        _note(conn, request, me, user, "token revoked")
    return _one(request, me, user_id, "The token is revoked; it is refused from now on.")


@router.post("/admin/{user_id}/keys")
def set_keys(
    request: Request, me: Admin, user_id: UUID, issuer: Annotated[Text, Form()] = "",
    keys: Annotated[str, Form(max_length=LONGEST_SET)] = "",
) -> Response:  # fmt: skip
    """Keep the public keys with which the account's system signs its requests."""
    with transaction(context_of(request).engine, frozenset()) as conn:
        user = _kept(conn, me, user_id)
        clients.set_keys(conn, user.id, issuer, keys, context_of(request).now())
        _note(conn, request, me, user, "client keys set")
    return _one(request, me, user_id, "The keys are kept; requests signed with them hold.")


@router.post("/admin/{user_id}/keys/remove")
def remove_keys(request: Request, me: Admin, user_id: UUID) -> Response:
    """Trust the account's keys no more."""
    with transaction(context_of(request).engine, frozenset()) as conn:
        user = _kept(conn, me, user_id)
        clients.remove_keys(conn, user.id)
        _note(conn, request, me, user, "client keys removed")
    return _one(request, me, user_id, "Removed. Signed requests are refused from now on.")


def new_password(random: Random) -> str:
    """Make a password of 20 signs in four groups, easy to copy by eye."""
    signs = "".join(ALPHABET[byte & 31] for byte in random(PASSWORD_SIGNS))
    return "-".join(signs[n : n + GROUPED_BY] for n in range(0, PASSWORD_SIGNS, GROUPED_BY))


def keeps(me: Principal, user: User) -> bool:
    """Say whether an account is this administrator's to keep."""
    return me.group is None or user.group == me.group


def _kept(conn: Connection, me: Principal, user_id: UUID) -> User:
    user = identity.get_user(conn, UserId(user_id))
    if not keeps(me, user):
        raise NotFound("There is no such account among yours.")
    return user


def _belongings(
    conn: Connection, request: Request, me: Principal, asked: Asked
) -> tuple[GroupId | None, ReaderId | None, SiteId | None]:
    """What the account is scoped by, chosen from what exists and is this person's to give."""
    directory = network.directory(conn, context_of(request).now())
    group = next((one for one in directory.groups if str(one) == asked.group), None)
    if asked.group and group is None:
        raise Invalid("Choose one of the groups.", "group")
    if me.group is not None and group != me.group:
        raise Invalid("The account must belong to your own group.", "group")
    reader = next((r for r in directory.readers.values() if str(r.id) == asked.reader), None)
    if asked.reader and (reader is None or reader.group != group):
        raise Invalid("Choose a reader of the account's group.", "reader")
    site = next((s for s in directory.sites.values() if str(s.id) == asked.site), None)
    if asked.site and (site is None or site.owner_group != group):
        raise Invalid("Choose a site of the account's group.", "site")
    return group, reader.id if reader else None, site.id if site else None


def _note(conn: Connection, request: Request, me: Principal, user: User, act: str) -> None:
    note_act(
        conn, request, me, "account", object_id=user.id, owner=user.group,
        action="C" if act == "created" else "U", act=act, username=user.username,
        role=user.role.value,
    )  # fmt: skip


def _list(
    request: Request, me: Principal, said: str = "", secret: tuple[str, str] = ("", "")
) -> Response:
    context = context_of(request)
    now = context.now()
    with transaction(context.engine, frozenset()) as conn:
        users = [one for one in identity.list_users(conn) if keeps(me, one)]
        directory, seen = network.directory(conn, now), identity.last_seen(conn)
    groups = [g for g in directory.groups.values() if me.group in (None, g.id)]
    return show(
        request, *LIST, said=said, secret=secret, users=users, seen=seen, roles=list(Role),
        groups=groups, directory=directory,
        readers=[r for r in directory.readers.values() if me.group in (None, r.group)],
        own_sites=[s for s in directory.sites.values() if me.group in (None, s.owner_group)],
    )  # fmt: skip


def _one(
    request: Request, me: Principal, user_id: UUID, said: str = "",
    secret: tuple[str, str] = ("", ""),
) -> Response:  # fmt: skip
    context = context_of(request)
    with transaction(context.engine, frozenset()) as conn:
        user = _kept(conn, me, user_id)
        tokens, keys = identity.tokens_of(conn, user.id), clients.keys_of(conn, user.id)
        directory, seen = network.directory(conn, context.now()), identity.last_seen(conn)
    return show(
        request, *ONE, said=said, secret=secret, user=user, tokens=tokens, days=TOKEN_DAYS,
        keys=keys, signs=user.role is Role.HOSPITAL_CLIENT,
        address=context.settings.page_address, seen=seen.get(user.id), directory=directory, is_me=user.id == me.user,
    )  # fmt: skip
