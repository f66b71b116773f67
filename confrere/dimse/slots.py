"""Who may hold a thread: bounded for all and per address, so that no peer locks others out.

Connections that have not asked for an association yet wait in a room of their own; when that
is full, the oldest one of the address that crowds it goes. Seats for associations are given up
only by peers that have kept us waiting, and only when someone else stands at the door.
"""

from collections import Counter
from threading import Lock
from typing import Protocol

from confrere.dimse.limits import Limits


class Holder(Protocol):
    """A connection as the slots see it; compared by identity."""

    @property
    def address(self) -> str:
        """The peer's address."""

    def stalled_for(self) -> float:
        """Seconds we have been waiting for the peer just now."""

    def cut(self, because: str) -> None:
        """End it soon, from another thread."""


class Slots:
    """The waiting room and the seats. Every method may be called from any thread."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = Lock()
        self._all: dict[int, Holder] = {}
        self._waiting: dict[int, Holder] = {}  # in order of arrival
        self._seated: dict[int, Holder] = {}

    def enter(self, holder: Holder) -> bool:
        """Let a new connection in; False only when those cut before it have not gone yet."""
        with self._lock:
            if len(self._all) >= self._limits.associations + 2 * self._limits.waiting:
                return False
            self._all[id(holder)] = self._waiting[id(holder)] = holder
            if len(self._waiting) > self._limits.waiting:
                crowding = _heaviest(self._waiting)
                victim = next(h for h in self._waiting.values() if h.address == crowding)
                del self._waiting[id(victim)]
                victim.cut("waiting room is full")
            return True

    def seat(self, holder: Holder) -> bool:
        """Give an admitted connection a seat, if need be that of one that keeps us waiting."""
        with self._lock:
            mine = sum(h.address == holder.address for h in self._seated.values())
            full = len(self._seated) >= self._limits.associations
            if mine >= self._limits.associations_per_address:
                room = self._evict(holder.address)
            else:
                room = not full or self._evict(_heaviest(self._seated))
            if room:
                self._waiting.pop(id(holder), None)
                self._seated[id(holder)] = holder
            return room

    def leave(self, holder: Holder) -> None:
        """Forget a connection that is closed."""
        with self._lock:
            for place in (self._all, self._waiting, self._seated):
                place.pop(id(holder), None)

    def holders(self) -> list[Holder]:
        """Everyone in, at this moment."""
        with self._lock:
            return list(self._all.values())

    def _evict(self, address: str) -> bool:
        """End the longest-stalled association of this address, if one has stalled enough."""
        stalled = [h for h in self._seated.values() if h.address == address]
        victim = max(stalled, key=lambda h: h.stalled_for())
        if victim.stalled_for() < self._limits.idle_before_eviction.total_seconds():
            return False
        del self._seated[id(victim)]
        victim.cut("made room for another association")
        return True


def _heaviest(places: dict[int, Holder]) -> str:
    return Counter(h.address for h in places.values()).most_common(1)[0][0]
