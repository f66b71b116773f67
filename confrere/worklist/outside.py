"""Keep apart what is read here and what the site reads itself. The caller owns the transaction."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from confrere.kernel.errors import Conflict, Invalid
from confrere.kernel.ids import OrderId, PeerId
from confrere.network.model import Directory, Site
from confrere.orders.model import AHEAD, PERFORMED, TOLD
from confrere.worklist import store, store_outside
from confrere.worklist.elsewhere import HERE, TAKEN_OVER, Outside, Said, standing
from confrere.worklist.model import READ, SILENT, Item, State
from confrere.worklist.offering import end_other_shares
from confrere.worklist.statuses import tell_again
from confrere.worklist.tables import items

SHORTEST_REASON = 5


def hear(
    conn: Connection, order: OrderId, site: Site, said: Said, peer: PeerId | None
) -> list[Item]:
    """Keep what a site's system said of an order; return the open exams that it changed.

    The same word again changes nothing, and nor does an older one after a newer.
    """
    kept = store_outside.add(conn, {
        "owner_group": site.owner_group, "site_id": site.id, "order_id": order,
        "peer_id": peer, "source": said.source, "word": said.word, "reader": said.reader,
        "said_at": said.said_at, "heard_at": said.heard_at,
    })  # fmt: skip
    if not kept:
        return []
    found = store.of_exam(conn, site.owner_group, None, [order])
    looked = [(one, keep_apart(conn, one, site, said.heard_at)) for one in found]
    return [now for before, now in looked if now.version != before.version]


def keep_apart(conn: Connection, item: Item, site: Site, now: datetime) -> Item:
    """Bring an exam's mark of a read at the site up to date; changes nothing that is over.

    Where the read begins there, an offer is taken back; a hold stays, and the site's system
    is told of it again.
    """
    if item.finished_at is not None or item.kind != READ or not item.orders:
        return item
    words = store_outside.words_of(conn, item.orders)
    found = standing(words, item.clock_at if _is_complete(item) else None)
    silent = found is not None and found.is_silent(now, silence_of(site))
    values = _marks(found)
    others = [one for one in item.flags if one != SILENT]
    flags = [*others, SILENT] if silent else others
    same = values == {name: getattr(item, name) for name in values}
    if same and flags == list(item.flags):
        return item
    begins = found is not None and not silent and not item.is_read_outside
    if begins and item.held_by is None:
        values |= take_back(conn, item, now)
    changed = store.change(
        conn, item.id, values | {"flags": flags, "updated_at": now},
        items.c.finished_at.is_(None),
    )  # fmt: skip
    if begins and item.held_by is not None:
        tell_again(conn, item.orders)
    return changed or item


def _is_complete(item: Item) -> bool:
    """Say whether the exam is done: by the site's word, or as no image comes any more."""
    return item.images_complete or item.clock_source in (TOLD, AHEAD, PERFORMED)


def silence_of(site: Site) -> timedelta:
    """How long a site may say nothing of a read before the exam is offered again."""
    return timedelta(minutes=site.outside_minutes)


def _marks(found: Outside | None) -> dict[str, object]:
    return {
        "outside_word": found.word if found else "", "outside_by": found.by if found else "",
        "outside_since": found.since if found else None,
    }  # fmt: skip


def take_back(conn: Connection, item: Item, now: datetime) -> dict[str, object]:
    """End what an offer opened to another group; return the fields of an exam not offered."""
    end_other_shares(conn, item, None, now)
    return {
        "state": State.WAITING, "offered_to": None, "offered_group": None, "offered_at": None,
        "offer_reason": "",
    }  # fmt: skip


def note_silence(conn: Connection, directory: Directory, now: datetime) -> int:
    """Offer again, with a mark, what a site said to read and was not heard of since.

    Returns how many exams changed.
    """
    held_there = store.open_items(
        conn, items.c.outside_since.is_not(None), items.c.flags.contains([SILENT]).is_(False)
    )
    looked = [
        (one, keep_apart(conn, one, directory.sites[one.site], now)) for one in held_there
    ]
    return sum(after.version != before.version for before, after in looked)


def take_over(
    conn: Connection, item: Item, site: Site, reason: str, by: str, now: datetime
) -> Item:
    """Open an exam here although the site's system says that it is read there.

    A newer word of that system closes it again. Raises Invalid without a reason, Conflict when
    nobody reads it there.
    """
    if item.outside_since is None or item.finished_at is not None:
        raise Conflict("nobody at the site reads this exam: it can be claimed as it is")
    if len(reason.strip()) < SHORTEST_REASON:
        raise Invalid("say why: whom you asked, and what they said", "reason")
    for order in item.orders:
        store_outside.add(conn, {
            "owner_group": item.owner_group, "site_id": item.site, "order_id": order,
            "source": HERE, "word": TAKEN_OVER, "reader": by, "reason": reason.strip()[:300],
            "said_at": now, "heard_at": now,
        })  # fmt: skip
    return keep_apart(conn, item, site, now)
