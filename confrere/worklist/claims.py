"""Claim, keep and release an exam: one holder at a time, by one conditional update.

A hold has a lease and a token. The token fences: whoever's lease ran out and whose exam was
taken by another cannot sign with the old one.
"""

from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.kernel.errors import Conflict, NotFound, Refused
from confrere.kernel.ids import AgreementId, ItemId, ReaderId
from confrere.network.model import Directory, Reader
from confrere.network.wall_time import day_starts, local_day
from confrere.worklist import store, store_choices, store_moves
from confrere.worklist.case import case_in
from confrere.worklist.choosing import takes_from_the_list
from confrere.worklist.eligibility import agreement_used, eligibility, is_eligible
from confrere.worklist.elsewhere import why_closed
from confrere.worklist.lending import capped, with_taken
from confrere.worklist.model import SILENT, UNMAPPED, UNMATCHED, Item, Proof, State, Verdict
from confrere.worklist.tables import items
from confrere.worklist.taking import claim_made, open_to

MOST_LOOKED_AT = 150  # of what waits, by due time, when a claim out of turn is noted


def prove(
    conn: Connection, item: Item, reader: Reader, directory: Directory, act: str, at: datetime,
    read_type: str = "",
) -> Proof:  # fmt: skip
    """Judge a reader for an act on an item and keep the proof; `read_type` at a signature.

    Raises Refused with the failing rules' reasons. A reader on call for an exam that nobody
    could type may act on it when all but its type fits, and so may the one to whom a chief
    gave an emergency.
    """
    if act == "claim":
        directory = with_taken(directory, _taken(conn, item, reader, directory, at))
    case = case_in(directory, item, reader, at, read_type)
    judged = eligibility(case)
    allowed = (
        is_eligible(judged) or _on_call(item, reader, judged) or item.is_attested_to(reader.id)
    )
    proof = Proof(
        item.id, reader.id, reader.group, act, allowed, agreement_used(case), judged, at,
        directory.version,
    )  # fmt: skip
    if not allowed:
        raise Refused(f"you may not {act} this exam: {_told(judged, act)}")
    store.add_proofs(conn, [proof])
    return proof


def _taken(
    conn: Connection, item: Item, reader: Reader, directory: Directory, at: datetime
) -> dict[AgreementId, int]:
    """Count what was claimed today under each capped agreement; the count stands till commit."""
    counts = {}
    for one in sorted(capped(directory, item, reader), key=lambda a: str(a.id)):
        store.lock_cap(conn, one.id)
        since = day_starts(local_day(at, one.window_zone), one.window_zone)
        counts[one.id] = store.claimed_under(conn, one.id, since)
    return counts


def _told(judged: tuple[Verdict, ...], act: str) -> str:
    failing = [v for v in judged if not v.holds]
    told = "; ".join(f"{v.rule}: {v.because}" for v in failing)
    if act == "sign" and any(v.rule == "CONSENT_ORG" for v in failing):
        told += (
            ". Your draft is kept with the exam: the owner group may resume the agreement, "
            "or one of its own readers takes the exam over"
        )
    return told


def _on_call(item: Item, reader: Reader, judged: tuple[Verdict, ...]) -> bool:
    needs_look = {UNMATCHED, UNMAPPED} & set(item.flags)
    return (
        bool(needs_look)
        and item.owner_group == reader.group
        and all(v.holds for v in judged if v.rule != "SCOPE")
    )


def claim(
    conn: Connection, item: Item, reader: Reader, directory: Directory, now: datetime,
    lease: timedelta, *, in_turn: bool = False,
) -> Item:  # fmt: skip
    """Take an exam to read; return it with the hold's token.

    `in_turn` says that it is the next one of the list: the reader chose nothing.

    Raises Refused when a rule says no, or the reader's group reads only what is offered;
    Conflict naming the holder when somebody has it, or saying so when it is finished.
    Claiming what one already holds renews the lease and keeps the token, so a second window
    goes on with the same hold.
    """
    if item.held_by == reader.id and item.held_at_instant(now):
        return _renewed(conn, item, now, lease)
    if item.held_by != reader.id and (closed := why_closed(item, directory.sites[item.site])):
        raise Conflict(closed)
    if not takes_from_the_list(item, reader, directory, now):
        raise Refused(
            "your group reads what is offered, and this exam is not offered to you: take your "
            "next exam, or ask your lead to move this one to you"
        )
    prove(conn, item, reader, directory, "claim", now)
    choice = [] if in_turn else _choice(conn, item, reader, directory, now)
    not_there = sa.or_(items.c.outside_since.is_(None), items.c.flags.contains([SILENT]))
    open_here = sa.or_(
        items.c.held_by == reader.id, sa.and_(items.c.shadow.is_(False), not_there)
    )
    free = sa.or_(items.c.held_by.is_(None), items.c.lease_until <= now)
    taken = store.change(
        conn,
        item.id,
        {
            "state": State.HELD, "held_by": reader.id, "held_group": reader.group,
            "held_name": reader.name, "hold_token": sa.func.gen_random_uuid(), "held_at": now,
            "lease_until": now + lease, "updated_at": now,
        },
        items.c.finished_at.is_(None),
        free,
        open_here,
    )  # fmt: skip
    if taken is None:
        raise _lost(conn, item.id)
    store_choices.add_claim(conn, claim_made(item, reader, choice, now))
    return taken


