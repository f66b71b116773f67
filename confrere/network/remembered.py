"""The directory as last loaded, while nothing that it is made of has changed.

A turn of the dispatcher, a claim and every row of a page need all of it: hundreds of
milliseconds from the database in a large collaborative. The number in `facts_version`, with
the transaction that wrote it, tells whether it still holds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

from confrere.network.credentials import day_of
from confrere.network.model import Directory
from confrere.network.store import stamp

OLDEST = timedelta(minutes=1)  # dated facts come into force without a change


@dataclass(frozen=True, slots=True)
class Kept:
    """A directory, what it was loaded under, and at which instant."""

    stamp: tuple[int, str]
    at: datetime
    directory: Directory

    def holds(self, stamp: tuple[int, str], at: datetime) -> bool:
        """Say whether it still is the directory of an instant."""
        fresh = self.at <= at < self.at + OLDEST and day_of(self.at) == day_of(at)
        return fresh and self.stamp == stamp


_kept: WeakKeyDictionary[Engine, dict[str, Kept]] = WeakKeyDictionary()


def remembered(
    conn: Connection, at: datetime, load: Callable[[Connection, datetime], Directory]
) -> Directory:
    """The directory of `at` as this connection may see it; the same object while it holds."""
    known, viewer = stamp(conn)
    of_engine = _kept.setdefault(conn.engine, {})
    found = of_engine.get(viewer)
    if found is None or not found.holds(known, at):
        found = of_engine[viewer] = Kept(known, at, load(conn, at))
    return found.directory
