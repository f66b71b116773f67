"""`confrere load-reports`: a site's earlier reports from a file of any size."""

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from confrere.cli.connection import system_engine
from confrere.cli.output import say
from confrere.database.engine import transaction
from confrere.files.folder import BlobStore
from confrere.files.opening import open_blobs
from confrere.jobs import events
from confrere.kernel.errors import Invalid
from confrere.network import service as network
from confrere.reading import backloading
from confrere.reading.backloads import CSV, HL7, LOADED, UNREADABLE, Backload
from confrere.settings import load
from confrere.wiring import backload
from confrere.wiring.tasks import SUBSCRIBERS

LARGEST_FILE = 1024 * 1024 * 1024
SHOWN = 20


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    made = commands.add_parser(
        "load-reports", help="load a site's earlier reports as priors, from HL7 or CSV"
    )
    made.add_argument("file", type=Path, help="an HL7 batch or a CSV file")
    made.add_argument("--site", required=True, help="the site's code")
    made.add_argument("--dry-run", action="store_true", help="try every row and write none")
    made.set_defaults(run=_run)


def _run(asked: argparse.Namespace) -> int:
    settings = load()
    content = _content(asked.file)
    with ExitStack() as stack:
        engine = stack.enter_context(system_engine(settings))
        events.subscribers.update(SUBSCRIBERS)
        blobs = open_blobs(settings)
        found = _take(engine, blobs, asked, content)
        if found.state != "stopped":
            found = backload.check(engine, blobs, found.id, _now(), _teller("tried"))
        _told(engine, found)
        if found.state == UNREADABLE:
            return 1
        if asked.dry_run:
            say(
                "Nothing was written. Without --dry-run the rows that can be loaded are loaded."
            )
            return 0
        with transaction(engine, frozenset()) as conn:
            backloading.begin(conn, found.id, _now())
        done = backload.load(engine, blobs, found.id, _now, _teller("loaded"))
        say(f"Reports loaded: {done.added}. Here already: {done.same}. Not loaded: "
            f"{done.failed}.")  # fmt: skip
        if done.state != LOADED:
            say("The file was stopped before its end; the same command goes on.")
        return int(done.state != LOADED)


def _now() -> datetime:
    return datetime.now(UTC)


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Invalid("the file is over 1 GB: split it", "file")
        return path.read_bytes()
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}", "file") from None


def _take(
    engine: Engine, blobs: BlobStore, asked: argparse.Namespace, content: bytes
) -> Backload:
    start = content.lstrip(b"\xef\xbb\xbf\x0b\r\n ")[:3]
    form = HL7 if start in (b"MSH", b"FHS", b"BHS") else CSV
    with transaction(engine, frozenset()) as conn:
        sites = {one.code: one for one in network.sites(conn)}
        if asked.site not in sites:
            known = ", ".join(sorted(sites))
            raise Invalid(f"there is no site {asked.site}; there are: {known}", "site")
        site = sites[asked.site]
        return backloading.take(
            conn, site.owner_group, site.id, form, asked.file.name, blobs.put(content),
            len(content), "command line", _now(),
        )  # fmt: skip


def _teller(word: str) -> Callable[[Backload], None]:
    last = [-1]

    def tell(found: Backload) -> None:
        if found.share // 10 != last[0]:
            last[0] = found.share // 10
            say(f"  {found.done} of {found.rows} rows {word}")

    return tell


def _told(engine: Engine, found: Backload) -> None:
    if found.state == UNREADABLE:
        say("The file cannot be read as reports:")
    else:
        say(f"Rows: {found.rows}. To load: {found.added}. Here already: {found.same}. Cannot be "
            f"loaded: {found.failed}. With a procedure that the map lacks: {found.untyped}."
        )  # fmt: skip
    with transaction(engine, frozenset()) as conn:
        wrong = backloading.problems(conn, found.id, SHOWN)
    for one in wrong:
        where = f"row {one.row}" if one.row else "file"
        say(f"  {where}{', ' + one.field if one.field else ''}: {one.says}")
    if len(wrong) == SHOWN:
        say("  further problems: see Earlier reports on the network page")
