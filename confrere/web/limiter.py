"""Slow down an address that guesses passwords. In memory, for one process."""

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from threading import Lock
from typing import Final


class AddressLimiter:
    """Count failures by address in a sliding window; many people may share an address."""

    def __init__(
        self, failures: int = 30, window: timedelta = timedelta(minutes=5), kept: int = 10_000
    ) -> None:
        self._failures: Final = failures
        self._window: Final = window
        self._kept: Final = kept
        self._times: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._lock = Lock()

    def wait(self, address: str, now: datetime) -> timedelta:
        """Say how long the address must wait; zero where it may try."""
        with self._lock:
            times = self._times.get(address)
            if times is None:
                return timedelta()
            while times and times[0] <= now - self._window:
                times.popleft()
            if len(times) < self._failures:
                return timedelta()
            return times[0] + self._window - now

    def failed(self, address: str, now: datetime) -> None:
        """Count a failure; the address seen longest ago is forgotten beyond `kept`."""
        with self._lock:
            times = self._times.setdefault(address, deque(maxlen=self._failures))
            times.append(now)
            self._times.move_to_end(address)
            if len(self._times) > self._kept:
                self._times.popitem(last=False)
