"""What a site's own system is told of an exam's state here, and when. Pure.

The site is told what is, not what happened: a claim that is given back within seconds is never
told, and a message that was lost is made up for by the next look.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from confrere.kernel.ids import OrderId, ReaderId
from confrere.worklist.model import READ, Item, State

SETTLE = timedelta(seconds=3)  # a state that lasts shorter is not told


class Word(StrEnum):
    """An exam's state in the words of this house."""

    READY = "ready"  # nobody reads it; also what a site assumes that was told nothing
    READING = "reading"
    READY_PRELIMINARY = "ready, preliminary"
    READING_PRELIMINARY = "reading, preliminary"
    FINAL = "final"
    CANCELLED = "cancelled"
    REPORTED_THERE = "reported there"  # the site's own report closed it


AT_ONCE = frozenset({Word.FINAL, Word.CANCELLED, Word.REPORTED_THERE})
LOCKS = (Word.READING, Word.READING_PRELIMINARY)


@dataclass(frozen=True, slots=True)
class Status:
    """What is to be told of one order: the state, who reads or read it, since when."""

    word: Word
    reader: ReaderId | None = None
    name: str = ""
    since: datetime | None = None

    @property
    def key(self) -> str:
        """The state as it is remembered: another reader is another state."""
        return f"{self.word}|{self.reader or ''}"


def status_of(items: Sequence[Item], *, cancelled: bool) -> Status | None:
    """Tell an order's state from its items; None where nothing is to be read.

    An item that was given up because another of the same exam went on says nothing;
    `cancelled` is the order's own word.
    """
    reads = [one for one in items if one.kind == READ]
    alive = [one for one in reads if one.state is not State.CANCELLED]
    if not alive:
        when = max((one.finished_at for one in reads if one.finished_at), default=None)
        return Status(Word.CANCELLED, since=when) if reads and cancelled else None
    item = min(
        alive, key=lambda one: (one.finished_at is not None, one.held_by is None, one.id)
    )
    if item.state is State.FINAL:
        return Status(Word.FINAL, item.finished_by, item.held_name, item.finished_at)
    if item.state is State.EXTERNAL:
        return Status(Word.REPORTED_THERE, since=item.finished_at)
    if item.held_by:
        word = Word.READING_PRELIMINARY if item.preliminary_at else Word.READING
        return Status(word, item.held_by, item.held_name, item.held_at)
    return Status(Word.READY_PRELIMINARY if item.preliminary_at else Word.READY)


@dataclass(frozen=True, slots=True)
class Told:
    """What a site knows of one order, and what waits to be told. `seen` sums item versions."""

    order: OrderId
    seen: int = 0
    told: str = ""  # empty: nothing, which means ready
    told_at: datetime | None = None
    wanted: str = ""
    wanted_at: datetime | None = None
    number: int = 0  # messages so far


@dataclass(frozen=True, slots=True)
class Step:
    """What to remember, and whether to send now."""

    wanted: str = ""
    wanted_at: datetime | None = None
    send: bool = False


def step(before: Told, status: Status, at: datetime) -> Step:
    """Decide on one order at one look."""
    if status.key == (before.told or Status(Word.READY).key):
        return Step()
    if status.word is Word.REPORTED_THERE and not before.told.startswith(LOCKS):
        return Step()  # of a read that it made itself a site hears only what ends our lock
    since = before.wanted_at if before.wanted == status.key and before.wanted_at else at
    return Step(status.key, since, status.word in AT_ONCE or at - since >= SETTLE)
