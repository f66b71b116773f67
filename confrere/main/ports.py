"""Whether the ports that we are to listen on are free, asked before anything starts.

The web server shares its port with whoever asks (SO_REUSEPORT): a second Confrere beside the
first would answer every other request.
"""

import contextlib
import socket
import time
from collections.abc import Callable

from confrere.kernel.errors import Unavailable
from confrere.settings import ENVIRONMENT, Settings

PATIENCE_SECONDS = 10.0  # as long as a part has to finish what is in hand
POLL_SECONDS = 0.2


def require_free(settings: Settings, say: Callable[[str], None]) -> None:
    """Raise Unavailable naming the port that another program has, and the setting to change.

    What is left of a house that was killed a moment ago gets time to finish first.
    """
    until, told = time.monotonic() + PATIENCE_SECONDS, False
    while (taken := _first_taken(settings)) is not None:
        name, host, port = taken
        if time.monotonic() >= until:
            raise Unavailable(
                f"another program listens on port {port} of {host}: stop it, or set "
                f"{ENVIRONMENT[name]} to a free port"
            )
        if not told:
            say(f"Port {port} is taken; waiting a moment for it ...")
        told = True
        time.sleep(POLL_SECONDS)


def _first_taken(settings: Settings) -> tuple[str, str, int] | None:
    for door in ("http", "dicom", "dicom_tls", "mllp"):
        hosts = {getattr(settings, f"{door}_host")}
        if door in ("dicom", "mllp") and settings.private_interface:
            hosts.add(settings.private_interface)
        port = getattr(settings, f"{door}_port")
        for host in sorted(hosts) if port else ():
            if is_taken(host, port):
                return f"{door}_port", host, port
    return None


def is_taken(host: str, port: int) -> bool:
    """Say whether something listens there. What can't be told is left to who binds."""
    with contextlib.suppress(OSError):
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, proto) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except PermissionError:
                return False
            except OSError:
                return True
    return False
