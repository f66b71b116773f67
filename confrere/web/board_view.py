"""The lead's board as the page shows it: one row an exam, one tile a reader. Pure.

No patient is named: a board hangs where others see it. The study page names the patient, and
notes that it did.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from confrere.kernel.ids import GroupId, ItemId, ReaderId
from confrere.network.agreements import IN_FORCE
from confrere.network.model import Directory, Reader
from confrere.network.presence import Presence
from confrere.orders.priorities import AT_ONCE, NAMES, ROUTINE
from confrere.worklist.board import RINGS, Slack, ring_through, slack_of
from confrere.worklist.model import ASSIGNED, NOBODY, OFF_DUTY, READ, Item, State
from confrere.worklist.policy import OWN_ABLE, OWN_MATCH

FAR = datetime.max.replace(tzinfo=UTC)
NO_RING = "nobody"
ALL, FREE, OFFERED, READING, ESCALATED = "all", "free", "offered", "reading", "escalated"
SLACKS = tuple(Slack)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the board is made of, as the lead's group may see it."""

    items: tuple[Item, ...]  # open: the group's own, and others' that its readers have
    done: tuple[Item, ...]  # finished since the earliest shift that runs began
    rings: Mapping[ItemId, tuple[ReaderId, int]]
    declined: Mapping[ItemId, frozenset[ReaderId]]
    directory: Directory
    group: GroupId
    at: datetime

    @property
    def own(self) -> list[Item]:
        """The group's own exams that are to be read."""
        return [i for i in self.items if i.owner_group == self.group and i.kind == READ]


@dataclass(frozen=True, slots=True)
class Row:
    """One exam. `since` is when it was offered or claimed, or began to wait."""

    item: Item
    slack: Slack
    level: str  # its priority's name
    rank: str  # STAT, URG or RTN: how loud it is shown
    ring: int | None
    who: str
    partner: str  # the reader's group, when it is another
    lists: frozenset[str]
    state: str
    since: datetime | None
    escalations: tuple[str, ...]
    moved: bool

    @property
    def ring_name(self) -> str:
        """The ring in words; everybody reads a common exam."""
        if self.ring is None:
            return "Nobody yet"
        if not self.item.advanced:
            return "Own, common exam" if self.ring in (OWN_MATCH, OWN_ABLE) else "Partner"
        return "Own subspecialist" if self.ring == OWN_MATCH else RINGS[self.ring]

    @property
    def searchable(self) -> str:
        """What the search box looks through, in lower case."""
        item = self.item
        words = (
            *item.accessions, item.modality, item.description, item.site_name,
            item.subspecialty, self.level, self.who, self.partner, *self.escalations,
        )  # fmt: skip
        return " ".join(words).casefold()


@dataclass(frozen=True, slots=True)
class Tile:
    """One reader: whether there, doing what since when, and how much."""

    reader: Reader
    partner: str  # the group's name, of another group's reader
    presence: Presence
    doing: str
    since: datetime | None
    until: datetime | None  # the shift's end
    ahead: timedelta  # reading time of what they hold or are offered
    waiting: int  # how many exams that is
    read: int
    wrvu: Decimal
    busy: bool


def rows(facts: Facts) -> list[Row]:
    """The group's open exams, the nearest to late first."""
    made = [_row(one, facts) for one in facts.own]
    order = {slack: n for n, slack in enumerate(SLACKS)}
    return sorted(
        made,
        key=lambda row: (order[row.slack], row.item.due_at or FAR, str(row.item.id)),
    )


def _row(item: Item, facts: Facts) -> Row:
    held = item.held_at_instant(facts.at)
    whose = item.held_by if held else item.offered_to
    who = facts.directory.readers.get(whose) if whose else None
    group = facts.directory.groups.get(who.group) if who else None
    told = _escalations(item, facts)
    state, name, since = _state(item, held=held)
    return Row(
        item, slack_of(item, facts.at), NAMES.get(item.priority, item.priority),
        "STAT" if item.priority in AT_ONCE else "RTN" if item.priority == ROUTINE else "URG",
        ring_through(item, who, facts.rings), who.name if who else "",
        group.name if group and group.id != facts.group else "",
        frozenset({ALL, name} | ({ESCALATED} if told else set())), state, since, told,
        ASSIGNED in item.flags,
    )  # fmt: skip


def _state(item: Item, *, held: bool) -> tuple[str, str, datetime | None]:
    if held:
        word = "Preliminary" if item.state is State.PRELIMINARY else "Reading"
        return word, READING, item.held_at
    if item.offered_to:
        return "Offered", OFFERED, item.offered_at
    return "Waits", FREE, item.clock_at or item.created_at


