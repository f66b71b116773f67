"""`confrere demo`: a collaborative of six groups, with traffic through the front doors."""

import argparse
import os
import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from confrere.cli.output import say
from confrere.database.engine import connect
from confrere.demo import dictation, earlier, listeners, switchboard, traffic
from confrere.demo.build import Built, build
from confrere.demo.describe import (
    Doors,
    demo_json,
    known_accounts,
    known_ports,
    known_switchboard,
    words,
    write_demo_json,
)
from confrere.demo.history import EXAMS
from confrere.demo.machines import LOOPBACK, free_ports
from confrere.files.opening import open_blobs
from confrere.main.serve import Extra, serve
from confrere.main.urls import Urls
from confrere.settings import Settings, load
from confrere.wiring.house import clock

DEFAULT_HOME = Path.home() / ".confrere-demo"
SEED = 7


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    made = commands.add_parser("demo", help="build and run the demonstration collaborative")
    made.add_argument(
        "--home", type=Path, help="data folder (default: CONFRERE_HOME or ~/.confrere-demo)"
    )
    made.add_argument("--http-port", type=int)
    made.add_argument("--dicom-port", type=int)
    made.add_argument("--mllp-port", type=int)
    made.add_argument("--studies-per-hour", type=float, default=30.0)
    made.add_argument("--no-traffic", action="store_true", help="send nothing after the start")
    made.add_argument("--seed", type=int, default=SEED)
    made.add_argument(
        "--history",
        type=int,
        default=EXAMS,
        metavar="EXAMS",
        help="synthetic exams to draw (once)",
    )
    made.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """Build what is missing, then run until Ctrl-C."""
    settings = settings_of(asked)
    described = settings.home / "demo.json"
    settings, switchboards = with_switchboard(settings, described)
    doors = Doors(
        settings.http_port, settings.dicom_port, settings.mllp_port, settings.aet,
        *((settings.mail_port, urlsplit(settings.gateway_url).port or 0) if switchboards else ()),
    )  # fmt: skip
    say(f"Starting the demonstration on {settings.home} ...")
    built: list[Built] = []

    def prepare(urls: Urls) -> Sequence[Extra]:
        say("Building the collaborative and a year of synthetic history (once) ...")
        engine = connect(urls.system, pool=2)
        try:
            made = build(
                engine, clock(), asked.seed, free_ports(known_ports(described)),
                known_accounts(described), exams=asked.history,
            )  # fmt: skip
            earlier.load(engine, open_blobs(settings), clock())
        finally:
            engine.dispose()
        built.append(made)
        write_demo_json(described, demo_json(made, doors))
        return [*extras(settings, asked, made), *switchboards]

    def ready() -> None:
        say(words(built[0], doors, described))
        say("  Ctrl-C stops everything, the database included.")

    serve(settings, say, prepare=prepare, ready=ready)
    return 0


def extras(settings: Settings, asked: argparse.Namespace, made: Built) -> list[Extra]:
    """The demonstration's further processes: listeners, dictation, and traffic unless off."""
    ports = dict(made.result_ports)
    found = [Extra("listeners", lambda: listeners.run(settings.home, ports))]
    if not asked.no_traffic:
        rate, seed = asked.studies_per_hour, asked.seed
        found.append(Extra("dictation", lambda: dictation.run(settings)))
        found.append(Extra("traffic", lambda: traffic.run(settings, rate, seed)))
    return found


def with_switchboard(settings: Settings, described: Path) -> tuple[Settings, list[Extra]]:
    """Notices go to the demonstration's own switchboard, unless ways of one's own are set up."""
    if settings.mail_host or settings.gateway_url:
        return settings, []
    ports = free_ports(known_switchboard(described))
    token, home = secrets.token_urlsafe(), settings.home
    changed = replace(
        settings, mail_host=LOOPBACK, mail_port=ports["mail"], mail_security="none",
        mail_from="confrere@demonstration.example", gateway_token=token,
        gateway_url=f"http://{LOOPBACK}:{ports['exchange']}{switchboard.PATH}",
    )  # fmt: skip
    work = Extra(
        "switchboard",
        lambda: switchboard.run(home, ports["mail"], ports["exchange"], token),
    )
    return changed, [work]


def settings_of(asked: argparse.Namespace) -> Settings:
    """The settings of a demonstration: its own data folder, and ports from the command line."""
    given = dict(os.environ)
    if asked.home:
        given["CONFRERE_HOME"] = str(asked.home)
    given.setdefault("CONFRERE_HOME", str(DEFAULT_HOME))
    for name in ("http", "dicom", "mllp"):
        port = getattr(asked, f"{name}_port")
        if port is not None:
            given[f"CONFRERE_{name.upper()}_PORT"] = str(port)
    return load(given)
