"""What stands before a round of the dispatcher: offers, who is busy, what goes together. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from confrere.kernel.ids import ItemId, ReaderId
from confrere.network.model import Directory
from confrere.network.presence import Presence
from confrere.network.rosters import serves
from confrere.worklist.judging import Judging
from confrere.worklist.model import Item
from confrere.worklist.policy import LEVELS

FAR = datetime.max.replace(tzinfo=UTC)
RANKS = {level.name: n for n, level in enumerate(LEVELS)}
FIRST = frozenset(level.name for level in LEVELS if level.first)
# so much acute reading of one patient is shared by readers side by side (severe trauma)
SPLIT_FROM = timedelta(minutes=20)
Patient = tuple[UUID, UUID]  # owner group, patient: a patient record is a group's own


def rank_of(item: Item) -> int:
    """The place of an exam's level, the most urgent first."""
    return RANKS.get(item.priority, len(RANKS))


def patient_of(item: Item) -> Patient | None:
    """Whose exam it is."""
    return (item.owner_group, item.patient) if item.patient else None


def split_patients(work: Sequence[Item]) -> frozenset[Patient]:
    """The patients whose acute exams are too many for one reader, one after the other."""
    acute: dict[Patient, list[timedelta]] = defaultdict(list)
    for item in work:
        patient = patient_of(item)
        if patient is not None and item.priority in FIRST:
            acute[patient].append(item.reading_time)
    return frozenset(
        patient
        for patient, times in acute.items()
        if len(times) > 1 and sum(times, timedelta()) > SPLIT_FROM
    )


def standing(
    offered: Sequence[Item], busy: frozenset[ReaderId], directory: Directory
) -> dict[ItemId, ReaderId]:
    """The offers that stand of each idle reader, the most urgent: as many as the group wants."""
    found: dict[ItemId, ReaderId] = {}
    each: dict[ReaderId, int] = defaultdict(int)
    for item in sorted(
        offered,
        key=lambda one: (rank_of(one), one.due_at or FAR, one.offered_at or FAR, str(one.id)),
    ):
        reader = directory.readers.get(item.offered_to) if item.offered_to else None
        if reader is None or reader.id in busy:
            continue
        if each[reader.id] < directory.routing_of(reader.group).ahead:
            each[reader.id] += 1
            found[item.id] = reader.id
    return found


def attached(
    waits: Sequence[Item], with_reader: Mapping[Patient, ReaderId], judging: Judging,
    directory: Directory, now: datetime, declined: Mapping[ItemId, frozenset[ReaderId]],
) -> dict[ItemId, ReaderId]:  # fmt: skip
    """Exams that go with another of the same patient, to who reads or is offered that one.

    `with_reader` leaves out patients whose exams are split. What is at risk does not wait
    for one reader.
    """
    found = {}
    for item in waits:
        patient = patient_of(item)
        if patient is None or patient not in with_reader:
            continue
        if item.at_risk_at is not None and item.at_risk_at <= now:
            continue
        reader = directory.readers.get(with_reader[patient])
        if (
            reader is not None
            and reader.id not in declined.get(item.id, frozenset())
            and serves(reader, item.owner_group, item.subspecialty, item.site, now)
            and judging.may(item, reader.id, now)
        ):
            found[item.id] = reader.id
    return found


def ahead_of(work: Sequence[Item]) -> dict[ReaderId, timedelta]:
    """Reading time of what each reader holds or is offered."""
    ahead: dict[ReaderId, timedelta] = defaultdict(timedelta)
    for item in work:
        reader = item.held_by or item.offered_to
        if reader:
            ahead[reader] += item.reading_time
    return ahead


def silent(
    offers: Mapping[ItemId, ReaderId], waits: Mapping[ItemId, Item], directory: Directory,
    last_done: Mapping[ReaderId, datetime], now: datetime,
) -> frozenset[ItemId]:  # fmt: skip
    """The standing offers that a reader has let pass who is signed on and reads nothing.

    Silence of a reader who never said they were there, or reads, means nothing. The time
    counts from the offer, or from when the reader finished the exam before.
    """
    found = set()
    for item, reader_id in offers.items():
        reader = directory.readers[reader_id]
        since = max(waits[item].offered_at or now, last_done.get(reader_id, UTC_START))
        if (
            reader.presence(now) is Presence.SIGNED_ON
            and now - since >= directory.routing_of(reader.group).silence
        ):
            found.add(item)
    return frozenset(found)


UTC_START = datetime.min.replace(tzinfo=UTC)