def _escalations(item: Item, facts: Facts) -> tuple[str, ...]:
    found = [one for one in (NOBODY, OFF_DUTY) if one in item.flags]
    times = len(facts.declined.get(item.id, ()))
    if times:
        found.append("declined" if times == 1 else f"declined {times} times")
    return tuple(found)


def matrix(shown: Sequence[Row]) -> list[tuple[str, str, list[int]]]:
    """Count exams by ring and slack: the ring's key and name, and one count a slack."""
    counts = Counter((row.ring, row.slack) for row in shown)
    rings: tuple[int | None, ...] = (*range(len(RINGS)), None)
    return [
        (
            NO_RING if ring is None else str(ring),
            "Nobody yet" if ring is None else RINGS[ring],
            [counts[ring, slack] for slack in SLACKS],
        )
        for ring in rings
    ]


def tiles(facts: Facts) -> list[Tile]:
    """The group's readers whose shift runs, then others' readers who have its exams."""
    has: dict[ReaderId, list[Item]] = defaultdict(list)
    for item in facts.items:
        held = item.held_at_instant(facts.at)
        whose = item.held_by if held else item.offered_to
        if whose and (held or item.held_by is None):
            has[whose].append(item)
    readers = facts.directory.readers.values()
    own = [r for r in readers if r.group == facts.group and r.shift_at(facts.at)]
    lent = {one for one, held in has.items() if any(i.owner_group == facts.group for i in held)}
    others = [r for r in readers if r.group != facts.group and r.id in lent]
    listed = (*sorted(own, key=lambda r: r.name), *sorted(others, key=lambda r: r.name))
    return [_tile(one, has[one.id], facts) for one in listed]


def _tile(reader: Reader, has: Sequence[Item], facts: Facts) -> Tile:
    shift, at = reader.shift_at(facts.at), facts.at
    reading = [one for one in has if one.held_at_instant(at)]
    since_shift = shift.starts_at if shift else at
    done = [
        one
        for one in facts.done
        if one.finished_by == reader.id and one.finished_at and one.finished_at >= since_shift
    ]
    doing, since = _doing(reader, reading, has, done, at)
    group = facts.directory.groups.get(reader.group)
    return Tile(
        reader, group.name if group and reader.group != facts.group else "",
        reader.presence(at), doing, since, shift.ends_at if shift else None,
        sum((one.reading_time for one in has), timedelta()), len(has), len(done),
        sum((one.wrvu or Decimal(0) for one in done), Decimal(0)), bool(reading),
    )  # fmt: skip


def _doing(
    reader: Reader, reading: Sequence[Item], has: Sequence[Item], done: Sequence[Item],
    at: datetime,
) -> tuple[str, datetime | None]:  # fmt: skip
    if reading:
        first = max(reading, key=lambda one: one.held_at or at)
        return f"reads {first.description or first.modality}", first.held_at
    presence, said = reader.presence(at), reader.last_act
    if presence in (Presence.PAUSED, Presence.SIGNED_OFF) and said:
        return presence.value, said.at
    shift = reader.shift_at(at)
    if presence in (Presence.NO_SHOW, Presence.EXPECTED) and shift:
        return "has not signed on", shift.starts_at
    if has:
        first = min(has, key=lambda one: one.offered_at or at)
        return f"offered {first.description or first.modality}", first.offered_at
    ends = [one.finished_at for one in done if one.finished_at]
    ends += [shift.starts_at] if shift else []
    ends += [said.at] if said and shift and said.at >= shift.starts_at else []
    return "idle", max(ends, default=None)


def partners(facts: Facts) -> list[tuple[str, int]]:
    """How many readers each group that reads for this one has on duty, by the roster."""
    lends = {
        one.reading_group
        for one in facts.directory.agreements
        if one.owner_group == facts.group and one.state == IN_FORCE
    }
    counts = Counter(
        one.group
        for one in facts.directory.readers.values()
        if one.group in lends and one.on_duty(facts.at)
    )
    names = {one: facts.directory.groups[one].name for one in lends}
    return sorted((names[one], counts[one]) for one in lends)


def earliest_shift(directory: Directory, group: GroupId, at: datetime) -> datetime:
    """When the earliest shift began that runs now; `at` where none does."""
    shifts = (one.shift_at(at) for one in directory.readers.values() if one.group == group)
    return min((one.starts_at for one in shifts if one), default=at)


def choices(shown: Iterable[Row]) -> dict[str, list[str]]:
    """What the filters offer."""
    items = [(row.item, row.level) for row in shown]
    levels = {level for _, level in items}
    return {
        "site": sorted({item.site_name for item, _ in items}),
        "subspecialty": sorted({item.subspecialty for item, _ in items if item.subspecialty}),
        "level": [name for name in NAMES.values() if name in levels],
    }
