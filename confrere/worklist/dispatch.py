"""Offer what waits to whom it suits best. Run by the dispatcher, as the system role."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from confrere.jobs import events
from confrere.kernel.ids import GroupId, ItemId, ReaderId
from confrere.network import service as network
from confrere.network.model import Directory
from confrere.network.rosters import serves
from confrere.network.wall_time import day_starts, local_day
from confrere.worklist import claims, store
from confrere.worklist.case import case_in
from confrere.worklist.choosing import Offer, choose, offerable
from confrere.worklist.eligibility import agreement_used, eligibility, is_eligible
from confrere.worklist.lending import with_taken
from confrere.worklist.model import (
    ADDENDUM,
    ATTESTED,
    NOBODY,
    OFF_DUTY,
    Item,
    Proof,
    State,
    shared_objects,
)
from confrere.worklist.tables import items


@dataclass(frozen=True, slots=True)
class ItemOffered:
    """Event: an exam was offered to a reader, whose group may now see it."""

    owner_group: GroupId
    item_id: ItemId
    to_group: GroupId
    at: datetime


def load_of(work: Sequence[Item]) -> dict[ReaderId, list[tuple[datetime, timedelta]]]:
    """Count what each reader holds or is offered: due time and reading time."""
    load: dict[ReaderId, list[tuple[datetime, timedelta]]] = defaultdict(list)
    for item in work:
        reader = item.held_by or item.offered_to
        if reader and item.due_at:
            load[reader].append((item.due_at, item.reading_time))
    return load


def dispatch(conn: Connection, directory: Directory, now: datetime) -> int:
    """Offer every exam that waits, and take back offers that no longer hold.

    Returns how many items changed. An offer stands while its reader is eligible and on
    duty; a suspended agreement or a lapsed licence ends it at once.
    """
    directory = counted(conn, directory, now, offers=False)
    open_before = store.open_items(conn)
    recalled = recall_unlent(conn, open_before, directory, now)
    work = store.open_items(conn) if recalled else open_before
    load, declined = load_of(work), store.decliners(conn)
    changed = recalled
    for item in work:
        if item.held_by is not None or item.kind == ADDENDUM or not offerable(item):
            continue
        if _still_good(item, directory, now):
            continue
        room = counted(conn, directory, now, offers=True)
        decided = choose(item, room, load, now, declined.get(item.id, frozenset()))
        if _decide(conn, item, decided, room, now):
            changed += 1
            if decided.reader and item.due_at:
                ahead = load.setdefault(decided.reader.id, [])
                ahead.append((item.due_at, item.reading_time))
    return changed


def counted(
    conn: Connection, directory: Directory, now: datetime, *, offers: bool
) -> Directory:
    """The directory whose capped agreements know what was claimed under them today.

    With `offers`, what is offered under them counts too: it may be claimed any moment.
    """
    taken = {}
    for one in directory.agreements:
        if one.daily_cap and not one.ended:
            since = day_starts(local_day(now, one.window_zone), one.window_zone)
            taken[one.id] = store.claimed_under(conn, one.id, since)
            taken[one.id] += store.offered_under(conn, one.id) if offers else 0
    return with_taken(directory, taken)


def recall_unlent(
    conn: Connection, work: Sequence[Item], directory: Directory, now: datetime
) -> int:
    """Give exams back to their group's pool that another group's reader may not go on with.

    That is when the agreement was suspended or ended, or the exams are kept home by now. The
    draft stays with the exam. Returns how many.
    """
    recalled = 0
    for item in work:
        holder = directory.readers.get(item.held_by) if item.held_by else None
        if holder is None or holder.group == item.owner_group or item.kind == ADDENDUM:
            continue
        if case_in(directory, item, holder, now).lent().agreement is None:
            recalled += claims.recall(conn, item, now)
    return recalled


def _still_good(item: Item, directory: Directory, now: datetime) -> bool:
    reader = directory.readers.get(item.offered_to) if item.offered_to else None
    if reader is not None and item.is_attested_to(reader.id):
        return True
    wanted = item.subspecialty
    if reader is None or not serves(reader, item.owner_group, wanted, item.site, now):
        return False
    if item.flags and reader.group == item.owner_group:
        return True
    return is_eligible(eligibility(case_in(directory, item, reader, now)))


def _decide(
    conn: Connection, item: Item, offer: Offer, directory: Directory, now: datetime
) -> bool:
    chosen = offer.reader
    marked = bool({NOBODY, OFF_DUTY} & set(item.flags)) and item.offer_reason == offer.reason
    if chosen is None and item.offered_to is None and marked:
        return False
    flags = [f for f in item.flags if f not in (NOBODY, OFF_DUTY, ATTESTED)]
    if chosen is None:
        flags.append(OFF_DUTY if any(map(is_eligible, offer.verdicts.values())) else NOBODY)
    done = store.change(
        conn,
        item.id,
        {
            "state": State.OFFERED if chosen else State.WAITING,
            "offered_to": chosen.id if chosen else None,
            "offered_group": chosen.group if chosen else None,
            "offered_at": now if chosen else None,
            "offer_reason": offer.reason, "flags": flags, "updated_at": now,
        },
        items.c.version == item.version,
        items.c.held_by.is_(None),
    )  # fmt: skip
    if done is None:
        return False
    end_other_shares(conn, item, chosen.group if chosen else None, now)
    if chosen is None:
        return True
    case, judged = case_in(directory, item, chosen, now), offer.verdicts[chosen.id]
    store.add_proofs(conn, [Proof(
        item.id, chosen.id, chosen.group, "offer", is_eligible(judged), agreement_used(case),
        judged, now, directory.version,
    )])  # fmt: skip
    if chosen.group != item.owner_group:
        network.share(conn, item.owner_group, chosen.group, shared_objects(item), "offer", now)
    events.publish(conn, ItemOffered(item.owner_group, item.id, chosen.group, now))
    return True


def end_other_shares(conn: Connection, item: Item, to: GroupId | None, now: datetime) -> None:
    """Close the exam to the group that it was offered to before."""
    before = item.offered_group
    if before and before not in (to, item.owner_group):
        objects = [object_id for kind, object_id in shared_objects(item) if kind != "patient"]
        if item.patient and not store.others_of_patient(conn, item, before):
            objects.append(item.patient)
        network.end_shares(conn, item.owner_group, before, objects, now)
