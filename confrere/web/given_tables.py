"""The data tables of what groups read for one another: on the page and as files. Pure."""

from collections.abc import Sequence

from confrere.analytics.turnaround import METHOD
from confrere.web.given_view import GIVEN, TAKEN, WORDS, Asked, Line, Pair
from confrere.web.spreadsheet import Cell, Table

_FIGURES = (
    "Exams", "wRVU", "Without wRVU", "Median (min)", "P90 (min)", "With limit", "Within (%)",
    "Offered", "Claimed", "Not taken up", "Declined", "Synthetic",
)  # fmt: skip


def tables(shown: Sequence[Pair]) -> dict[str, Table]:
    """Every table of the page, by name."""
    heads = ("Partner", "Direction", *_FIGURES)
    of_kind = ("Partner", "Direction", "Subspecialty", *_FIGURES)
    of_level = ("Partner", "Direction", "Level", *_FIGURES)
    ways = [(pair, way) for pair in shown for way in (GIVEN, TAKEN)]
    made = (
        Table("given-taken", "Given and taken", heads, tuple(
            (pair.name, WORDS[way], *_cells(pair.totals[way])) for pair, way in ways
        )),
        Table("by-subspecialty", "By subspecialty", of_kind, tuple(
            (pair.name, WORDS[way], line.name, *_cells(line))
            for pair, way in ways for line in pair.kinds[way]
        )),
        Table("by-level", "By level", of_level, tuple(
            (pair.name, WORDS[way], line.name, *_cells(line))
            for pair, way in ways for line in pair.levels[way]
        )),
        Table("balance", "Balance by month", (
            "Partner", "Month", "Exams they read for you", "wRVU", "Exams you read for them",
            "wRVU", "Balance since the first month (wRVU)",
        ), tuple(
            (pair.name, f"{one.starts:%Y-%m}", one.exams_given, float(one.given),
             one.exams_taken, float(one.taken), float(one.balance))
            for pair in shown for one in pair.months
        )),
    )  # fmt: skip
    return {one.name: one for one in made}


def notes(asking: Asked) -> tuple[str, ...]:
    """What stands below a file's table."""
    month, year = asking.month, asking.year
    return (
        f"{month.first} to {month.last}, {month.zone}; months from {year.first}",
        "Turnaround: exam complete to final signature, by whom the exam was read",
        f"Quantiles: {METHOD}",
        "Declined: by your group's own readers; another group's declines are its own affair",
    )


def _cells(line: Line) -> tuple[Cell, ...]:
    one, within = line.summary, line.summary.within
    return (
        one.exams, float(line.wrvu), line.unvalued, one.median, one.p90, one.limited,
        within.value * 100 if within else None,
        line.offers.offered if line.offers else None,
        line.offers.claimed if line.offers else None,
        line.offers.not_taken if line.offers else None, line.declined, one.synthetic,
    )  # fmt: skip
