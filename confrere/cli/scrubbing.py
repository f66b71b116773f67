"""`confrere scrub`: re-read the stored images now."""

import argparse
from dataclasses import replace

from confrere.cli.connection import urls_of
from confrere.cli.output import say
from confrere.settings import load
from confrere.wiring import scrubbing
from confrere.wiring.house import open_house


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    made = commands.add_parser("scrub", help="re-read the stored images, find damage, mend it")
    made.add_argument("--minutes", type=float, default=60.0, help="how long at most")
    made.set_defaults(run=_run)


def _run(asked: argparse.Namespace) -> int:
    settings = load()
    with urls_of(settings) as urls:
        house = open_house(
            replace(settings, database_url=urls.app, database_system_url=urls.system), pool=1
        )
        try:
            done = scrubbing.run(house, asked.minutes * 60)
        finally:
            house.close()
    end = "all were read" if done.whole_round else "the next run goes on from here"
    say(f"{done.read} objects read, {done.damaged} damaged, {done.mended} mended; {end}.")
    return 1 if done.damaged > done.mended else 0
