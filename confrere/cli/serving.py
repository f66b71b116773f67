"""`confrere serve`: the real thing, without demonstration data."""

import argparse

from confrere.cli.output import say
from confrere.main.serve import serve
from confrere.settings import load


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    made = commands.add_parser("serve", help="run Confrere until Ctrl-C")
    made.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    settings = load()
    scheme = "https" if settings.tls_certificate else "http"
    address = f"{scheme}://{settings.http_host}:{settings.http_port}"

    def ready() -> None:
        say(f"Confrere answers on {address}; Ctrl-C stops it.")
        say(
            "New here? `confrere init` makes the first administrator, `confrere doctor` checks."
        )

    say(f"Starting Confrere on {settings.home} ...")
    serve(settings, say, ready=ready)
    return 0
