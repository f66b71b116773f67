"""The directory as last loaded, while nothing that it is made of has changed.

A turn of the dispatcher, a claim and every row of a page need all of it: hundreds of
milliseconds from the database in a large collaborative. The number in `facts_version`, with
the transaction that wrote it, tells whether it still holds.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

from confrere.network import (
    store,
    store_agreements,
    store_credentials,
    store_rosters,
    store_routing,
)
from confrere.network.credentials import day_of
from confrere.network.model import Directory
from confrere.network.rules import Rule, as_changed

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


class Shelf:
    """What one engine's viewers have loaded, and who of them is loading."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}
        self._lock = Lock()
        self._loading: dict[str, Lock] = {}

    def loading(self, viewer: str) -> Lock:
        """The lock of a viewer's load: when it grows old, one thread loads for all."""
        with self._lock:
            return self._loading.setdefault(viewer, Lock())


_shelves: WeakKeyDictionary[Engine, Shelf] = WeakKeyDictionary()


def remembered(conn: Connection, at: datetime) -> Directory:
    """The directory of `at` as this connection may see it; the same object while it holds."""
    known, viewer = store.stamp(conn)
    shelf = _shelves.setdefault(conn.engine, Shelf())
    found = shelf.kept.get(viewer)
    if found is not None and found.holds(known, at):
        return found.directory
    with shelf.loading(viewer):
        found = shelf.kept.get(viewer)
        if found is None or not found.holds(known, at):
            found = shelf.kept[viewer] = Kept(known, at, _load(conn, at))
    return found.directory


def _load(conn: Connection, at: datetime) -> Directory:
    facts = store_credentials.facts(conn, at)
    readers = store.readers(conn, at, facts=facts)
    return Directory(
        {one.id: one for one in store.groups(conn)},
        {one.id: one for one in store.sites(conn, facts=facts)},
        {one.id: one for one in store_rosters.attended(conn, readers, at)},
        tuple(store_agreements.agreements(conn)),
        tuple(store_credentials.exclusions(conn, at)),
        rules_at(conn, at),
        store_credentials.version(conn),
        store_routing.settings(conn),
    )


def rules_at(conn: Connection, at: datetime) -> tuple[Rule, ...]:
    """The rules of eligibility, with what their owners had changed at an instant."""
    return as_changed(store_credentials.changed_rules(conn, at))
