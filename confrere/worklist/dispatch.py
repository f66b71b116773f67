"""Offer what waits to whom it suits best. Run by the dispatcher, as the system role."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from confrere.jobs import events
from confrere.kernel.ids import GroupId, ItemId, ReaderId
from confrere.network import service as network
from confrere.network.model import Directory, Reader
from confrere.network.rosters import serves
from confrere.network.wall_time import day_starts, local_day
from confrere.worklist import claims, store
from confrere.worklist.case import Case, case_in
from confrere.worklist.choosing import offerable, on_call
from confrere.worklist.eligibility import agreement_used, eligibility, is_eligible
from confrere.worklist.explaining import briefly
from confrere.worklist.feasibility import forecast
from confrere.worklist.judging import Judging
from confrere.worklist.lending import capped, with_taken
from confrere.worklist.model import (
    ADDENDUM,
    ASSIGNED,
    ATTESTED,
    NOBODY,
    OFF_DUTY,
    UNMAPPED,
    UNMATCHED,
    Item,
    Proof,
    State,
    Verdict,
    shared_objects,
)
from confrere.worklist.policy import LEVELS
from confrere.worklist.pooling import Chosen, Hour, Look, work_of
from confrere.worklist.tables import items

FAR = datetime.max.replace(tzinfo=UTC)
RANKS = {level.name: n for n, level in enumerate(LEVELS)}


@dataclass(frozen=True, slots=True)
class ItemOffered:
    """Event: an exam was offered to a reader, whose group may now see it."""

    owner_group: GroupId
    item_id: ItemId
    to_group: GroupId
    at: datetime


def dispatch(conn: Connection, directory: Directory, now: datetime) -> int:
    """Offer what waits, and take back offers that no longer hold.

    Returns how many items changed. An offer stands while its reader is eligible and on
    duty; a suspended agreement or a lapsed licence ends it at once.
    """
    directory = counted(conn, directory, now, offers=False)
    open_before = store.open_items(conn)
    recalled = recall_unlent(conn, open_before, directory, now)
    work = store.open_items(conn) if recalled else open_before
    free = [
        one for one in work if one.held_by is None and one.kind != ADDENDUM and offerable(one)
    ]
    good = {one.id for one in free if _still_good(one, directory, now)}
    settled = {one.id for one in free if one.id in good and _needs_a_look(one)}
    waits = [one for one in free if one.id not in settled]
    busy = {one.held_by for one in work if one.held_by}
    busy |= {one.offered_to for one in free if one.id in settled and one.offered_to}
    hour = Hour(
        frozenset(busy),
        standing([one for one in waits if one.id in good], frozenset(busy)),
        ahead_of(work),
        _worked(conn, directory, now), store.decliners(conn),
    )  # fmt: skip
    room = counted(conn, directory, now, offers=True)
    look = Look(waits, room, Judging(room, now), hour, now)
    chosen = {one.item.id: one for one in look.offers()}
    next_up = {item.id: reader for item, reader in look.queued()}
    changed = recalled
    for item in waits:
        if item.id in chosen:
            changed += _offer(conn, chosen[item.id], room, now)
        elif item.id in next_up:
            changed += _queue(conn, item, next_up[item.id], room, now)
        elif item.id not in good or item.id not in look.standing:
            changed += _leave(conn, item, look, room, now)
    return changed


def standing(offered: Sequence[Item], busy: frozenset[ReaderId]) -> dict[ItemId, ReaderId]:
    """The one offer of each idle reader that stands: the most urgent; others are only next."""
    found: dict[ReaderId, Item] = {}
    for item in sorted(
        offered,
        key=lambda one: (rank_of(one), one.due_at or FAR, one.offered_at or FAR, str(one.id)),
    ):
        if item.offered_to and item.offered_to not in busy:
            found.setdefault(item.offered_to, item)
    return {item.id: reader for reader, item in found.items()}


def ahead_of(work: Sequence[Item]) -> dict[ReaderId, timedelta]:
    """Reading time of what each reader holds or is offered."""
    ahead: dict[ReaderId, timedelta] = defaultdict(timedelta)
    for item in work:
        reader = item.held_by or item.offered_to
        if reader:
            ahead[reader] += item.reading_time
    return ahead


def rank_of(item: Item) -> int:
    """The place of an exam's level, the most urgent first."""
    return RANKS.get(item.priority, len(RANKS))


def _needs_a_look(item: Item) -> bool:
    """Say whether an offer is the on-call reader's, a chief's or a lead's: the policy leaves those."""
    return bool({UNMATCHED, UNMAPPED, ATTESTED, ASSIGNED} & set(item.flags))


def _worked(conn: Connection, directory: Directory, now: datetime) -> dict[ReaderId, float]:
    """Add up what each reader on duty has read this shift."""
    began = {
        one.id: shift.starts_at
        for one in directory.readers.values()
        if (shift := one.shift_at(now)) is not None
    }
    if not began:
        return {}
    worked: dict[ReaderId, float] = defaultdict(float)
    for item in store.finished_after(conn, min(began.values())):
        reader = item.finished_by
        if reader in began and item.finished_at and item.finished_at >= began[reader]:
            worked[reader] += work_of(item)
    return worked


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
    if item.flags and ASSIGNED not in item.flags and reader.group == item.owner_group:
        return True
    return is_eligible(eligibility(case_in(directory, item, reader, now)))


