"""The web process: pages, JSON API, DICOMweb, FHIR, served by granian in this one process."""

import asyncio
import gc
import resource
import signal
import sys
from pathlib import Path

from anyio.to_thread import current_default_thread_limiter
from granian.constants import Interfaces
from granian.server.embed import Server

from confrere.assets import default_folder
from confrere.logs import set_up
from confrere.settings import Settings, load
from confrere.web.app import end_streams
from confrere.wiring import tasks
from confrere.wiring.house import open_house
from confrere.wiring.web_app import create

THREADS = 24  # of handlers; the connection pool has as many
# every open page keeps one request going to hear what changed: this many pages at most
MOST_PAGES = 8192
# how long a handler's thread may reckon while the loop, which brings news to pages, waits
SWITCH_SECONDS = 0.001
GARBAGE = 20_000  # new objects before the collector looks at them
WAITING = 1024  # connections that the system holds until they are accepted


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    house = open_house(settings, pool=THREADS)
    house.blobs.open_spool("web")
    tasks.register(house)
    assets = Path(settings.assets) if settings.assets else default_folder()
    app = create(house, assets)
    _leave_alone_what_stays()
    server = Server(
        app, address=settings.http_host, port=settings.http_port,
        interface=Interfaces.ASGI, log_access=False, log_enabled=False,
        backlog=WAITING, backpressure=MOST_PAGES,
        ssl_cert=Path(settings.tls_certificate) if settings.tls_certificate else None,
        ssl_key=Path(settings.tls_key) if settings.tls_key else None,
    )  # fmt: skip
    current_default_thread_limiter().total_tokens = THREADS
    loop = asyncio.get_running_loop()
    ending: set[asyncio.Task[None]] = set()

    async def end() -> None:
        await end_streams(
            app
        )  # the server waits for open streams, which never end by themselves
        server.stop()  # type: ignore[no-untyped-call]

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: ending.add(asyncio.create_task(end())))
    try:
        await server.serve()
    finally:
        house.close()


def _leave_alone_what_stays() -> None:
    """Do not look through the program's own objects for garbage again and again.

    A page of a search makes some thousands of objects, and each thousand had the collector
    walk the whole application.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, 20, 50)


def _allow_many_files() -> None:
    """Each open page is a socket: take as many as the system lets this process have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST_PAGES
    allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))


def main() -> None:
    """Run the web process."""
    set_up()
    _allow_many_files()
    sys.setswitchinterval(SWITCH_SECONDS)
    asyncio.run(serve(load()))


if __name__ == "__main__":
    main()
