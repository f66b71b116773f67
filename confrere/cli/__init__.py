"""The command line: `confrere demo | serve | init | doctor | scrub | import-images | load-reports | ...`."""

import argparse
import sys
from collections.abc import Sequence

from confrere.cli import (
    accounts,
    backloading,
    database,
    demonstration,
    doctor,
    identities,
    importing_images,
    scrubbing,
    serving,
    simulating,
)
from confrere.database.local_account import LocalServerError
from confrere.kernel.errors import DomainError
from confrere.logs import set_up

COMMANDS = (
    demonstration.add,
    serving.add,
    accounts.add,
    doctor.add,
    scrubbing.add,
    simulating.add,
    importing_images.add,
    backloading.add,
    identities.add,
    database.add,
)


def parser() -> argparse.ArgumentParser:
    """Make the parser of all commands."""
    made = argparse.ArgumentParser(
        prog="confrere",
        description="Independent radiology groups, one collaborative. "
        "Settings come from the environment; see docs/settings.md.",
    )
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status."""
    asked = parser().parse_args(arguments)
    set_up()
    try:
        return int(asked.run(asked) or 0)
    except (DomainError, LocalServerError) as error:
        print(f"confrere {asked.command}: {error}", file=sys.stderr)  # noqa: T201
        return 1
