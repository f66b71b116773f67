"""Who is told, and how loudly, as an exam's time runs out. Pure.

The ladder is data. An exam is at one tier: the highest that its share of time has reached;
tiers that it jumped over are not made up for. Nobody is told the same tier twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from confrere.kernel.ids import GroupId, ReaderId
from confrere.network.model import Directory
from confrere.notices.contacts import (
    ASSISTANT,
    CHIEF,
    ED,
    LEAD,
    READER,
    ROLES,
    CallLists,
    Contact,
)
from confrere.notices.model import OUTSIDE, OVERDUE, Channel, Kind, Telling, Told
from confrere.orders.priorities import AT_ONCE, NAMES
from confrere.worklist.model import NOBODY, OFF_DUTY, READ, Item, State
from confrere.worklist.policy import LEVELS

# whom a step tells
THE_READER, THE_LEAD, THE_SITE = "reader", "lead", "site"
URGENT = frozenset(level.name for level in LEVELS if level.urgent)
NO_LEAD = "the group's call list names no chief or lead: add one under Notices, Call lists"


@dataclass(frozen=True, slots=True)
class Step:
    """Tell somebody, by this way at the loudest."""

    to: str
    by: Channel


@dataclass(frozen=True, slots=True)
class Tier:
    """What happens when this part of the time to the due time is gone."""

    percent: int
    steps: tuple[Step, ...]


LADDER = (
    Tier(33, (Step(THE_READER, Channel.MAIL),)),
    Tier(50, (Step(THE_READER, Channel.SMS),)),
    Tier(75, (Step(THE_LEAD, Channel.SMS), Step(THE_READER, Channel.SMS))),
    Tier(90, (Step(THE_LEAD, Channel.VOICE), Step(THE_READER, Channel.VOICE))),
    Tier(
        OVERDUE,
        (
            Step(THE_LEAD, Channel.VOICE),
            Step(THE_READER, Channel.SMS),
            Step(THE_SITE, Channel.SMS),
        ),
    ),
)
PERCENTS = frozenset(tier.percent for tier in LADDER)
FIRST_SHARE = min(PERCENTS) / 100


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to tell: a reader, a line of a call list, or both."""

    group: GroupId
    role: str
    name: str
    reader: ReaderId | None
    contact: Contact | None
    on_duty: bool = False

    @property
    def key(self) -> UUID:
        """By what they are known as a recipient; a group that names nobody by itself."""
        return self.reader or (self.contact.id if self.contact else self.group)


def tier_of(item: Item, now: datetime, ladder: tuple[Tier, ...] = LADDER) -> Tier | None:
    """The highest tier that an exam has reached; None before the first, or without a clock."""
    if item.clock_at is None or item.due_at is None or item.due_at <= item.clock_at:
        return None
    gone = 100 * ((now - item.clock_at) / (item.due_at - item.clock_at))
    reached = [tier for tier in ladder if tier.percent <= gone]
    return max(reached, key=lambda tier: tier.percent, default=None)


def escalations(
    item: Item, now: datetime, told: Told, directory: Directory, lists: CallLists,
    on: Mapping[GroupId, frozenset[int]], ladder: tuple[Tier, ...] = LADDER,
) -> list[Telling]:  # fmt: skip
    """Say who is to be told about an exam now. `on`: the tiers of groups that chose some."""
    if item.kind != READ or item.finished_at is not None:
        return []
    chosen = on.get(item.owner_group)
    steps = tuple(one for one in ladder if chosen is None or one.percent in chosen)
    found = _nobody(item, now, told, directory, lists)
    tier = tier_of(item, now, steps)
    if tier is None:
        return found
    wanted: dict[UUID, tuple[Person, Channel]] = {}
    for step in tier.steps:
        for person in people(step.to, item, now, directory, lists, step.by):
            before = wanted.get(person.key)
            if before is None or OUTSIDE.index(step.by) < OUTSIDE.index(before[1]):
                wanted[person.key] = (person, step.by)
    for person, loudest in wanted.values():
        if told.may_tell(item.id, person.key, Kind.ESCALATION, tier.percent) and not (
            person.contact is None and person.reader is None
            and (item.id, person.key, Kind.ESCALATION) in told.highest
        ):  # fmt: skip
            ways = _ways(item, person, loudest, tier.percent, now)
            found += [_telling(item, Kind.ESCALATION, tier.percent, person, w) for w in ways]
    return found


