"""`confrere doctor`: check every part, print settings and limits, and say what to do."""

import argparse
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import sqlalchemy as sa

from confrere import migrations
from confrere.assets import default_folder
from confrere.cli import doctor_store
from confrere.cli.findings import Finding
from confrere.cli.output import say
from confrere.database import local
from confrere.database.engine import connect, transaction
from confrere.database.local_account import LocalServerError
from confrere.dimse.limits import Limits as DicomLimits
from confrere.hl7.mllp import Limits as MllpLimits
from confrere.kernel.errors import DomainError, Invalid
from confrere.main.urls import Urls, of_private, of_settings
from confrere.network import service as network
from confrere.settings import ENVIRONMENT, SECRETS, Settings, is_loopback, load
from confrere.wiring.dicom_tls import server_context

LOW_DISK_BYTES = 5 * 1024**3


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    made = commands.add_parser("doctor", help="check all parts; print settings and limits")
    made.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Print everything; exit 1 when something must be mended."""
    settings = load()
    say("Settings")
    for name, variable in ENVIRONMENT.items():
        value = getattr(settings, name)
        shown = "(set)" if name in SECRETS and value else value
        say(f"  {variable:28} {shown}")
    say("Limits")
    for door, limits in (("dicom", DicomLimits()), ("hl7", MllpLimits())):
        for field in fields(limits):
            say(f"  {door + ' ' + field.name:36} {getattr(limits, field.name)}")
    say("Checks")
    bad = 0
    for finding in check(settings):
        bad += not finding.ok
        say(f"  {'ok  ' if finding.ok else 'FAIL'} {finding.what}")
        if finding.remedy:
            say(f"       -> {finding.remedy}")
    say("All is well." if not bad else f"{bad} to mend.")
    return 1 if bad else 0


def check(settings: Settings) -> Iterator[Finding]:
    """Check every part, one after the other."""
    yield _home(settings.home)
    yield _disk(settings.home)
    yield from doctor_store.places(settings)
    yield _assets(settings)
    for what, host, port in (
        ("web", settings.http_host, settings.http_port),
        ("DICOM door", settings.dicom_host, settings.dicom_port),
        ("HL7 door", settings.mllp_host, settings.mllp_port),
    ):
        yield _door(what, host, port)
    if settings.dicom_tls_port:
        yield _dicom_tls(settings)
    yield from _ways(settings)
    yield from _database(settings)


def _home(home: Path) -> Finding:
    if not home.exists():
        return Finding(ok=True, what=f"data folder {home} will be made at the first start")
    if not os.access(home, os.W_OK):
        return Finding(
            False, f"data folder {home} can't be written", "change its owner or CONFRERE_HOME"
        )
    mode = home.stat().st_mode & 0o077
    remedy = f"chmod 700 {home}" if mode else ""
    return Finding(
        not mode, f"data folder {home} is {'open to others' if mode else 'ours alone'}", remedy
    )


def _disk(home: Path) -> Finding:
    there = next(p for p in (home, *home.parents) if p.exists())
    free = shutil.disk_usage(there).free
    what = f"{free / 1024**3:.1f} GB free on the data disk"
    enough = free > LOW_DISK_BYTES
    return Finding(enough, what, "" if enough else "free or add space: at 0 images are refused")


def _assets(settings: Settings) -> Finding:
    folder = Path(settings.assets) if settings.assets else default_folder()
    there = (folder / "ohif" / "index.html").exists()
    remedy = "" if there else "run `python -m confrere.assets` (or `make assets`)"
    return Finding(there, f"viewer and page assets in {folder}", remedy)


def _door(what: str, host: str, port: int) -> Finding:
    try:
        with socket.create_connection((host, port), 1):
            return Finding(ok=True, what=f"{what} answers on {host}:{port}")
    except OSError:
        return Finding(
            False, f"{what} does not answer on {host}:{port}", "start `confrere serve`"
        )


def _dicom_tls(settings: Settings) -> Finding:
    try:
        server_context(settings)
    except Invalid as error:
        remedy = "give PEM files that this account can read; see docs/howto/tls.md"
        return Finding(False, f"DICOM by TLS: {error}", remedy)
    return Finding(ok=True, what="the certificates of DICOM by TLS can be read")


def _ways(settings: Settings) -> Iterator[Finding]:
    for way, given in (("mail", settings.mail_host), ("SMS or voice", settings.gateway_url)):
        state = "set up" if given else "not set up: notices by it are kept and shown as failed"
        yield Finding(ok=True, what=f"{way} for notices is {state}")


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        urls = _urls(settings)
        if urls is None:
            yield Finding(
                False, "the private PostgreSQL does not run", "start `confrere serve`"
            )
            return
        for role, url in (("app", urls.app), ("system", urls.system), ("owner", urls.owner)):
            yield from _role(role, url)
        yield from doctor_store.scrubs(urls.system)
        yield from _peers(urls)
    except (DomainError, LocalServerError, sa.exc.SQLAlchemyError) as error:
        yield Finding(False, f"database: {type(error).__name__}", str(error).split("\n")[0])


def _urls(settings: Settings) -> Urls | None:
    if settings.database_url:
        return of_settings(settings)
    server = local.status(settings.home) if settings.home.exists() else None
    return of_private(server) if server else None


def _role(role: str, url: str) -> Iterator[Finding]:
    engine = connect(url, pool=1)
    try:
        with engine.connect() as conn:
            plain = conn.execute(
                sa.text(
                    "select not (rolsuper or rolbypassrls) from pg_roles where rolname = current_user"
                )
            ).scalar_one()
            yield Finding(
                bool(plain),
                f"database role {role} is a plain role",
                "" if plain else "use a role that is no superuser and has no BYPASSRLS",
            )
            if role == "owner":
                yield from _schema(conn)
    finally:
        engine.dispose()


def _schema(conn: sa.Connection) -> Iterator[Finding]:
    at, head = migrations.current(conn), migrations.head()
    yield Finding(
        at == head,
        f"schema at {at or 'nothing'}, program knows {head}",
        "" if at == head else "run `confrere db upgrade`",
    )
    for name in ("fsync", "synchronous_commit", "data_checksums"):
        value = conn.execute(sa.select(sa.func.current_setting(name))).scalar_one()
        remedy = "" if value == "on" else f"set {name} = on: acknowledged images could be lost"
        yield Finding(value == "on", f"PostgreSQL {name} is {value}", remedy)


def _peers(urls: Urls) -> Iterator[Finding]:
    engine = connect(urls.system, pool=1)
    try:
        with transaction(engine, frozenset()) as conn:
            for peer in network.peers(conn):
                beyond = peer.address and not is_loopback(peer.address)
                if beyond:
                    how = (
                        "in the clear"
                        if peer.plain_beyond_loopback
                        else "refused (plain not allowed)"
                    )
                    yield Finding(
                        ok=True,
                        what=f"peer {peer.name} ({peer.door}) at {peer.address}, {how}"
                        + (f", on {peer.interface}" if peer.interface else ""),
                    )
    except Invalid as error:
        yield Finding(False, "peers can't be read", str(error))
    finally:
        engine.dispose()
