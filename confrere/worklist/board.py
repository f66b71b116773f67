"""A lead's view of what waits: how much slack, through which ring, due when. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from confrere.kernel.ids import GroupId, ItemId, ReaderId
from confrere.network.model import Reader
from confrere.worklist.model import Item
from confrere.worklist.policy import ring_of

SOON_SHARE = 0.5  # of the time from clock to due: when less is left, an exam is due soon
HOUR = timedelta(hours=1)
RINGS = ("Own subspecialist", "Partner's subspecialist", "Own, outside the field", "Partner")


class Slack(StrEnum):
    """How near an exam is to being late."""

    OVERDUE = "overdue"
    AT_RISK = "at risk"  # begun now it would be late, or three quarters of the time are gone
    SOON = "soon"  # half of the time is gone
    FINE = "fine"  # also an exam whose clock does not run yet


@dataclass(frozen=True, slots=True)
class Move:
    """A lead gave an exam to another reader. Times are UTC."""

    id: UUID
    owner_group: GroupId
    item: ItemId
    from_reader: ReaderId | None  # who held it, or was offered it
    from_group: GroupId | None
    from_name: str
    was_held: bool
    to_reader: ReaderId
    to_group: GroupId
    to_name: str
    by: str
    reason: str
    at: datetime
    taken_back_at: datetime | None

    def told(self) -> str:
        """Say it to whoever had the exam."""
        return f"{self.by} gave this exam to {self.to_name}: {self.reason}"


def slack_of(item: Item, at: datetime) -> Slack:
    """Say how near an exam is to being late; one that somebody reads needs no time to begin."""
    if item.due_at is None:
        return Slack.FINE
    if item.due_at <= at:
        return Slack.OVERDUE
    needs = timedelta() if item.held_at_instant(at) else item.reading_time
    if at + needs >= item.due_at or (item.at_risk_at is not None and at >= item.at_risk_at):
        return Slack.AT_RISK
    began = item.clock_at or item.created_at
    return Slack.SOON if at >= began + (item.due_at - began) * SOON_SHARE else Slack.FINE


def ring_through(
    item: Item, who: Reader | None, decided: Mapping[ItemId, tuple[ReaderId, int]]
) -> int | None:
    """The ring through which an exam came to who has it; None where nobody has.

    The last decision says it when it was about this reader; else the policy's own formula.
    """
    if who is None:
        return None
    last = decided.get(item.id)
    if last is not None and last[0] == who.id:
        return last[1]
    return ring_of(
        own=who.group == item.owner_group, matched=item.subspecialty in who.certificates,
        advanced=item.advanced,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Due:
    """What falls due in one hour, in readers' hours of reading, against who is on duty."""

    starts: datetime
    held: float
    offered: float
    nobody: float
    exams: int
    readers: float  # own readers on duty, averaged over the hour

    @property
    def work(self) -> float:
        """All of it."""
        return self.held + self.offered + self.nobody


def due_by_hour(
    items: Iterable[Item], readers: Sequence[Reader], at: datetime, hours: int
) -> tuple[Due, ...]:
    """Sum up reading time by the hour in which it is due, from `at` on.

    What is overdue stands in the first hour; what is due after the last is left out. Readers
    count by their shifts; in the first hour nobody counts who is paused or has not come.
    """
    work = [[0.0, 0.0, 0.0] for _ in range(hours)]
    exams = [0] * hours
    for item in items:
        if item.due_at is None:
            continue
        n = max(0, int((item.due_at - at) / HOUR))
        if n >= hours:
            continue
        kind = 0 if item.held_at_instant(at) else 1 if item.offered_to else 2
        work[n][kind] += item.reading_time / HOUR
        exams[n] += 1
    return tuple(
        Due(at + n * HOUR, held, offered, nobody, exams[n], _present(readers, at, n))
        for n, (held, offered, nobody) in enumerate(work)
    )


def _present(readers: Sequence[Reader], at: datetime, n: int) -> float:
    starts, ends = at + n * HOUR, at + (n + 1) * HOUR
    there = [one for one in readers if n or one.on_duty(at) or one.shift_at(at) is None]
    return sum(
        max(timedelta(), min(s.ends_at, ends) - max(s.starts_at, starts)) / HOUR
        for one in there
        for s in one.shifts
    )
