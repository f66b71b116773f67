"""How a licence or privilege stands on a day, as people should see it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from confrere.network.model import Licence, Privilege

GOOD, SOON, LAPSED, FUTURE = "good", "soon", "lapsed", "future"
EARLY = timedelta(days=90)  # a state board or a medical staff office takes about that long


@dataclass(frozen=True, slots=True)
class Mark:
    """How it stands, and the words for it."""

    kind: str
    words: str


def mark_of(held: Licence | Privilege, today: date) -> Mark:
    """Say how a credential stands; both its dates are included."""
    status = held.status if isinstance(held, Licence) else "active"
    if status != "active":
        return Mark(LAPSED, status)
    if held.valid_to < today:
        return Mark(LAPSED, f"lapsed {held.valid_to}")
    if held.valid_from > today:
        return Mark(FUTURE, f"from {held.valid_from}")
    if held.valid_to - today < EARLY:
        return Mark(SOON, f"{(held.valid_to - today).days} days left")
    return Mark(GOOD, f"to {held.valid_to}")


def count_of(kind: str, marks: Iterable[Mark]) -> int:
    """Count the marks of a kind."""
    return sum(one.kind == kind for one in marks)
