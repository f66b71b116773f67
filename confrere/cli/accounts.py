"""`confrere init` and `confrere token create`."""

import argparse
import getpass
import secrets
import sys
from datetime import timedelta

from confrere.cli.connection import system_connection
from confrere.cli.output import say
from confrere.identity import service as identity
from confrere.kernel.errors import Conflict, NotFound
from confrere.kernel.principal import Role
from confrere.settings import load
from confrere.wiring.house import clock


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands."""
    first = commands.add_parser("init", help="make the first administrator")
    first.add_argument("--username", default="admin")
    first.add_argument("--name", default="Administrator")
    first.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )
    first.set_defaults(run=run_init)
    token = commands.add_parser("token", help="make bearer tokens for programs")
    verbs = token.add_subparsers(dest="verb", required=True, metavar="VERB")
    create = verbs.add_parser("create", help="make a token with a user's role and group")
    create.add_argument("username")
    create.add_argument("--label", default="command line")
    create.add_argument("--days", type=int, default=90)
    create.set_defaults(run=run_token)


def run_init(asked: argparse.Namespace) -> int:
    """Make the first administrator; refuse when there is one."""
    with system_connection(load()) as conn:
        if any(u.role is Role.ADMINISTRATOR for u in identity.list_users(conn)):
            raise Conflict("there is an administrator already; sign in and add others there")
        password = _password(from_input=asked.password_stdin)
        identity.create_user(
            conn, asked.username, asked.name, Role.ADMINISTRATOR,
            group=None, reader=None, site=None, password=password, now=clock(),
        )  # fmt: skip
    say(f"Administrator {asked.username!r} made. Sign in on the web page.")
    return 0


def run_token(asked: argparse.Namespace) -> int:
    """Print a new token once; only its digest is kept."""
    now = clock()
    with system_connection(load()) as conn:
        found = [u for u in identity.list_users(conn) if u.username == asked.username]
        if not found:
            raise NotFound(f"there is no user {asked.username!r}")
        made = identity.create_token(
            conn, found[0].id, asked.label, expires_at=now + timedelta(days=asked.days),
            now=now, random=secrets.token_bytes,
        )  # fmt: skip
    say(made)
    return 0


def _password(*, from_input: bool) -> str:
    if from_input:
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password (15 characters or more): ")
    if getpass.getpass("Again: ") != first:
        raise Conflict("the two passwords differ; run `confrere init` again")
    return first
