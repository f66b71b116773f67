"""The web process: pages, JSON API, DICOMweb, FHIR, served by granian in this one process."""

import asyncio
import signal
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


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    house = open_house(settings, pool=THREADS)
    tasks.register(house)
    assets = Path(settings.assets) if settings.assets else default_folder()
    app = create(house, assets)
    server = Server(
        app, address=settings.http_host, port=settings.http_port,
        interface=Interfaces.ASGI, log_access=False, log_enabled=False,
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


def main() -> None:
    """Run the web process."""
    set_up()
    asyncio.run(serve(load()))


if __name__ == "__main__":
    main()