def _choice(
    conn: Connection, item: Item, reader: Reader, directory: Directory, now: datetime
) -> list[Item]:
    """What a reader chose from who was not offered this exam."""
    if item.offered_to == reader.id:
        return []
    others = store.open_items(
        conn, items.c.held_by.is_(None), items.c.id != item.id, limit=MOST_LOOKED_AT
    )
    return open_to(reader, [item, *others], directory, now)


def _renewed(conn: Connection, item: Item, now: datetime, lease: timedelta) -> Item:
    kept = store.change(
        conn, item.id, {"lease_until": now + lease}, items.c.hold_token == item.hold_token
    )
    if kept is None:
        raise _lost(conn, item.id)
    return kept


def _lost(
    conn: Connection, item_id: ItemId, reader: ReaderId | None = None
) -> Conflict | NotFound:
    found = store.get(conn, [item_id])
    if not found:
        return NotFound("this exam is no longer on your worklist")
    if reader and (told := _moved(conn, found[0], reader)):
        return Conflict(f"{told}. Your draft is kept with the exam")
    if found[0].finished_at:
        return Conflict(_over(found[0]))
    if found[0].held_by is None and (found[0].shadow or found[0].is_read_outside):
        return Conflict("the site reads this exam itself: reload the page to see who")
    return Conflict(f"{found[0].held_name or 'another reader'} has this exam")


def _over(item: Item) -> str:
    if item.state is State.EXTERNAL:
        return (
            "this exam is already reported: the site's own report closed it. A draft written "
            "here is kept with the exam, and shown on Exceptions"
        )
    return "this exam is already reported"


def confirm(
    conn: Connection, item_id: ItemId, reader: ReaderId, token: UUID, now: datetime
) -> Item:
    """Lock an item and check that this hold still is the one; raises Conflict when stale.

    A lease that ran out while nobody else took the exam is still good: the token decides.
    """
    item = store.lock(conn, item_id)
    if item is None:
        raise Conflict("another change to this exam is under way; try again")
    if item.finished_at is not None:
        raise Conflict(_over(item))
    if item.held_by != reader or item.hold_token != token:
        if told := _moved(conn, item, reader):
            raise Conflict(f"{told}. Your draft is kept with the exam")
        who = item.held_name if item.held_at_instant(now) else ""
        raise Conflict(
            f"your claim on this exam has ended{f', {who} has it now' if who else ''}; "
            "claim it again to go on, your draft is kept"
        )
    return item


def _moved(conn: Connection, item: Item, reader: ReaderId) -> str:
    moved = store_moves.last(conn, item.id) if item.held_by != reader else None
    return moved.told() if moved is not None and moved.from_reader == reader else ""


def renew(
    conn: Connection, item_id: ItemId, reader: ReaderId, token: UUID, now: datetime,
    lease: timedelta, *, drafted: bool | None = None,
) -> Item:  # fmt: skip
    """Prolong a hold, on any activity in viewer or report; Conflict when it is stale.

    `drafted` says that a draft was saved, and whether it says anything.
    """
    values: dict[str, object] = {"lease_until": now + lease}
    if drafted is not None:
        values["drafted_at"] = now if drafted else None
    kept = store.change(
        conn, item_id, values,
        items.c.hold_token == token, items.c.held_by == reader, items.c.finished_at.is_(None),
    )  # fmt: skip
    if kept is None:
        raise _lost(conn, item_id, reader)
    return kept


def release(
    conn: Connection, item_id: ItemId, reader: ReaderId, token: UUID, now: datetime
) -> Item:
    """Give an exam back; the draft stays. Conflict when the hold is stale."""
    return give_back(conn, item_id, now, items.c.hold_token == token, items.c.held_by == reader)


def give_back(
    conn: Connection, item_id: ItemId, now: datetime, *when: sa.ColumnElement[bool]
) -> Item:
    """Let an open exam wait again if `when` holds; Conflict names who has it otherwise."""
    given = store.change(conn, item_id, _let_go(now), *when, items.c.finished_at.is_(None))
    if given is None:
        raise _lost(conn, item_id)
    return given


def recall(conn: Connection, item: Item, now: datetime) -> bool:
    """Take a held exam back for the owner group; the draft stays. False when it was let go."""
    done = store.change(
        conn, item.id, _let_go(now), items.c.hold_token == item.hold_token,
        items.c.finished_at.is_(None),
    )  # fmt: skip
    return done is not None


def free_lapsed(conn: Connection, now: datetime) -> int:
    """Put exams back whose holder's lease ran out; return how many.

    Who has begun to write keeps the exam until its due time is at risk.
    """
    freed = 0
    for item in store.lapsed(conn, now):
        if item.drafted_at and item.at_risk_at and now < item.at_risk_at:
            continue
        done = store.change(
            conn, item.id, _let_go(now), items.c.hold_token == item.hold_token,
            items.c.lease_until <= now,
        )  # fmt: skip
        freed += done is not None
    return freed


def _let_go(now: datetime) -> dict[str, object]:
    return {
        "state": State.WAITING, "held_by": None, "held_group": None, "held_name": "",
        "hold_token": None, "lease_until": None, "held_at": None, "drafted_at": None,
        "updated_at": now,
        # whose group saw it stays known, so that the next offer ends what was shared with it
        "offered_to": None, "offered_at": None,
        "offered_group": sa.func.coalesce(items.c.held_group, items.c.offered_group),
        "offer_reason": "",
    }  # fmt: skip
