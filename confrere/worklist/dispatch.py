"""Offer what waits to whom it suits best. Run by the dispatcher, as the system role."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from confrere.kernel.ids import ItemId, ReaderId
from confrere.network.model import Directory
from confrere.network.rosters import serves
from confrere.network.wall_time import day_starts, local_day
from confrere.worklist import claims, store
from confrere.worklist.case import case_in
from confrere.worklist.choosing import offerable
from confrere.worklist.judging import Judging
from confrere.worklist.lending import with_taken
from confrere.worklist.model import (
    ADDENDUM,
    ASSIGNED,
    ATTESTED,
    UNMAPPED,
    UNMATCHED,
    Item,
)
from confrere.worklist.pooling import Hour, Look, work_of
from confrere.worklist.prealert import NOTHING_KEPT, SpokenFor
from confrere.worklist.saying import say
from confrere.worklist.standing import (
    FIRST,
    Patient,
    ahead_of,
    attached,
    patient_of,
    silent,
    split_patients,
    standing,
)

MOST_OPEN = 200_000


@dataclass(frozen=True, slots=True)
class Worked:
    """What readers on duty did this shift: how much, and when they last finished an exam."""

    amount: dict[ReaderId, float]
    last: dict[ReaderId, datetime]


class Dispatcher:
    """Makes rounds; keeps the compiled rules between them. The database is the truth."""

    def __init__(self) -> None:
        self._directory: Directory | None = None
        self._judging: Judging | None = None
        self._lent: Directory | None = None
        self._at: datetime | None = None

    def round(
        self, conn: Connection, directory: Directory, now: datetime,
        kept: SpokenFor = NOTHING_KEPT,
    ) -> int:  # fmt: skip
        """Offer what waits, and take back offers that no longer hold.

        Returns how many items changed. An offer stands while its reader is eligible and on
        duty; a suspended agreement or a lapsed licence ends it at once. What a pre-alert has
        `kept` stays with its reader, who is offered nothing new.
        """
        work = store.open_items(conn, limit=MOST_OPEN)
        claimed = counted(conn, directory, now, offers=False)
        recalled = recall_unlent(conn, work, claimed, now)
        if recalled:
            work = store.open_items(conn, limit=MOST_OPEN)
        judging = self._rules(directory, claimed, now)
        free = [
            one
            for one in work
            if one.held_by is None and one.kind != ADDENDUM and offerable(one)
        ]
        good = {one.id for one in free if _still_good(one, claimed, judging, now)}
        settled = {one.id for one in free if one.id in good and _needs_a_look(one, kept)}
        waits = [one for one in free if one.id not in settled]
        hour = _hour(conn, work, waits, good, settled, kept.readers, judging, claimed, now)
        room = counted(conn, directory, now, offers=True)
        look = Look(waits, room, self._rules(directory, room, now), hour, now)
        return recalled + say(conn, look, room, good, now)

    def _rules(self, directory: Directory, lent: Directory, now: datetime) -> Judging:
        """The rules compiled for this directory, with what is taken under its agreements."""
        kept = self._judging
        if kept is None or directory is not self._directory or (self._at and now < self._at):
            kept = self._judging = Judging(lent, now)
            self._directory, self._lent = directory, lent
        elif lent is not self._lent:
            kept.lend(lent)
            self._lent = lent
        self._at = now
        return kept


def dispatch(
    conn: Connection, directory: Directory, now: datetime, kept: SpokenFor = NOTHING_KEPT
) -> int:
    """Make one round that remembers nothing."""
    return Dispatcher().round(conn, directory, now, kept)


def _hour(
    conn: Connection, work: Sequence[Item], waits: Sequence[Item], good: set[ItemId],
    settled: set[ItemId], spoken_for: frozenset[ReaderId], judging: Judging, directory: Directory, now: datetime,
) -> Hour:  # fmt: skip
    held = [one for one in work if one.held_by]
    busy = (
        frozenset(
            [one.held_by for one in held if one.held_by]
            + [one.offered_to for one in work if one.id in settled and one.offered_to]
        )
        | spoken_for
    )
    declined = store.decliners(conn)
    split = split_patients([one for one in work if one.finished_at is None])

    def together(some: Sequence[tuple[Item, ReaderId]]) -> dict[Patient, ReaderId]:
        found: dict[Patient, ReaderId] = {}
        for item, reader in some:
            patient = patient_of(item)
            if patient is not None and patient not in split:
                found.setdefault(patient, reader)
        return found

    reads = together([(one, one.held_by) for one in held if one.held_by])
    calm = [
        one for one in waits if one.priority not in FIRST
    ]  # a STAT waits for no read to end
    along = attached(calm, reads, judging, directory, now, declined)
    loose = [one for one in waits if one.id not in along and one.id in good]
    stand = standing(loose, busy, directory)
    offered = together([(one, stand[one.id]) for one in loose if one.id in stand])
    rest = [one for one in waits if one.id not in along and one.id not in stand]
    along |= attached(rest, offered, judging, directory, now, declined)
    worked = _worked(conn, directory, now)
    quiet = silent(stand, {one.id: one for one in waits}, directory, worked.last, now)
    return Hour(
        held, busy, stand, quiet, along, ahead_of(work), worked.amount, declined
    )  # fmt: skip


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


def _needs_a_look(item: Item, kept: SpokenFor) -> bool:
    """Say whether an offer is the on-call reader's, a chief's, a lead's or an alert's."""
    return item.id in kept.items or bool(
        {UNMATCHED, UNMAPPED, ATTESTED, ASSIGNED} & set(item.flags)
    )


def _still_good(item: Item, directory: Directory, judging: Judging, now: datetime) -> bool:
    reader = directory.readers.get(item.offered_to) if item.offered_to else None
    if reader is not None and item.is_attested_to(reader.id):
        return True
    wanted = item.subspecialty
    if reader is None or not serves(reader, item.owner_group, wanted, item.site, now):
        return False
    typed = not {UNMATCHED, UNMAPPED} & set(item.flags) or ASSIGNED in item.flags
    if not typed and reader.group == item.owner_group:
        return True
    return judging.may(item, reader.id, now)


def _worked(conn: Connection, directory: Directory, now: datetime) -> Worked:
    """Add up what each reader on duty has read this shift."""
    began = {
        one.id: shift.starts_at
        for one in directory.readers.values()
        if (shift := one.shift_at(now)) is not None
    }
    amount: dict[ReaderId, float] = defaultdict(float)
    last: dict[ReaderId, datetime] = {}
    for item in store.finished_after(conn, min(began.values())) if began else ():
        reader, at = item.finished_by, item.finished_at
        if reader in began and at and at >= began[reader]:
            amount[reader] += work_of(item)
            last[reader] = max(at, last.get(reader, at))
    return Worked(amount, last)
