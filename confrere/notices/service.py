"""Keep call lists, tell people, and show what was told. The caller owns the transaction."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import available_timezones

from sqlalchemy import Connection

from confrere.kernel.errors import Conflict, Invalid, NotFound
from confrere.kernel.ids import GroupId, ReaderId
from confrere.notices import store
from confrere.notices.contacts import CallLists, Contact, checked, listed
from confrere.notices.model import (
    AT_ONCE,
    FAILED,
    PAUSES,
    QUEUED,
    SEEN,
    SENT,
    TRIES,
    UNDER_WAY,
    WITHDRAWN,
    Channel,
    Notice,
    Telling,
    Told,
    back_off,
)
from confrere.notices.tables import notices as table

MOST_AT_ONCE = 50


def contacts(conn: Connection) -> list[Contact]:
    """The contacts that the caller may see: the own group's, by name."""
    return store.list_contacts(conn)


def call_lists(conn: Connection) -> CallLists:
    """The same, by whom they reach."""
    return listed(store.list_contacts(conn))


def contact(conn: Connection, key: UUID) -> Contact:
    """One contact; NotFound."""
    found = store.get_contact(conn, key)
    if found is None:
        raise NotFound("no such contact on your call lists")
    return found


def add_contact(conn: Connection, new: Contact, by: str, now: datetime) -> UUID:
    """Add a line to a call list; its id is given by the database.

    Raises Invalid that names the field, or Conflict where the reader is listed already.
    """
    values = _values(checked(new, frozenset(available_timezones())), by, now)
    made = store.add_contact(conn, values)
    if made is None:
        raise Conflict("this reader is on the list already: change that line instead")
    return made


def change_contact(conn: Connection, changed: Contact, by: str, now: datetime) -> None:
    """Change a line; Invalid that names the field, or NotFound."""
    values = _values(checked(changed, frozenset(available_timezones())), by, now)
    if not store.change_contact(conn, changed.id, values):
        raise NotFound("no such contact on your call lists")


def remove_contact(conn: Connection, key: UUID) -> None:
    """Take a line off; what was told to it stays kept."""
    if not store.remove_contact(conn, key):
        raise NotFound("no such contact on your call lists")


def tiers(conn: Connection) -> dict[GroupId, frozenset[int]]:
    """Which tiers are on, for the groups that chose."""
    return store.tiers(conn)


def set_tiers(
    conn: Connection, group: GroupId, on: frozenset[int], known: frozenset[int]
) -> None:
    """Choose which tiers are on for a group's exams; Invalid for one that there is not."""
    if on - known:
        raise Invalid(f"the tiers are {', '.join(map(str, sorted(known)))} per cent", "tiers")
    store.set_tiers(conn, group, sorted(on))


def told(conn: Connection, about: Sequence[UUID]) -> Told:
    """What was told about these exams or pre-alerts before."""
    return store.told(conn, about)


def tell(conn: Connection, tellings: Sequence[Telling], now: datetime) -> int:
    """Keep what people are to be told, each once ever; return how many were new.

    What goes to one person by one way within a short time goes as one message. What cannot
    be sent at all is kept as failed, with the reason.
    """
    outside = {one.recipient for one in tellings if one.channel is not Channel.PRODUCT}
    since = now - 2 * max(PAUSES.values())
    open_messages = store.last_messages(conn, sorted(outside), since)
    rows = []
    for one in tellings:
        message, at = _message_for(one, open_messages, now)
        rows.append(_row(one, message, at, now))
    return store.add(conn, rows)


def _message_for(
    one: Telling, open_messages: dict[tuple[UUID, Channel], tuple[UUID, datetime, bool]],
    now: datetime,
) -> tuple[UUID, datetime]:  # fmt: skip
    """The message that a telling goes with, and when: the one that waits, or a new one."""
    if one.channel is Channel.PRODUCT or one.kind in AT_ONCE or one.trouble:
        return uuid4(), now
    key = (one.recipient, one.channel)
    last = open_messages.get(key)
    if last and last[2]:
        return last[0], last[1]
    at = max(now, last[1] + PAUSES[one.channel]) if last else now
    open_messages[key] = (uuid4(), at, True)
    return open_messages[key][:2]


def _row(one: Telling, message: UUID, at: datetime, now: datetime) -> dict[str, Any]:
    state = QUEUED
    if one.channel is Channel.PRODUCT:
        state = SENT
    if one.trouble:
        state = FAILED
    said = {
        n: v
        for n, v in asdict(one).items()
        if n not in ("item", "reader", "contact", "trouble")
    }
    return said | {
        "item_id": one.item, "reader_id": one.reader, "contact_id": one.contact,
        "message_id": message, "state": state, "last_error": one.trouble,
        "created_at": now, "next_at": at, "sent_at": now if state == SENT else None,
    }  # fmt: skip


