"""The collaborative's pool as it may be published: fixed tables, small cells withheld. Pure.

The tables are fixed (turnaround by month and priority, by month and modality, with their sums),
so that no two questions can be subtracted. Counts are rounded to ten, minutes to whole ones,
shares to whole percent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from confrere.analytics.disclosure import (
    FEWEST,
    Equation,
    Key,
    Weight,
    is_dominated,
    is_small,
    withhold,
)

TOTAL: Key = (None, None, None)  # month, priority, modality
_ROUND = 10


@dataclass(frozen=True, slots=True)
class PooledCell:
    """One sum over all groups, as the database gives it; not for anyone's eyes."""

    month: date | None
    priority: str | None
    modality: str | None
    exams: int
    measured: int
    synthetic: int
    groups: int
    largest: int
    median: float | None
    p90: float | None
    p95: float | None
    mean: float | None
    limited: int
    in_limit: int

    @property
    def key(self) -> Key:
        """Its place in the cube; months as ISO dates."""
        return (self.month.isoformat() if self.month else None, self.priority, self.modality)


@dataclass(frozen=True, slots=True)
class Published:
    """What leaves the pool of one cell: rounded; a figure that is withheld is None.

    `exams` is commercial and may be withheld where the minutes are not. `withheld` says that
    nothing of the cell is published; an empty cell has zero exams and is published.
    """

    exams: int | None
    median: int | None = None
    p90: int | None = None
    p95: int | None = None
    mean: int | None = None
    within: int | None = None  # whole percent
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class Pool:
    """The published tables. `groups` contributed; `synthetic` says whether any row is made up."""

    cells: Mapping[Key, Published]
    months: tuple[str, ...]
    priorities: tuple[str, ...]
    modalities: tuple[str, ...]
    groups: int
    synthetic: bool

    def at(
        self, month: str | None = None, priority: str | None = None, modality: str | None = None
    ) -> Published:
        """One cell of the published tables."""
        return self.cells.get((month, priority, modality), Published(0))


def publish(cells: Sequence[PooledCell], months: Sequence[date]) -> Pool:
    """Withhold and round: nothing else of the pool may leave the service."""
    by_key = {one.key: one for one in cells}
    written = tuple(one.isoformat() for one in months)
    priorities = _values(by_key, 1)
    modalities = _values(by_key, 2)
    sums = equations(written, priorities, modalities)
    counts = {key: one.measured for key, one in by_key.items()}
    weights = {key: Weight(c.measured, c.groups, c.largest) for key, c in by_key.items()}
    small = withhold(counts, sums, [key for key, w in weights.items() if is_small(w)])
    commercial = {key for key, w in weights.items() if is_dominated(w)}
    uncounted = withhold(counts, sums, small | commercial)
    total = by_key.get(TOTAL)
    return Pool(
        {key: _cell(one, key in small, key in uncounted) for key, one in by_key.items()},
        written,
        priorities,
        modalities,
        total.groups if total else 0,
        bool(total and total.synthetic),
    )


def equations(
    months: Sequence[str], priorities: Sequence[str], modalities: Sequence[str]
) -> tuple[Equation, ...]:
    """Every sum that readers of the published tables can take."""

    def sums(month: str | None) -> list[Equation]:
        return [
            Equation((month, None, None), tuple((month, one, None) for one in priorities)),
            Equation((month, None, None), tuple((month, None, one) for one in modalities)),
        ]

    made = sums(None)
    made.append(Equation(TOTAL, tuple((month, None, None) for month in months)))
    for month in months:
        made += sums(month)
    for one in priorities:
        made.append(Equation((None, one, None), tuple((m, one, None) for m in months)))
    for one in modalities:
        made.append(Equation((None, None, one), tuple((m, None, one) for m in months)))
    return tuple(made)


def _values(cells: Mapping[Key, PooledCell], place: int) -> tuple[str, ...]:
    return tuple(sorted({key[place] for key in cells} - {None}, key=str))  # type: ignore[arg-type]


def _cell(one: PooledCell, small: bool, uncounted: bool) -> Published:
    if small:
        return Published(None, withheld=True)
    exams = None if uncounted else round(one.measured / _ROUND) * _ROUND
    return Published(
        exams,
        _whole(one.median),
        _whole(one.p90),
        _whole(one.p95),
        _whole(one.mean),
        _share(one.in_limit, one.limited),
    )


def _whole(minutes: float | None) -> int | None:
    return None if minutes is None else round(minutes)


def _share(met: int, of: int) -> int | None:
    """Whole percent; None where those within the limit, or those late, are a small cell."""
    if not of or 0 < met < FEWEST or 0 < of - met < FEWEST:
        return None
    return round(met / of * 100)
