"""Try whether a registered destination can be reached at all."""

import socket
import time
from datetime import timedelta

from confrere.kernel.errors import Unavailable

PATIENCE = timedelta(seconds=3)


def reach(host: str, port: int, patience: timedelta = PATIENCE) -> timedelta:
    """Open and close a TCP connection; return how long it took to open.

    `host` is an IP address. Nothing is sent: a test must not look like a message.
    Raises Unavailable that says what to look at.
    """
    where, started = f"{host}:{port}", time.monotonic()
    try:
        socket.create_connection((host, port), patience.total_seconds()).close()
    except ConnectionRefusedError:
        raise Unavailable(
            f"{where} refuses: nothing listens on that port. Start the listener there, or "
            "correct the port."
        ) from None
    except TimeoutError:
        raise Unavailable(
            f"{where} does not answer within {patience.total_seconds():g} s. Look at the "
            "address, the route and the firewalls between."
        ) from None
    except OSError:
        raise Unavailable(
            f"{where} cannot be reached from this server: there is no route to it."
        ) from None
    return timedelta(seconds=time.monotonic() - started)
