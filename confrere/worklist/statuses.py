"""Keep each site's own system told of what becomes of its exams. Run by the dispatcher.

The caller owns the transaction, and only one at a time calls: the order of what is told is
the order of the looks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from confrere.kernel.ids import OrderId, ReaderId
from confrere.network.model import Directory
from confrere.orders import service as orders
from confrere.orders.model import CANCELLED, Order
from confrere.worklist import store, store_statuses
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
    for told in waiting:
        if told.order not in known:
            continue
        order = known[told.order]
        items = store.of_exam(conn, order.owner_group, None, [order.id])
        cancelled = order.content.status == CANCELLED
        status = status_of(items, cancelled=cancelled)
        taken = step(told, status, now) if status else Step()
        _remember(conn, order, told, status, taken, now)
        if taken.send and status:
            yield News(order, status, told.number + 1)


def tell_again(conn: Connection, order_ids: Sequence[OrderId]) -> None:
    """Tell a site once more who reads: its own system says that somebody reads there."""
    store_statuses.forget(conn, list(order_ids))


def readers_told(conn: Connection, order_ids: Sequence[OrderId]) -> frozenset[ReaderId]:
    """Whom a site was last told to be reading, or to have read, these orders."""
    keys = store_statuses.keys_told(conn, list(order_ids))
    named = (key.partition("|")[2] for key in keys)
    return frozenset(ReaderId(UUID(one)) for one in named if one)


def _remember(
    conn: Connection,
    order: Order,
    told: Told,
    status: Status | None,
    taken: Step,
    now: datetime,
) -> None:
    values: dict[str, object] = {
        "owner_group": order.owner_group, "site_id": order.site, "seen": told.seen,
        "wanted": taken.wanted, "wanted_at": taken.wanted_at, "number": told.number,
        "told": told.told, "told_at": told.told_at,
    }  # fmt: skip
    if taken.send and status:
        values |= {
            "told": status.key, "told_at": now, "number": told.number + 1,
            "wanted": "", "wanted_at": None,
        }  # fmt: skip
    store_statuses.remember(conn, order.id, values)
