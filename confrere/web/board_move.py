"""To whom a lead may give an exam: every reader, eligible or why not, with their load. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from confrere.kernel.ids import GroupId, ReaderId
from confrere.network.agreements import between
from confrere.network.model import Directory, Reader
from confrere.network.presence import Presence
from confrere.network.rosters import serves
from confrere.web.study_readers import without_facts
from confrere.worklist.eligibility import is_eligible
from confrere.worklist.model import Item, Verdict
from confrere.worklist.policy import ring_of

NOT_NOW = "not on duty for such exams now"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One reader as the lead weighs them."""

    reader: ReaderId
    name: str
    partner: str  # the group's name, of another group's reader
    presence: Presence
    able: bool  # may be given the exam now
    failing: tuple[Verdict, ...]
    why_not: str  # the roster's reason, where all rules hold
    ring: int
    ahead: timedelta
    waiting: int
    declined: bool  # told for own readers only: the wall hides the others'
    has_it: bool


@dataclass(frozen=True, slots=True)
class Load:
    """What each reader has before them, as far as the lead's group may see it."""

    ahead: Mapping[ReaderId, timedelta]
    waiting: Mapping[ReaderId, int]


def load_of(items: list[Item], at: datetime) -> Load:
    """Sum up what each reader holds or is offered."""
    ahead: dict[ReaderId, timedelta] = {}
    waiting: dict[ReaderId, int] = {}
    for one in items:
        whose = one.held_by if one.held_at_instant(at) else one.offered_to
        if whose:
            ahead[whose] = ahead.get(whose, timedelta()) + one.reading_time
            waiting[whose] = waiting.get(whose, 0) + 1
    return Load(ahead, waiting)


def candidates(
    item: Item, directory: Directory, verdicts: Mapping[UUID, tuple[Verdict, ...]], load: Load,
    declined: frozenset[ReaderId], at: datetime,
) -> list[Candidate]:  # fmt: skip
    """The owner group's readers and those of groups that read for it; who may first.

    In each part the lower ring first, then who has less before them.
    """
    lent: dict[GroupId, bool] = {
        group: bool(between(directory.agreements, item.owner_group, group))
        for group in directory.groups
    }
    made = [
        _candidate(item, one, directory, verdicts[one.id], load, declined, at)
        for one in directory.readers.values()
        if one.active and (one.group == item.owner_group or lent.get(one.group))
    ]
    return sorted(
        made,
        key=lambda one: (
            not one.able, bool(one.failing), one.ring, one.ahead, one.name, str(one.reader),
        ),
    )  # fmt: skip


def _candidate(
    item: Item, one: Reader, directory: Directory, verdicts: tuple[Verdict, ...], load: Load,
    declined: frozenset[ReaderId], at: datetime,
) -> Candidate:  # fmt: skip
    own = one.group == item.owner_group
    there = serves(one, item.owner_group, item.subspecialty, item.site, at)
    holds_it = item.held_by == one.id
    failing = tuple(v for v in verdicts if not v.holds)
    return Candidate(
        one.id, one.name, "" if own else directory.groups[one.group].name, one.presence(at),
        is_eligible(verdicts) and there and not holds_it,
        failing if own else tuple(without_facts(v) for v in failing),
        "reads it now" if holds_it else "" if there else NOT_NOW,
        ring_of(
            own=own, matched=item.subspecialty in one.certificates, advanced=item.advanced
        ),
        load.ahead.get(one.id, timedelta()), load.waiting.get(one.id, 0), one.id in declined,
        one.id in (item.held_by, item.offered_to),
    )  # fmt: skip
