"""What may leave the pool: small cells and what would give them away are withheld. Pure.

Cells are counts that add up: every equation says that a total is the sum of its parts. A cell
of 1 to 10 is withheld (CMS cell size policy), and so is every further cell that is needed so
that no withheld one can be worked out from those published; zero may be published. Whoever
reads the result knows that a withheld cell is at least one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

FEWEST = 11
FEWEST_GROUPS = 5
LARGEST_SHARE = Fraction(1, 4)
WHY = (
    f"Withheld: fewer than {FEWEST} exams, fewer than {FEWEST_GROUPS} groups, all but a few "
    "from one group, or needed so that such a cell cannot be worked out."
)
WHY_COUNT = (
    f"Withheld: one group has more than {LARGEST_SHARE * 100} % of the exams, or needed so that "
    "such a count cannot be worked out."
)
# a cell is named by its place in each dimension, None where it is the sum over that dimension
Key = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Equation:
    """A total that is the sum of its parts."""

    total: Key
    parts: tuple[Key, ...]

    @property
    def members(self) -> tuple[Key, ...]:
        """The total and its parts."""
        return (self.total, *self.parts)


@dataclass(frozen=True, slots=True)
class Weight:
    """What a cell is made of: exams, groups, and the exams of the largest group."""

    exams: int
    groups: int
    largest: int


def is_small(cell: Weight) -> bool:
    """Say whether a quality figure of this cell must be withheld.

    The largest group can take its own exams off; what is left must not be a small cell.
    """
    if cell.exams == 0:
        return False
    rest = cell.exams - cell.largest
    return cell.groups < FEWEST_GROUPS or min(cell.exams, rest) < FEWEST


def is_dominated(cell: Weight) -> bool:
    """Say whether a commercial figure (volume, work units) of this cell must be withheld.

    The former safety zone for exchanges among competitors, kept as a floor: at least five,
    and none above a quarter (Statements of Antitrust Enforcement Policy in Health Care, 1996,
    statement 6; withdrawn in 2023).
    """
    return is_small(cell) or cell.largest > LARGEST_SHARE * cell.exams


def withhold(
    counts: Mapping[Key, int], equations: Sequence[Equation], primary: Collection[Key]
) -> frozenset[Key]:
    """Return the cells to withhold: `primary` and those that protect them.

    Afterwards no withheld cell follows from the published ones by adding and subtracting, and
    no single sum shows that a withheld cell is below FEWEST. A cell that `counts` does not
    name is zero; zeros are published.
    """
    hidden = {key for key in primary if counts.get(key, 0)}
    while True:
        weak = [one for one in equations if _tells(one, counts, hidden)]
        if not weak:
            told = derivable(hidden, equations)
            weak = [one for one in equations if told & set(one.members)]
        added = [one for one in (_next(eq, counts, hidden) for eq in weak) if one]
        if not added:
            return frozenset(hidden)
        hidden.add(min(added, key=lambda key: (counts[key], _order(key))))


def derivable(hidden: Collection[Key], equations: Iterable[Equation]) -> frozenset[Key]:
    """Return the withheld cells that published cells determine.

    A withheld cell is determined when a combination of the equations holds it alone: when its
    row of the reduced echelon form has no other entry.
    """
    place = {key: n for n, key in enumerate(sorted(hidden, key=_order))}
    rows = []
    for one in equations:
        row = [Fraction(0)] * len(place)
        if one.total in place:
            row[place[one.total]] -= 1
        for part in one.parts:
            if part in place:
                row[place[part]] += 1
        rows.append(row)
    names = list(place)
    alone = ([n for n, value in enumerate(row) if value] for row in _reduced(rows, len(place)))
    return frozenset(names[found[0]] for found in alone if len(found) == 1)


def _tells(one: Equation, counts: Mapping[Key, int], hidden: set[Key]) -> bool:
    """Say whether this sum alone gives a withheld cell away, or that it is small."""
    within = [key for key in one.parts if key in hidden]
    if one.total in hidden:
        return not within
    if not within:
        return False
    # each other withheld part is at least one, so this is the most that one can be
    most = sum(counts[key] for key in within) - (len(within) - 1)
    return len(within) == 1 or most < FEWEST


def _next(one: Equation, counts: Mapping[Key, int], hidden: set[Key]) -> Key | None:
    """Return the cell to withhold next: the smallest part, else the total."""
    parts = [key for key in one.parts if counts.get(key, 0) and key not in hidden]
    if parts:
        return min(parts, key=lambda key: (counts[key], _order(key)))
    return one.total if counts.get(one.total, 0) and one.total not in hidden else None


def _reduced(rows: list[list[Fraction]], width: int) -> list[list[Fraction]]:
    """Bring rows to reduced echelon form."""
    done = 0
    for column in range(width):
        pivot = next((n for n in range(done, len(rows)) if rows[n][column]), None)
        if pivot is None:
            continue
        rows[done], rows[pivot] = rows[pivot], rows[done]
        lead = rows[done][column]
        rows[done] = [value / lead for value in rows[done]]
        for n, row in enumerate(rows):
            if n != done and row[column]:
                factor = row[column]
                pairs = zip(row, rows[done], strict=True)
                rows[n] = [a - factor * b if b else a for a, b in pairs]
        done += 1
    return rows[:done]


def _order(key: Key) -> tuple[str, ...]:
    return tuple(part or "" for part in key)