def _offer(conn: Connection, one: Chosen, directory: Directory, now: datetime) -> bool:
    """Offer an exam to the reader whom the policy chose, with the proof of all rules."""
    item, reader = one.item, one.reader
    if capped(directory, item, reader):  # what this round has offered counts already
        directory = counted(conn, directory, now, offers=True)
    case = case_in(directory, item, reader, now)
    if reader.group != item.owner_group and case.lent().agreement is None:
        return False
    judged = eligibility(case)
    finish = forecast({reader.id: now + item.reading_time}, item.due_at)
    reason = briefly(one.decision, directory.groups[reader.group].name)
    reason += " · late forecast" if finish.breach else ""
    done = _write(conn, item, reader, reason, (), now)
    if not done:
        return False
    verdicts = (*judged, finish.verdicts[reader.id])
    _prove_offer(conn, item, reader, verdicts, case, now, directory.version)
    store.add_decision(conn, item, reader, one.decision, now)
    return True


def _queue(
    conn: Connection, item: Item, reader: Reader, directory: Directory, now: datetime
) -> bool:
    """Let an acute exam stand next with a reader who is busy: they see it, and so does their group."""
    if item.offered_to == reader.id:
        return False
    case = case_in(directory, item, reader, now)
    if reader.group != item.owner_group and case.lent().agreement is None:
        return False
    group = directory.groups[reader.group].name
    reason = f"{item.subspecialty or 'any reader'} · {group} · next, nobody is idle"
    if not _write(conn, item, reader, reason, (), now):
        return False
    _prove_offer(conn, item, reader, eligibility(case), case, now, directory.version)
    return True


def _leave(
    conn: Connection, item: Item, look: Look, directory: Directory, now: datetime
) -> bool:
    """Let an exam wait, saying for what; one that nobody can type goes to who is on call."""
    able = look.able.get(item.id, frozenset())
    if item.id in look.waiting and (there := look.on_duty(item.id)):
        waits = f"waits for a reader: {there} on duty may read it"
        return _write(conn, item, None, waits, (), now)
    if not able and {UNMATCHED, UNMAPPED} & set(item.flags):
        offer = on_call(item, directory, now)
        if offer.reader is not None:
            if not _write(conn, item, offer.reader, offer.reason, (), now):
                return False
            case = case_in(directory, item, offer.reader, now)
            judged = eligibility(case)
            _prove_offer(conn, item, offer.reader, judged, case, now, directory.version)
            return True
        return _write(conn, item, None, offer.reason, (NOBODY,), now)
    if able:
        reason = f"{len(able)} eligible, none on duty now"
        return _write(conn, item, None, reason, (OFF_DUTY,), now)
    return _write(
        conn, item, None, "nobody is eligible: see why, reader by reader", (NOBODY,), now
    )


def _write(
    conn: Connection, item: Item, to: Reader | None, reason: str, marks: tuple[str, ...],
    now: datetime,
) -> bool:  # fmt: skip
    """Change whom an exam is offered to, if nobody took it meanwhile; False when it is so."""
    kept = [f for f in item.flags if f not in (NOBODY, OFF_DUTY, ATTESTED, ASSIGNED)]
    flags = [*kept, *marks]
    same = item.offered_to == (to.id if to else None) and item.offer_reason == reason
    if same and sorted(flags) == sorted(item.flags):
        return False
    done = store.change(
        conn,
        item.id,
        {
            "state": State.OFFERED if to else State.WAITING,
            "offered_to": to.id if to else None,
            "offered_group": to.group if to else None,
            "offered_at": now if to else None,
            "offer_reason": reason, "flags": flags, "updated_at": now,
        },
        items.c.version == item.version,
        items.c.held_by.is_(None),
    )  # fmt: skip
    if done is None:
        return False
    end_other_shares(conn, item, to.group if to else None, now)
    return True


def _prove_offer(
    conn: Connection, item: Item, reader: Reader, judged: tuple[Verdict, ...], case: Case,
    now: datetime, version: int,
) -> None:  # fmt: skip
    store.add_proofs(conn, [Proof(
        item.id, reader.id, reader.group, "offer", is_eligible(judged), agreement_used(case),
        judged, now, version,
    )])  # fmt: skip
    if reader.group != item.owner_group:
        network.share(conn, item.owner_group, reader.group, shared_objects(item), "offer", now)
    events.publish(conn, ItemOffered(item.owner_group, item.id, reader.group, now))


def end_other_shares(conn: Connection, item: Item, to: GroupId | None, now: datetime) -> None:
    """Close the exam to the group that it was offered to before."""
    before = item.offered_group
    if before and before not in (to, item.owner_group):
        objects = [object_id for kind, object_id in shared_objects(item) if kind != "patient"]
        if item.patient and not store.others_of_patient(conn, item, before):
            objects.append(item.patient)
        network.end_shares(conn, item.owner_group, before, objects, now)
