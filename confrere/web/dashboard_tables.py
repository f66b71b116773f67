"""The dashboard's data tables: what charts draw, what readers of screens read, what files hold."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from confrere.analytics.measures import NO_CLOCK
from confrere.analytics.turnaround import Summary
from confrere.orders.priorities import NAMES
from confrere.web.dashboard_asked import Asked
from confrere.web.dashboard_figures import Figures
from confrere.web.dashboard_words import NOT_MEASURED
from confrere.web.spreadsheet import Cell, Table

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FIGURES = (
    "Exams", "Measured", "Missing", "Negative", "Median (min)", "P90 (min)", "P95 (min)",
    "Mean (min)", "With limit", "Within (%)", "Wilson low (%)", "Wilson high (%)", "Note",
)  # fmt: skip
Kind = TypeVar("Kind")
INDICATIVE = "n<30, indicative"


def tables(asked: Asked, figures: Figures) -> dict[str, Table]:
    """Make every table of the page, by name."""
    now = figures.now
    starts = asked.period.starts()
    week = "week" if asked.period.in_weeks else "month"
    sites = [(one.name, now.sites.get(one.id)) for one in asked.sites]
    modalities = sorted(now.modalities.items(), key=lambda pair: -pair[1].exams)
    made = (
        _table("turnaround-by-priority", "Turnaround by priority", "Priority",
               ((NAMES.get(p, p), one) for p, one in in_order(now.priorities))),
        _table("turnaround-by-site", "Turnaround by site", "Site", sites),
        _table("turnaround-by-modality", "Turnaround by modality", "Modality",
               modalities),
        _table(f"turnaround-by-{week}", f"Turnaround by {week}", f"{week.title()} of",
               ((start.isoformat(), now.weeks.get(n)) for n, start in enumerate(starts))),
        _by_both(asked, figures, week),
        _arrivals(figures),
        Table("steps", "Where the time goes", ("Step", "Measured", "Median (min)", "P90 (min)"),
              tuple((s.name, s.measured, s.median, s.p90) for s in figures.steps)),
        Table("clock-sources", "Where exam complete comes from", ("Source", "Exams"),
              tuple((name or NO_CLOCK, n) for name, n in figures.clocks.items())),
    )  # fmt: skip
    return {one.name: one for one in made}


def in_order(found: Mapping[str, Kind]) -> list[tuple[str, Kind]]:
    """Return what is known by priority from the most to the least urgent, unknown ones last."""
    ranks = list(NAMES)
    return sorted(
        found.items(), key=lambda pair: ranks.index(pair[0]) if pair[0] in NAMES else len(ranks)
    )


def _table(
    name: str, title: str, head: str, lines: Iterable[tuple[str, Summary | None]]
) -> Table:
    rows = tuple((label, *_figures(summary or Summary())) for label, summary in lines)
    return Table(name, title, (head, *_FIGURES), rows)


def _figures(one: Summary) -> tuple[Cell, ...]:
    within = one.within
    shares: tuple[Cell, ...] = (None, None, None)
    if within:
        shares = (within.value * 100, within.low * 100, within.high * 100)
    note = INDICATIVE if one.indicative else "" if one.measured else NOT_MEASURED
    return (
        one.exams, one.measured, one.missing, one.negative, one.median, one.p90, one.p95,
        one.mean, one.limited, *shares, note,
    )  # fmt: skip


def _by_both(asked: Asked, figures: Figures, week: str) -> Table:
    starts = asked.period.starts()
    rows = tuple(
        (NAMES.get(priority, priority), starts[n].isoformat(), *_figures(one))
        for priority, weeks in in_order(figures.now.priority_weeks)
        for n, one in sorted(weeks.items())
    )
    heads = ("Priority", f"{week.title()} of", *_FIGURES)
    return Table(f"turnaround-by-priority-and-{week}", f"By priority and {week}", heads, rows)


def _arrivals(figures: Figures) -> Table:
    days = figures.arrival_days
    rows = tuple(
        (name, days[n], *(_mean(figures, n, hour) for hour in range(24)))
        for n, name in enumerate(WEEKDAYS)
    )
    hours = tuple(f"{hour:02d}" for hour in range(24))
    return Table("arrivals", "Exams arriving an hour", ("Weekday", "Days", *hours), rows)


def _mean(figures: Figures, weekday: int, hour: int) -> float | None:
    if not figures.arrival_days[weekday]:
        return None
    return figures.arrivals.get((weekday, hour), 0.0)
