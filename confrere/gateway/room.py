"""How much room the disk has: below the limit nothing more is taken, and it is told."""

import shutil
import threading
import time

from confrere.gateway.config import Config
from confrere.gateway.queue import Queue
from confrere.kernel.errors import Unavailable

_FRESH_SECONDS = 0.5
_GIGABYTE = 1 << 30


class Room:
    """Asked before anything is taken; safe to use from many threads."""

    def __init__(self, config: Config, queue: Queue) -> None:
        self._config, self._queue = config, queue
        self._lock = threading.Lock()
        self._looked_at = 0.0
        self._free = 0
        self.refused_since = 0.0
        self.refused = 0

    def free(self) -> int:
        """Free bytes, at most half a second old."""
        with self._lock:
            if time.monotonic() - self._looked_at > _FRESH_SECONDS:
                self._free = shutil.disk_usage(self._config.home).free
                self._looked_at = time.monotonic()
            return self._free

    def require(self) -> None:
        """Raise Unavailable where too little is left; what was delivered goes first then."""
        if self._is_enough():
            return
        self._queue.tidy(time.time(), 0)
        self._looked_at = 0.0
        if not self._is_enough():
            self.refused_since = self.refused_since or time.time()
            self.refused += 1
            raise Unavailable("the gateway's disk is nearly full; send again later")

    def tidy(self) -> None:
        """Drop what was delivered and has been here long enough."""
        config = self._config
        before = time.time() - config.keep_hours * 3600
        self._queue.tidy(before, config.keep_gigabytes * _GIGABYTE)

    def alerts(self) -> list[str]:
        """What the centre's people should know, without numbers that change all the time."""
        if not self.refused:
            return []
        since = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(self.refused_since))
        if self._is_enough():
            return [f"the disk was nearly full on {since}: images were refused and sent again"]
        return [f"the disk is nearly full since {since}: images are refused (0xA700)"]

    def _is_enough(self) -> bool:
        return self.free() > self._config.free_gigabytes * _GIGABYTE
