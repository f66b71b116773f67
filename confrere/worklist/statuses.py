"""Keep each site's own system told of what becomes of its exams. Run by the dispatcher.

The caller owns the transaction, and only one at a time calls: the order of what is told is
the order of the looks.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from confrere.kernel.ids import GroupId, OrderId, ReaderId
from confrere.network.model import Directory
from confrere.orders import service as orders
from confrere.orders.model import CANCELLED, Order
from confrere.worklist import store, store_statuses
from confrere.worklist.model import Item
from confrere.worklist.telling import Status, Step, Told, status_of, step

LOOKED_BACK = timedelta(days=1)  # what finished earlier was told, or its site was not asked to


@dataclass(frozen=True, slots=True)
class News:
    """One order whose site is to be told now; `number` counts the order's messages."""

    order: Order
    status: Status
    number: int


def news(conn: Connection, directory: Directory, now: datetime) -> Iterator[News]:
    """Find what is to be told now, and remember that it was: the caller sends it."""
    sites = {
        one.id: max(one.status_since or now, now - LOOKED_BACK)
        for one in directory.sites.values()
        if one.status_peer is not None
    }
    waiting = store_statuses.to_look_at(conn, sites) if sites else []
    if not waiting:
        return
    known = {one.id: one for one in orders.get_many(conn, [told.order for told in waiting])}
    items = _items(conn, known.values())
    rows, found = [], []
    for told in waiting:
        if told.order not in known:
            continue
        order = known[told.order]
        status = status_of(items[order.id], cancelled=order.content.status == CANCELLED)
        taken = step(told, status, now) if status else Step()
        rows.append(_remembered(order, told, status, taken, now))
        if taken.send and status:
            found.append(News(order, status, told.number + 1))
    store_statuses.remember(conn, rows)
    yield from found


def _items(conn: Connection, found: Iterable[Order]) -> dict[OrderId, list[Item]]:
    by_owner: dict[GroupId, list[OrderId]] = defaultdict(list)
    for order in found:
        by_owner[order.owner_group].append(order.id)
    made: dict[OrderId, list[Item]] = defaultdict(list)
    for owner, ids in by_owner.items():
        for item in store.of_exam(conn, owner, None, ids):
            for one in item.orders:
                made[one].append(item)
    return made


def tell_again(conn: Connection, order_ids: Sequence[OrderId]) -> None:
    """Tell a site once more who reads: its own system says that somebody reads there."""
    store_statuses.forget(conn, list(order_ids))


def readers_told(conn: Connection, order_ids: Sequence[OrderId]) -> frozenset[ReaderId]:
    """Whom a site was last told to be reading, or to have read, these orders."""
    keys = store_statuses.keys_told(conn, list(order_ids))
    named = (key.partition("|")[2] for key in keys)
    return frozenset(ReaderId(UUID(one)) for one in named if one)


def _remembered(
    order: Order, told: Told, status: Status | None, taken: Step, now: datetime
) -> dict[str, object]:
    values: dict[str, object] = {
        "order_id": order.id, "owner_group": order.owner_group, "site_id": order.site,
        "seen": told.seen, "wanted": taken.wanted, "wanted_at": taken.wanted_at,
        "number": told.number, "told": told.told, "told_at": told.told_at,
    }  # fmt: skip
    if taken.send and status:
        values |= {
            "told": status.key, "told_at": now, "number": told.number + 1,
            "wanted": "", "wanted_at": None,
        }  # fmt: skip
    return values
