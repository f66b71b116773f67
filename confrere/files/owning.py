"""One owner of a folder at a time, among all processes of this machine."""

import fcntl
import os
import time
from pathlib import Path

from confrere.kernel.errors import Unavailable


def own(folder: Path) -> int:
    """Take the folder; the descriptor returned holds it until it is closed.

    Raises Unavailable when another process keeps it.
    """
    fd = os.open(folder / "owner", os.O_RDWR | os.O_CREAT, 0o600)
    for _ in range(50):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.1)  # the process before is ending
        else:
            return fd
    os.close(fd)
    raise Unavailable("another process writes to this spool: stop it first")
