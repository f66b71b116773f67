"""`confrere db upgrade | stop`."""

import argparse

from confrere.cli.connection import urls_of
from confrere.cli.output import say
from confrere.database import local
from confrere.main.serve import migrate
from confrere.settings import load


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    made = commands.add_parser("db", help="upgrade or stop the database")
    verbs = made.add_subparsers(dest="verb", required=True, metavar="VERB")
    upgrade = verbs.add_parser("upgrade", help="bring the schema up to date")
    upgrade.set_defaults(run=run_upgrade)
    stop = verbs.add_parser("stop", help="stop the private server of CONFRERE_HOME")
    stop.set_defaults(run=run_stop)


def run_upgrade(_: argparse.Namespace) -> int:
    """Bring the schema up to date and say from what to what."""
    with urls_of(load()) as urls:
        before, after = migrate(urls)
    say(
        f"The schema is at {after}" + ("" if before == after else f" (was {before or 'empty'})")
    )
    return 0


def run_stop(_: argparse.Namespace) -> int:
    """Stop the private server, if it runs."""
    home = load().home
    say("Stopped." if local.stop(home) else f"No private server runs on {home}.")
    return 0
