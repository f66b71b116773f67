"""How a credential stands on a day, as people should see it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from confrere.network.credentials import EXCLUDED, MammographyCount, SanctionCheck
from confrere.network.facts import begins_on, ends_on
from confrere.network.kinds import Fact
from confrere.network.model import Licence

GOOD, SOON, LAPSED, FUTURE = "good", "soon", "lapsed", "future"
EARLY = timedelta(days=90)  # a state board or a medical staff office takes about that long
CHECK_EARLY = timedelta(days=7)  # looking into a list takes minutes


@dataclass(frozen=True, slots=True)
class Mark:
    """How it stands, and the words for it."""

    kind: str
    words: str


def mark_of(held: Fact, today: date) -> Mark:  # noqa: PLR0911 - one line a standing
    """Say how a credential stands; both its dates are included."""
    if isinstance(held, Licence) and held.status != "active":
        return Mark(LAPSED, held.status)
    if isinstance(held, SanctionCheck) and held.result == EXCLUDED:
        return Mark(LAPSED, "excluded")
    first, last = begins_on(held), ends_on(held)
    if last and last < today:
        word = "overdue since" if isinstance(held, SanctionCheck) else "lapsed"
        return Mark(LAPSED, f"{word} {last}")
    if first and first > today:
        return Mark(FUTURE, f"from {first}")
    early = CHECK_EARLY if isinstance(held, SanctionCheck) else EARLY
    if last and last - today < early:
        return Mark(SOON, f"{(last - today).days} days left")
    if last is None:
        return Mark(GOOD, "counted" if isinstance(held, MammographyCount) else "no end")
    return Mark(GOOD, f"to {last}")


def count_of(kind: str, marks: Iterable[Mark]) -> int:
    """Count the marks of a kind."""
    return sum(one.kind == kind for one in marks)
