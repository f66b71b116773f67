"""The command line: `confrere COMMAND`; each command is a module of this folder."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from confrere.database.local_account import LocalServerError
from confrere.kernel.errors import DomainError
from confrere.logs import set_up

# command -> its module; only that is loaded, so that a small command starts fast
COMMANDS = {
    "demo": "demonstration",
    "serve": "serving",
    "init": "accounts",
    "token": "accounts",
    "doctor": "doctor",
    "scrub": "scrubbing",
    "simulate": "simulating",
    "import-images": "importing_images",
    "load-reports": "backloading",
    "identities": "identities",
    "peers": "peers",
    "conformance": "conformance",
    "gateway": "gateway",
    "db": "database",
}


def parser(command: str = "") -> argparse.ArgumentParser:
    """Make the parser of one command, or of all where it names none."""
    made = argparse.ArgumentParser(
        prog="confrere",
        description="Independent radiology groups, one collaborative. "
        "Settings come from the environment; see docs/settings.md.",
    )
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    named = [COMMANDS[command]] if command in COMMANDS else dict.fromkeys(COMMANDS.values())
    for module in named:
        import_module(f"{__name__}.{module}").add(commands)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    asked = parser(words[0] if words else "").parse_args(words)
    set_up()
    try:
        return int(asked.run(asked) or 0)
    except (DomainError, LocalServerError) as error:
        print(f"confrere {asked.command}: {error}", file=sys.stderr)  # noqa: T201
        return 1
