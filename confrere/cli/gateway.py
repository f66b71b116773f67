"""`confrere gateway`: the small door at a hospital that sends on to the centre."""

import argparse
from pathlib import Path

from confrere.cli.output import say
from confrere.gateway import running

HOME = "/var/lib/confrere-gateway"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands."""
    made = commands.add_parser("gateway", help="take images and messages in at a hospital")
    below = made.add_subparsers(dest="act", required=True, metavar="VERB")
    enrol = below.add_parser("enrol", help="give the centre's one-time code, once")
    enrol.add_argument("code", help="as the page Gateways of the centre showed it")
    enrol.add_argument("--home", type=Path, default=Path(HOME), help="its folder")
    enrol.set_defaults(run=_enrol)
    run = below.add_parser("run", help="run until Ctrl-C")
    run.add_argument("--home", type=Path, default=Path(HOME), help="its folder")
    run.set_defaults(run=_run)


def _enrol(asked: argparse.Namespace) -> int:
    name, site = running.enrol(asked.home, asked.code)
    say(f"Enrolled as {name!r} of {site}. Start it: confrere gateway run")
    return 0


def _run(asked: argparse.Namespace) -> int:
    running.run(asked.home, say)
    return 0
