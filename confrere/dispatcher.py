"""The dispatcher process: offers exams, frees lapsed claims, closes quiet studies.

One dispatcher at a time works, under an advisory lock and a number that each leader raises: a
second one waits, and one that was cut off decides nothing more. It wakes
when an item changes, and every second for what only time changes.
"""

import gc
import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg

from confrere.database.engine import transaction
from confrere.imaging import service as imaging
from confrere.imaging.model import Quiet
from confrere.kernel.errors import Conflict
from confrere.kernel.ids import SiteId
from confrere.logs import set_up
from confrere.network import service as network
from confrere.network.model import Directory
from confrere.network.systems import quiet_time
from confrere.settings import load
from confrere.wiring import status_out, tasks
from confrere.wiring.house import House, open_house
from confrere.worklist import claims, leading, outside, prealerting, shadowing
from confrere.worklist.dispatch import Dispatcher
from confrere.worklist.escalating import escalate

log = logging.getLogger(__name__)

LOCK = 0x636F6E66  # the advisory lock of the one dispatcher
TICK_SECONDS = 1.0
TELL_SECONDS = 5.0


def main() -> None:
    """Dispatch until SIGTERM."""
    set_up()
    settings = load()
    house = open_house(settings, pool=1, system_pool=2)
    tasks.register(house)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    lead_until(house, settings.database_system_url, stop)
    house.close()


def lead_until(house: House, url: str, stop: threading.Event) -> None:
    """Wait for the lead, and dispatch while it lasts, until `stop`."""
    while not stop.is_set():
        try:
            _lead(house, url, stop)
        except psycopg.OperationalError:
            log.warning("the database does not answer; trying again")
            stop.wait(0.5)


def _lead(house: House, url: str, stop: threading.Event) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        while not stop.is_set():
            row = conn.execute("select pg_try_advisory_lock(%s)", (LOCK,)).fetchone()
            if row and row[0]:
                break
            stop.wait(TICK_SECONDS)
        conn.execute("listen worklist")
        with transaction(house.system, frozenset()) as begun:
            number = leading.lead(begun)
        dispatcher, told = Dispatcher(), 0.0
        while not stop.is_set():
            try:
                with without_pause():
                    turn(house, dispatcher, number)
                if time.monotonic() >= told + TELL_SECONDS:
                    told = time.monotonic()
                    tell(house)
            except Conflict:
                log.warning("another dispatcher leads by now; waiting for it to end")
                return
            except Exception:
                log.exception("a dispatch round failed; the next one tries again")
            for _ in conn.notifies(timeout=TICK_SECONDS, stop_after=1):
                break


@contextmanager
def without_pause() -> Iterator[None]:
    """Put garbage collection off until a round is over: a full one takes tenths of a second."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def turn(house: House, dispatcher: Dispatcher, number: int) -> int:
    """Do one round as leader `number`; return how many exams were offered or withdrawn.

    Conflict when another dispatcher leads by now: nothing is changed then.
    """
    now = house.now()
    with transaction(house.system, frozenset()) as conn:
        leading.still_leads(conn, number)
        directory = network.directory(conn, now)
        imaging.close_quiet_studies(conn, quiet_rule(directory), now)
        claims.free_lapsed(conn, now)
        outside.note_silence(conn, directory, now)
        shadowing.follow(conn, directory.sites.values(), now)
        kept = prealerting.raise_alerts(conn, directory, now)
        changed = dispatcher.round(conn, directory, now, kept)
    with transaction(house.system, frozenset()) as conn:
        status_out.tell(conn, directory, now)
    return changed


def tell(house: House) -> int:
    """Tell people as exams' time runs out; return how many notices are new."""
    now = house.now()
    with transaction(house.system, frozenset()) as conn:
        return escalate(conn, network.directory(conn, now), now)


def quiet_rule(directory: Directory) -> Quiet:
    """How long a study of a site must be quiet, for one of its modalities."""

    def quiet(site: SiteId | None, modality: str) -> timedelta:
        return quiet_time(directory.sites.get(site) if site else None, frozenset({modality}))

    return quiet


if __name__ == "__main__":
    main()