def due(conn: Connection, now: datetime) -> list[UUID]:
    """The messages that are due."""
    return store.due_messages(conn, now, MOST_AT_ONCE)


def take(conn: Connection, message: UUID, now: datetime) -> tuple[list[Notice], Contact | None]:
    """Take a due message to send it; nobody else does for UNDER_WAY. ([], None) if it is gone.

    Commit before sending: a process that dies meanwhile leaves it to be sent again.
    """
    found = store.lock_message(conn, message, now)
    if not found:
        return [], None
    ids = [one.id for one in found]
    tries = found[0].attempts + 1
    store.change(conn, ids, {"attempts": tries, "next_at": now + UNDER_WAY})
    key = found[0].what.contact
    return found, store.get_contact(conn, key) if key else None


def mark_sent(
    conn: Connection, sent: Sequence[Notice], said: str, sent_to: str, now: datetime
) -> None:
    """A message went; whoever had seen it meanwhile stays so."""
    ids = [one.id for one in sent]
    words = {"said": said, "sent_to": sent_to, "sent_at": now, "last_error": ""}
    store.change(conn, ids, words)
    store.change(conn, ids, {"state": SENT}, table.c.state == QUEUED)


def mark_failed(
    conn: Connection, tried: Sequence[Notice], why: str, now: datetime, *, for_good: bool
) -> None:
    """A message did not go: it is tried again after a pause, or given up and shown."""
    tries = tried[0].attempts + 1
    over = for_good or tries >= TRIES
    values = {
        "state": FAILED if over else QUEUED, "last_error": why[:300],
        "next_at": now + back_off(tries),
    }  # fmt: skip
    store.change(conn, [one.id for one in tried], values, table.c.state == QUEUED)


def send_again(conn: Connection, key: UUID, now: datetime) -> None:
    """Send a failed or waiting notice now; Conflict where it went, or there is nobody to send to."""
    one = notice(conn, key)
    if one.what.contact is None:
        raise Conflict(
            one.last_error or "this notice is shown on the worklist: nothing is sent"
        )
    values = {"state": QUEUED, "next_at": now, "attempts": 0}
    if not store.change(conn, [key], values, table.c.state.in_((FAILED, QUEUED))):
        raise Conflict("this notice went already, or needs no sending any more")


def see(conn: Connection, key: UUID, by: str, now: datetime) -> Notice:
    """Note that the person told has seen it; what else waits for them about it is not sent."""
    one = notice(conn, key)
    values = {"state": SEEN, "seen_at": now, "seen_by": by}
    store.see(conn, one.what.about, one.what.recipient, (QUEUED, SENT, FAILED), values)
    return one


def withdraw(conn: Connection, notices: Sequence[Notice]) -> int:
    """Take back what was not sent yet, its exam being done; return how many."""
    ids = [one.id for one in notices]
    return store.change(conn, ids, {"state": WITHDRAWN}, table.c.state == QUEUED) if ids else 0


def waiting(conn: Connection) -> list[Notice]:
    """What was not sent yet."""
    return store.listed(conn, 2000, table.c.state == QUEUED)


def notice(conn: Connection, key: UUID) -> Notice:
    """One notice; NotFound."""
    found = store.get(conn, key)
    if found is None:
        raise NotFound("no such notice")
    return found


def for_reader(conn: Connection, reader: ReaderId, since: datetime) -> list[Notice]:
    """What a reader is told on the worklist and has not said to have seen, oldest first."""
    n = table.c
    mine = (n.recipient == reader, n.channel == Channel.PRODUCT, n.state == SENT)
    return store.listed(conn, 50, *mine, n.created_at >= since, newest_first=False)


def history(conn: Connection, states: Sequence[str], limit: int) -> list[Notice]:
    """What was told, newest first; `states` empty is all."""
    return store.listed(conn, limit, *([table.c.state.in_(states)] if states else []))


def counts(conn: Connection) -> dict[str, int]:
    """How many notices are in each state."""
    return store.counts(conn)


def _values(one: Contact, by: str, now: datetime) -> dict[str, Any]:
    return {
        "owner_group": one.owner_group, "role": one.role, "name": one.name,
        "reader_id": one.reader, "site_id": one.site, "mail": one.mail, "phone": one.phone,
        "channels": sorted(one.channels), "quiet_from": one.quiet_from,
        "quiet_until": one.quiet_until, "time_zone": one.time_zone, "changed_at": now,
        "changed_by": by,
    }  # fmt: skip
