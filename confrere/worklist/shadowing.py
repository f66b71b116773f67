"""Let a site's exams follow its mode. The caller owns the transaction.

In shadow mode an exam is only compared: it is offered to nobody and cannot be claimed. What
was begun before stays open to whoever reads it, so that nothing is lost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from confrere.network.model import Site
from confrere.orders import service as orders
from confrere.orders.model import REPORTED
from confrere.worklist import service, store
from confrere.worklist.model import READ, Item, State
from confrere.worklist.outside import take_back
from confrere.worklist.tables import items


@dataclass(frozen=True, slots=True)
class Followed:
    """What a change of mode did to open exams."""

    opened: int = 0
    closed: int = 0  # the site had reported them
    shadowed: int = 0

    @property
    def changed(self) -> int:
        """How many exams."""
        return self.opened + self.closed + self.shadowed


def follow(conn: Connection, sites: Iterable[Site], now: datetime) -> Followed:
    """Bring open exams into line with their sites' modes.

    Run with each change, and again by the dispatcher: an exam that was made at the same
    instant follows a second later.
    """
    places = {one.id: one for one in sites}
    shadows = [one.id for one in places.values() if one.is_shadow]
    lives = [one.id for one in places.values() if not one.is_shadow]
    waking = store.open_items(
        conn, items.c.shadow.is_(True), items.c.site_id.in_(lives), limit=100_000
    )
    closed = sum(_reported(conn, one) and _close(conn, one, now) for one in waking)
    opened = sum(_open(conn, one, now) for one in waking)
    still = store.open_items(
        conn, items.c.shadow.is_(False), items.c.site_id.in_(shadows), items.c.kind == READ,
        items.c.held_by.is_(None), items.c.preliminary_at.is_(None), limit=100_000,
    )  # fmt: skip
    return Followed(opened, closed, sum(_shadow(conn, one, now) for one in still))


def _reported(conn: Connection, item: Item) -> bool:
    found = orders.get_many(conn, item.orders)
    return bool(found) and all(one.content.status == REPORTED for one in found)


def _close(conn: Connection, item: Item, now: datetime) -> bool:
    return service.finish(conn, item, State.EXTERNAL, None, None, now) is not None


def _open(conn: Connection, item: Item, now: datetime) -> bool:
    values = {"shadow": False, "updated_at": now}
    return store.change(conn, item.id, values, items.c.finished_at.is_(None)) is not None


def _shadow(conn: Connection, item: Item, now: datetime) -> bool:
    values = take_back(conn, item, now) | {"shadow": True, "updated_at": now}
    done = store.change(
        conn, item.id, values, items.c.finished_at.is_(None), items.c.held_by.is_(None)
    )
    return done is not None
