"""Load a synthetic past of readers' choices, for demonstrations and tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from confrere.kernel.ids import GroupId, ReaderId
from confrere.worklist import store_choices


@dataclass(frozen=True, slots=True)
class Choice:
    """An exam that a reader took, or declined for a reason. `open_*` are for out of turn."""

    item: UUID
    reader: ReaderId
    group: GroupId
    wrvu: Decimal
    minutes: int
    declined: str  # the reason's code; empty: taken
    at: datetime
    in_turn: bool = True
    open_count: int = 0
    open_mean: float | None = None
    open_variance: float | None = None


def load_synthetic(conn: Connection, choices: Sequence[Choice]) -> int:
    """Write choices, every row marked synthetic; return how many."""
    claimed, declined = [], []
    for one in choices:
        row: dict[str, Any] = {
            "item_id": one.item, "reader_id": one.reader, "reader_group": one.group,
            "wrvu": one.wrvu, "minutes": one.minutes, "at": one.at, "synthetic": True,
        }  # fmt: skip
        if one.declined:
            declined.append(row | {"reason": one.declined})
            continue
        claimed.append(row | {
            "in_turn": one.in_turn, "open_count": one.open_count, "open_mean": one.open_mean,
            "open_variance": one.open_variance,
        })  # fmt: skip
    store_choices.add_past(conn, claimed, declined)
    return len(choices)
