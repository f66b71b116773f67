"""The dispatcher process: offers exams, frees lapsed claims, closes quiet studies.

One dispatcher at a time works, under an advisory lock; a second one waits for it. It wakes
when an item changes, and every second for what only time changes.
"""

import logging
import signal
import threading
from datetime import timedelta

import psycopg

from confrere.database.engine import transaction
from confrere.imaging import service as imaging
from confrere.imaging.model import Quiet
from confrere.kernel.ids import SiteId
from confrere.logs import set_up
from confrere.network import service as network
from confrere.network.model import Directory
from confrere.network.systems import quiet_time
from confrere.settings import load
from confrere.wiring import status_out, tasks
from confrere.wiring.house import House, open_house
from confrere.worklist import claims, outside, shadowing
from confrere.worklist.dispatch import dispatch

log = logging.getLogger(__name__)

LOCK = 0x636F6E66  # the advisory lock of the one dispatcher
TICK_SECONDS = 1.0


def main() -> None:
    """Dispatch until SIGTERM."""
    set_up()
    settings = load()
    house = open_house(settings, pool=1, system_pool=2)
    tasks.register(house)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.is_set():
        try:
            _lead(house, settings.database_system_url, stop)
        except psycopg.OperationalError:
            log.warning("the database does not answer; trying again")
            stop.wait(0.5)
    house.close()


def _lead(house: House, url: str, stop: threading.Event) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        while not stop.is_set():
            row = conn.execute("select pg_try_advisory_lock(%s)", (LOCK,)).fetchone()
            if row and row[0]:
                break
            stop.wait(TICK_SECONDS)
        conn.execute("listen worklist")
        while not stop.is_set():
            try:
                turn(house)
            except Exception:
                log.exception("a dispatch round failed; the next one tries again")
            for _ in conn.notifies(timeout=TICK_SECONDS, stop_after=1):
                break


def turn(house: House) -> int:
    """Do one round; return how many exams were offered or withdrawn."""
    now = house.now()
    with transaction(house.system, frozenset()) as conn:
        directory = network.directory(conn, now)
        imaging.close_quiet_studies(conn, quiet_rule(directory), now)
        claims.free_lapsed(conn, now)
        outside.note_silence(conn, directory, now)
        shadowing.follow(conn, directory.sites.values(), now)
        changed = dispatch(conn, directory, now)
    with transaction(house.system, frozenset()) as conn:
        status_out.tell(conn, directory, now)
    return changed


def quiet_rule(directory: Directory) -> Quiet:
    """How long a study of a site must be quiet, for one of its modalities."""

    def quiet(site: SiteId | None, modality: str) -> timedelta:
        return quiet_time(directory.sites.get(site) if site else None, frozenset({modality}))

    return quiet


if __name__ == "__main__":
    main()
