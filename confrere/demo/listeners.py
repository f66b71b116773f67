"""The results listeners of the demonstration's sites: they keep what they get, and accept it.

One process for all sites: `python -m confrere.demo.listeners`; the ports come from the
`demo.json` in the home.
"""

import json
import logging
import os
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from confrere.demo import places
from confrere.demo.machines import LOOPBACK
from confrere.demo.stopping import stop_on_signals
from confrere.hl7.acknowledge import Stamp
from confrere.hl7.door import Decision, respond
from confrere.hl7.envelope import Envelope
from confrere.hl7.mllp import Limits, Listener, Peer
from confrere.logs import set_up
from confrere.settings import is_loopback, load

log = logging.getLogger(__name__)

_GRACE = timedelta(seconds=3)


class Tray:
    """Where one site's messages are kept: a file each, in the order in which they came."""

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        self._folder, self._now = folder, now
        self._numbers = count(1)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def answer(self, raw: bytes, _: Peer) -> bytes:
        """Keep a message and acknowledge it."""
        return respond(raw, self._keep, self.stamp)

    def stamp(self) -> Stamp:
        """Time and control id of an acknowledgement."""
        return Stamp(self._now(), secrets.token_hex(10))

    def _keep(self, _: Envelope, raw: bytes) -> Decision:
        name = f"{self._now():%Y%m%dT%H%M%S%f}-{next(self._numbers):06d}.hl7"
        with (self._folder / name).open("xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        return Decision()


def listen(home: Path, site: str, port: int, now: Callable[[], datetime]) -> Listener:
    """Listen for one site, keeping what comes in `home/received/<site>`.

    Raises OSError when the port is taken.
    """
    tray = Tray(home / "received" / places.site(site).code, now)
    listener = Listener(
        LOOPBACK, port, Limits(), admit=is_loopback, receive=tray.answer, stamp=tray.stamp
    )
    listener.start()
    return listener


def run(
    home: Path, ports: Mapping[str, int], stop: threading.Event | None = None,
    now: Callable[[], datetime] | None = None,
) -> None:  # fmt: skip
    """Listen at each site's port until `stop` is set (None: until SIGTERM)."""
    stop = stop or stop_on_signals()
    clock = now or (lambda: datetime.now(UTC))
    with ExitStack() as open_listeners:
        for site, port in ports.items():
            listener = listen(home, site, port, clock)
            open_listeners.callback(listener.stop, _GRACE)
        log.info("demo: %d sites listen for results", len(ports))
        stop.wait()


def main(_: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    set_up()
    home = load().home
    told = json.loads((home / "demo.json").read_text(encoding="utf-8"))
    run(home, {one["site"]: one["mllp_port"] for one in told["results"]})


if __name__ == "__main__":
    main()
