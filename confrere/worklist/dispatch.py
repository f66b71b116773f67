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
from confrere.worklist import store
from confrere.worklist.choosing import Offer, choose, offerable
from confrere.worklist.eligibility import Case, agreement_used, eligibility, is_eligible
from confrere.worklist.model import (
    ADDENDUM,
    NOBODY,
    OFF_DUTY,
    Item,
    Proof,
    State,
    shared_objects,
)
from confrere.worklist.tables import items

# minutes that an exam takes to read, by modality, where nothing better is known
READING_MINUTES = {"CR": 3, "DX": 3, "MG": 5, "US": 6, "NM": 8, "CT": 9, "MR": 12, "PT": 20}


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
            took = timedelta(minutes=READING_MINUTES.get(item.modality, 8))
            load[reader].append((item.due_at, took))
    return load


def dispatch(conn: Connection, directory: Directory, now: datetime) -> int:
    """Offer every exam that waits, and take back offers that no longer hold.

    Returns how many items changed. An offer stands while its reader is eligible and on
    duty; a suspended agreement or a lapsed licence ends it at once.
    """
    work = store.open_items(conn)
    load = load_of(work)
    changed = 0
    for item in work:
        if item.held_by is not None or item.kind == ADDENDUM or not offerable(item):
            continue
        if _still_good(item, directory, now):
            continue
        decided = choose(item, directory, load, now)
        if _decide(conn, item, decided, directory, now):
            changed += 1
            if decided.reader and item.due_at:
                took = timedelta(minutes=READING_MINUTES.get(item.modality, 8))
                load.setdefault(decided.reader.id, []).append((item.due_at, took))
    return changed


def _still_good(item: Item, directory: Directory, now: datetime) -> bool:
    reader = directory.readers.get(item.offered_to) if item.offered_to else None
    if reader is None or not reader.on_duty(now):
        return False
    if item.flags and reader.group == item.owner_group:
        return True
    site = directory.sites[item.site]
    return is_eligible(eligibility(Case(item, reader, site, directory.agreements, now)))


def _decide(
    conn: Connection, item: Item, offer: Offer, directory: Directory, now: datetime
) -> bool:
    chosen = offer.reader
    marked = bool({NOBODY, OFF_DUTY} & set(item.flags)) and item.offer_reason == offer.reason
    if chosen is None and item.offered_to is None and marked:
        return False
    flags = [f for f in item.flags if f not in (NOBODY, OFF_DUTY)]
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
    _end_other_shares(conn, item, chosen.group if chosen else None, now)
    if chosen is None:
        return True
    case = Case(item, chosen, directory.sites[item.site], directory.agreements, now)
    store.add_proofs(conn, [Proof(
        item.id, chosen.id, chosen.group, "offer", is_eligible(offer.verdicts[chosen.id]),
        agreement_used(case), offer.verdicts[chosen.id], now,
    )])  # fmt: skip
    if chosen.group != item.owner_group:
        network.share(conn, item.owner_group, chosen.group, shared_objects(item), "offer", now)
    events.publish(conn, ItemOffered(item.owner_group, item.id, chosen.group, now))
    return True


def _end_other_shares(conn: Connection, item: Item, to: GroupId | None, now: datetime) -> None:
    before = item.offered_group
    if before and before not in (to, item.owner_group):
        objects = [object_id for kind, object_id in shared_objects(item) if kind != "patient"]
        if item.patient and not store.others_of_patient(conn, item, before):
            objects.append(item.patient)
        network.end_shares(conn, item.owner_group, before, objects, now)
