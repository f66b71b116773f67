"""`confrere conformance`: print what we claim to other systems."""

import argparse

from confrere.cli.output import say
from confrere.dimse import conformance, integration


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    made = commands.add_parser(
        "conformance", help="print the DICOM conformance statement, as Markdown"
    )
    made.add_argument(
        "--ihe", action="store_true", help="print the IHE integration statement instead"
    )
    made.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """Print one page."""
    say((integration if asked.ihe else conformance).statement().rstrip("\n"))
    return 0
