"""A lead moves an exam to another reader, with a reason; for a moment it can be taken back.

The rules decide as ever: whoever may not read an exam is not given it. What a move changes is
the order. The dispatcher leaves the exam with that reader while they are eligible and on duty.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from confrere.jobs import events
from confrere.kernel.errors import Conflict, Invalid, NotFound, Refused
from confrere.kernel.ids import AgreementId, GroupId, ItemId, ReaderId
from confrere.network import service as network
from confrere.network.model import Directory, Reader
from confrere.network.rosters import serves
from confrere.network.wall_time import day_starts, local_day
from confrere.worklist import store, store_moves
from confrere.worklist.board import Move
from confrere.worklist.case import case_in
from confrere.worklist.eligibility import agreement_used, eligibility, is_eligible
from confrere.worklist.elsewhere import why_closed
from confrere.worklist.lending import capped, with_taken
from confrere.worklist.model import (
    ASSIGNED,
    ATTESTED,
    NOBODY,
    OFF_DUTY,
    READ,
    Item,
    ItemOffered,
    Proof,
    State,
    shared_objects,
)
from confrere.worklist.offering import end_other_shares
from confrere.worklist.tables import items

SHORTEST_REASON, LONGEST_REASON = 10, 300
TAKE_BACK_WITHIN = timedelta(minutes=2)
# what a move changes of an exam, and taking it back restores
KEPT = (
    "state", "offered_to", "offered_group", "offered_at", "offer_reason", "held_by",
    "held_group", "held_name", "hold_token", "held_at", "lease_until", "drafted_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    """What a lead asks: who they are, why, and who had the exam when they looked.

    `holder` is who held it; `move` is the last move that they saw. Both so that nothing is
    taken from somebody whom the lead did not know of.
    """

    by: str
    group: GroupId | None
    reason: str
    holder: ReaderId | None = None
    move: UUID | None = None


def move(
    conn: Connection, item_id: ItemId, reader: Reader, order: Order, directory: Directory,
    now: datetime,
) -> Move:  # fmt: skip
    """Offer an exam to a reader whom its group's lead chose, and take it from who had it.

    Raises Invalid without a reason; Refused where it is not the lead's group's exam, or a rule
    or the roster says no; Conflict when somebody was quicker, or it is reported.
    """
    reason = order.reason.strip()[:LONGEST_REASON]
    if len(reason) < SHORTEST_REASON:
        raise Invalid(f"Give the reason in at least {SHORTEST_REASON} characters.", "reason")
    item = _locked(conn, item_id, order.group)
    _refuse_what_changed(conn, item, reader, order)
    if not serves(reader, item.owner_group, item.subspecialty, item.site, now):
        raise Refused(f"{reader.name} is not on duty for such exams now; see the roster")
    proof = _judged(conn, item, reader, directory, now)
    if not proof.eligible:
        failing = "; ".join(f"{v.rule}: {v.because}" for v in proof.verdicts if not v.holds)
        raise Refused(f"{reader.name} may not read this exam: {failing}")
    flags = _plain_flags(item)
    _write(conn, item, {
        "state": State.OFFERED, "offered_to": reader.id, "offered_group": reader.group,
        "offered_at": now, "offer_reason": f"given to you by {order.by}: {reason}",
        **_no_hold(), "flags": [*flags, ASSIGNED], "updated_at": now,
    })  # fmt: skip
    store.add_proofs(conn, [replace(proof, attested_by=order.by, attestation=reason)])
    _open_to(conn, item, item.offered_group, reader.group, now)
    had = directory.readers.get(item.held_by or item.offered_to or ReaderId(UUID(int=0)))
    return store_moves.add(conn, {
        "owner_group": item.owner_group, "item_id": item.id,
        "from_reader": had.id if had else None, "from_group": had.group if had else None,
        "from_name": had.name if had else "", "was_held": item.held_by is not None,
        "to_reader": reader.id, "to_group": reader.group, "to_name": reader.name,
        "moved_by": order.by, "reason": reason, "before": _kept(item), "at": now,
    })  # fmt: skip


def take_back(
    conn: Connection, move_id: UUID, group: GroupId | None, directory: Directory, now: datetime
) -> Item:
    """Undo a move within two minutes: whoever had the exam has it as before, if they still may.

    Raises NotFound for another group's move; Conflict when it is too late, or when somebody
    has begun to read.
    """
    made = store_moves.get(conn, move_id)
    if made is None or made.owner_group != group:
        raise NotFound("there is no such move")
    if now - made.at > TAKE_BACK_WITHIN:
        raise Conflict("a move can be taken back for two minutes; move the exam again instead")
    item = _locked(conn, made.item, group)
    if item.held_by is not None:
        raise Conflict(f"{item.held_name} has begun to read it; move the exam again instead")
    is_last = ASSIGNED in item.flags and item.offered_to == made.to_reader
    if not is_last or not store_moves.take_back(conn, move_id, now):
        raise Conflict("the exam has gone on since; look at the board again")
    values = _restored(store_moves.before(conn, move_id), now - made.at)
    had = directory.readers.get(values["held_by"] or values["offered_to"])
    if had is None or not _still_theirs(item, values, had, directory, now):
        values |= _no_hold() | {"state": State.WAITING, "offered_to": None, "offered_at": None}
        values["offered_group"], had = item.offered_group, None
    done = _write(conn, item, values | {"flags": _plain_flags(item), "updated_at": now})
    if had is not None:
        _open_to(conn, item, made.to_group, had.group, now)
    return done


def moved_from(conn: Connection, item: ItemId, reader: ReaderId | None) -> Move | None:
    """The last move of an exam when it took it from this reader; None otherwise."""
    found = store_moves.last(conn, item) if reader else None
    return found if found is not None and found.from_reader == reader else None


def last_move(conn: Connection, item: ItemId) -> Move | None:
    """The last move of an exam that was not taken back."""
    return store_moves.last(conn, item)


def _locked(conn: Connection, item_id: ItemId, group: GroupId | None) -> Item:
    found = store.lock(conn, item_id)
    if found is None:
        if not store.get(conn, [item_id]):
            raise NotFound("no such exam on your board")
        raise Conflict("another change to this exam is under way; try again")
    if found.owner_group != group:
        raise Refused("only the group that owns an exam moves it")
    if found.finished_at is not None:
        raise Conflict("this exam is already reported")
    if found.kind != READ:
        raise Refused("late images go to who signed the report; they are not moved")
    if closed := why_closed(found, network.site(conn, found.site)):
        raise Conflict(closed)
    return found


def _refuse_what_changed(conn: Connection, item: Item, reader: Reader, order: Order) -> None:
    if item.held_by != order.holder:
        if item.held_by is None:
            raise Conflict("nobody reads this exam any more; look again before you move it")
        raise Conflict(
            f"{item.held_name} has begun to read this exam: look again, and confirm that you "
            "take it from them"
        )
    if item.held_by == reader.id:
        raise Invalid(f"{reader.name} is reading it already.", "reader")
    last = store_moves.last(conn, item.id)
    if ASSIGNED in item.flags and last is not None and last.id != order.move:
        raise Conflict(f"{last.by} gave this exam to {last.to_name} meanwhile; look again")


def _judged(
    conn: Connection, item: Item, reader: Reader, directory: Directory, now: datetime
) -> Proof:
    taken: dict[AgreementId, int] = {}
    for one in sorted(capped(directory, item, reader), key=lambda a: str(a.id)):
        store.lock_cap(conn, one.id)
        since = day_starts(local_day(now, one.window_zone), one.window_zone)
        taken[one.id] = store.claimed_under(conn, one.id, since)
        taken[one.id] += store.offered_under(conn, one.id)
    counted = with_taken(directory, taken)
    case = case_in(counted, item, reader, now)
    verdicts = eligibility(case)
    return Proof(
        item.id, reader.id, reader.group, "assign", is_eligible(verdicts), agreement_used(case),
        verdicts, now, counted.version,
    )  # fmt: skip


def _open_to(
    conn: Connection, item: Item, before: GroupId | None, to: GroupId, now: datetime
) -> None:
    """Let the group of who has it now see the exam, and nobody else's but the owner's."""
    end_other_shares(conn, replace(item, offered_group=before), to, now)
    if to != item.owner_group:
        network.share(conn, item.owner_group, to, shared_objects(item), "offer", now)
    events.publish(conn, ItemOffered(item.owner_group, item.id, to, now))


def _write(conn: Connection, item: Item, values: dict[str, Any]) -> Item:
    done = store.change(conn, item.id, values, items.c.version == item.version)
    if done is None:
        raise Conflict("the exam has gone on since; look at the board again")
    return done


def _plain_flags(item: Item) -> list[str]:
    return [one for one in item.flags if one not in (NOBODY, OFF_DUTY, ATTESTED, ASSIGNED)]


def _no_hold() -> dict[str, Any]:
    return {
        "held_by": None, "held_group": None, "held_name": "", "hold_token": None,
        "held_at": None, "lease_until": None, "drafted_at": None,
    }  # fmt: skip


def _kept(item: Item) -> dict[str, Any]:
    found = {name: getattr(item, name) for name in KEPT}
    return {
        name: value.isoformat() if isinstance(value, datetime)
        else str(value) if isinstance(value, UUID | State) else value
        for name, value in found.items()
    }  # fmt: skip


def _restored(kept: dict[str, Any], gone: timedelta) -> dict[str, Any]:
    """Read what was kept; a lease goes on with what was left of it."""
    values = dict(kept)
    for name in ("offered_to", "offered_group", "held_by", "held_group", "hold_token"):
        values[name] = UUID(values[name]) if values[name] else None
    for name in ("offered_at", "held_at", "lease_until", "drafted_at"):
        values[name] = datetime.fromisoformat(values[name]) if values[name] else None
    if values["lease_until"] is not None:
        values["lease_until"] += gone
    return values


def _still_theirs(
    item: Item, values: dict[str, Any], had: Reader, directory: Directory, now: datetime
) -> bool:
    held = replace(item, held_by=values["held_by"], held_at=values["held_at"])
    return is_eligible(eligibility(case_in(directory, held, had, now)))