def people(
    to: str, item: Item, now: datetime, directory: Directory, lists: CallLists, by: Channel
) -> list[Person]:
    """Find whom a step means; of several leads the first who may be disturbed now."""
    if to == THE_READER:
        holder = item.held_by or item.offered_to
        return [reader_of(holder, now, directory, lists)] if holder in directory.readers else []
    if to == THE_SITE:
        roles = (ASSISTANT, ED) if item.priority in AT_ONCE else (ASSISTANT,)
        named = [lists.of_site(item.site, role)[:1] for role in roles]
        return [_listed(one, now, directory) for some in named for one in some]
    return [_lead(item.owner_group, now, directory, lists, by, (LEAD, CHIEF))]


def reader_of(
    reader: ReaderId | None, now: datetime, directory: Directory, lists: CallLists
) -> Person:
    """A reader, with their line of the call list if there is one."""
    assert reader is not None  # noqa: S101 - callers have looked
    known = directory.readers[reader]
    contact = lists.readers.get(reader)
    return Person(known.group, READER, known.name, reader, contact, known.on_duty(now))


def chief_of(group: GroupId, now: datetime, directory: Directory, lists: CallLists) -> Person:
    """Whoever answers for a group's emergencies: its chief, else its lead, else nobody named."""
    return _lead(group, now, directory, lists, Channel.VOICE, (CHIEF, LEAD))


def _lead(
    group: GroupId, now: datetime, directory: Directory, lists: CallLists, by: Channel,
    roles: tuple[str, ...],
) -> Person:  # fmt: skip
    there = lists.of_group(group, *roles)
    if not there:
        return Person(group, roles[0], "nobody named", None, None)
    awake = [one for one in there if not one.is_quiet(now) and one.reached_by(by)]
    return _listed((awake or there)[0], now, directory)


def _listed(contact: Contact, now: datetime, directory: Directory) -> Person:
    known = directory.readers.get(contact.reader) if contact.reader else None
    duty = known is not None and known.on_duty(now)
    return Person(
        contact.owner_group, contact.role, contact.name, contact.reader, contact, duty
    )


def _nobody(
    item: Item, now: datetime, told: Told, directory: Directory, lists: CallLists
) -> list[Telling]:
    """Page the chief for an emergency that nobody may be offered: by voice, and a text to follow."""
    if item.priority not in AT_ONCE or item.held_by or not {NOBODY, OFF_DUTY} & set(item.flags):
        return []
    chief = chief_of(item.owner_group, now, directory, lists)
    if not told.may_tell(item.id, chief.key, Kind.NOBODY, 0):
        return []
    return [_telling(item, Kind.NOBODY, 0, chief, way) for way in paged(chief)]


def paged(person: Person) -> list[Channel]:
    """All ways of an emergency; quiet hours do not hold it back."""
    ways = [Channel.PRODUCT] if person.reader else []
    if person.contact is None:
        return ways or [Channel.VOICE]
    loud = [one for one in (Channel.VOICE, Channel.SMS) if person.contact.address(one)]
    if not loud and person.contact.address(Channel.MAIL):
        loud = [Channel.MAIL]
    return ways + loud


def _ways(
    item: Item, person: Person, loudest: Channel, percent: int, now: datetime
) -> list[Channel]:
    """The product for readers, and at most one way beside it."""
    ways = [Channel.PRODUCT] if person.reader else []
    contact = person.contact
    if contact is None:
        return ways or [loudest]  # kept as failed: nobody is named
    if item.held_by and person.reader == item.held_by and item.drafted_at:
        return ways  # they are at it
    acute = item.priority in URGENT and item.state is not State.PRELIMINARY
    breaks = item.priority in AT_ONCE and percent >= OVERDUE
    if not acute or (contact.is_quiet(now) and not (person.on_duty or breaks)):
        loudest = Channel.MAIL
    way = contact.reached_by(loudest)
    return [*ways, way] if way else ways


def _telling(item: Item, kind: Kind, tier: int, person: Person, way: Channel) -> Telling:
    nobody = person.contact is None and person.reader is None
    return Telling(
        kind, tier, item.id, item.id, item.owner_group, person.group, person.key,
        ROLES[person.role], person.name, way, item.site_name,
        NAMES.get(item.priority, item.priority), item.due_at, person.reader,
        person.contact.id if person.contact else None, NO_LEAD if nobody else "",
    )  # fmt: skip
