"""`confrere import-images`: read a folder or a mounted CD, to be given to patients on the page."""

import argparse
from pathlib import Path

from confrere.cli.connection import urls_of
from confrere.cli.output import say
from confrere.database.engine import connect, transaction
from confrere.files.opening import open_blobs
from confrere.imaging import importing
from confrere.imaging.corrections import By
from confrere.kernel.errors import Invalid
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
                site = next((s for s in network.sites(conn) if s.code == asked.site), None)
                if site is None:
                    raise Invalid(f"no site has the code {asked.site}", "site")
                found = importing.again(conn, site.owner_group, label) or importing.begin(
                    conn, site.owner_group, site.id, label, By("the command line"), clock()
                )
            progress = _Progress()
            importing.read_folder(
                lambda: transaction(engine, frozenset()), open_blobs(settings), found,
                folder, progress.tell,
            )  # fmt: skip
        finally:
            engine.dispose()
    say(f"Read {progress.files} files. Say whose they are on the page Imports: {label}.")
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
