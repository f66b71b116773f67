"""`confrere import-images`: read a folder or a mounted CD, to be given to patients on the page."""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection

from confrere.cli.connection import urls_of
from confrere.cli.output import say
from confrere.database.engine import connect, transaction
from confrere.files.opening import open_blobs
from confrere.imaging import importing
from confrere.imaging.corrections import By
from confrere.imaging.outside import BAD, SKIPPED, Import, OutsideFile
from confrere.kernel.errors import Conflict, Invalid
from confrere.main.serve import migrate
from confrere.network import service as network
from confrere.settings import load
from confrere.wiring.house import clock

EVERY = 100


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    one = commands.add_parser(
        "import-images",
        help="read images from a folder or CD; a person then says whose they are",
    )
    one.add_argument("folder", type=Path, help="the folder, as /media/cdrom")
    one.add_argument("--site", required=True, help="the site's code, for which they came")
    one.add_argument("--label", default="", help="what it is; else the folder's name")
    one.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """Read the folder; the same command goes on where it was broken off."""
    folder: Path = asked.folder
    if not folder.is_dir():
        raise Invalid(f"{folder} is no folder", "folder")
    settings = load()
    label = asked.label or folder.resolve().name
    with urls_of(settings) as urls:
        migrate(urls)
        engine = connect(urls.system, pool=1)
        try:
            with transaction(engine, frozenset()) as conn:
                found = _begin(conn, asked.site, label)
                begun = bool(importing.files_of(conn, found.id))
            if begun:
                say(f"{label} was broken off: going on with it.")
            progress = _Progress()
            importing.read_folder(
                lambda: transaction(engine, frozenset()), open_blobs(settings), found,
                folder, progress.tell,
            )  # fmt: skip
            with transaction(engine, frozenset()) as conn:
                files = importing.files_of(conn, found.id)
        finally:
            engine.dispose()
    return _told(files, label)


def _begin(conn: Connection, code: str, label: str) -> Import:
    """Go on with what was broken off, or begin; Conflict where it was read already."""
    sites = {one.code: one for one in network.sites(conn)}
    if code not in sites:
        raise Invalid(f"there is no site {code}; there are: {', '.join(sorted(sites))}", "site")
    site = sites[code]
    found = importing.again(conn, site.owner_group, label)
    if found:
        return found
    known = (one for one, _ in importing.listed(conn, site.owner_group) if one.label == label)
    if before := next(known, None):
        raise Conflict(
            f"{label} was read on {before.at:%Y-%m-%d}: it is on the page Imports. For another "
            "medium give another --label"
        )
    return importing.begin(
        conn, site.owner_group, site.id, label, By("the command line"), clock()
    )


def _told(files: Sequence[OutsideFile], label: str) -> int:
    """Say what was found; 1 where it was no image at all."""
    images = [one for one in files if one.state not in (BAD, SKIPPED)]
    studies = {one.study_uid for one in images}
    say(f"Files read: {len(files)}. Images: {len(images)}, in studies: {len(studies)}.")
    why = Counter(one.reason for one in files if one.state in (BAD, SKIPPED))
    for reason, count in why.most_common():
        say(f"  not taken in: {count}, {reason or 'no image'}")
    if not images:
        say("Nothing in it can be given to a patient: look whether it is the right folder.")
        return 1
    say(f"Now say whose they are: page Imports, {label}.")
    return 0


class _Progress:
    """Says from time to time how far it is."""

    def __init__(self) -> None:
        self.files = 0

    def tell(self, _name: str) -> None:
        """Count a file; names of files may name patients, so they are not shown."""
        self.files += 1
        if self.files % EVERY == 0:
            say(f"{self.files} files …")
