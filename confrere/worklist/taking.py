"""What a reader took or declined, and from what they chose. Pure.

A *rate* is wRVU per minute of expected reading; an exam whose procedure has no wRVU has none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import fmean, pvariance
from typing import Any

from confrere.kernel.ids import ItemId
from confrere.network.model import Directory, Reader
from confrere.worklist.choosing import offerable
from confrere.worklist.judging import Judging
from confrere.worklist.model import READ, Item

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Took:
    """A claim. Out of turn, `open_mean` and `open_variance` are of the rates then open."""

    item: ItemId
    at: datetime
    in_turn: bool  # it was offered to this reader
    rate: float | None
    open_count: int = 0
    open_mean: float | None = None
    open_variance: float | None = None


@dataclass(frozen=True, slots=True)
class Declined:
    """A decline, with its reason's code."""

    item: ItemId
    at: datetime
    reason: str
    rate: float | None


@dataclass(frozen=True, slots=True)
class Chose:
    """All that one reader was offered, took and declined in a period."""

    offered: int  # exams
    took: tuple[Took, ...]
    declined: tuple[Declined, ...]
    synthetic: int = 0


@dataclass(frozen=True, slots=True)
class Offers:
    """Exams of one group that were offered to, and claimed by, another's readers."""

    offered: int
    claimed: int
    standing: int = 0  # offered now, not decided yet

    @property
    def not_taken(self) -> int:
        """Offered and never claimed there: declined, let pass, or taken elsewhere."""
        return max(0, self.offered - self.claimed - self.standing)


def rate_of(item: Item) -> float | None:
    """The wRVU per minute of an exam."""
    return None if item.wrvu is None else float(item.wrvu) / (item.reading_time / MINUTE)


def open_to(
    reader: Reader, waiting: Iterable[Item], directory: Directory, at: datetime
) -> list[Item]:
    """What a reader might have claimed at that instant: waiting, to be read, and theirs to read."""
    alone = replace(directory, readers={reader.id: reader})
    judging = Judging(alone, at)
    return [
        one
        for one in waiting
        if one.kind == READ and offerable(one) and judging.eligible(one, at)
    ]


def claim_made(
    item: Item, reader: Reader, choice: Sequence[Item], at: datetime
) -> dict[str, Any]:
    """What is kept of a claim; `choice` is what was open, empty when it was the reader's turn."""
    rates = [rate for one in choice if (rate := rate_of(one)) is not None]
    return {
        "item_id": item.id, "reader_id": reader.id, "reader_group": reader.group,
        "in_turn": item.offered_to == reader.id, "wrvu": item.wrvu,
        "minutes": int(item.reading_time / MINUTE), "open_count": len(rates),
        "open_mean": fmean(rates) if rates else None,
        "open_variance": pvariance(rates) if rates else None, "at": at,
    }  # fmt: skip
