"""What the dashboard's template shows: cards, chart data, the sentence about the clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from confrere.analytics.measures import CLOCK, NO_CLOCK
from confrere.analytics.turnaround import METHOD, Summary
from confrere.orders.priorities import NAMES
from confrere.web import dashboard_words as words
from confrere.web.dashboard_asked import Asked
from confrere.web.dashboard_figures import Figures
from confrere.web.dashboard_tables import in_order
from confrere.web.dashboard_words import Amount, Change

_ALL = "all"


@dataclass(frozen=True, slots=True)
class Card:
    """One figure with its change and its course over the period's weeks."""

    label: str
    amount: Amount
    change: Change
    note: str = ""
    few: bool = False
    course: tuple[float | None, ...] = ()


def cards(asked: Asked, figures: Figures) -> list[Card]:
    """Make the row of figures on top."""
    now, before = figures.now.total, figures.before
    # a week that is not over would look like a fall
    whole = [n for n in range(len(asked.period.starts())) if asked.period.is_whole(n)]
    weeks = [figures.now.weeks.get(n) for n in whole]
    made = [
        Card("Exams reported", Amount(f"{now.exams:,}" if now.exams else words.NOT_MEASURED, ""),
             words.change_of_count(now.exams, before.exams),
             course=tuple(float(w.exams) if w else 0.0 for w in weeks)),
        Card("Median turnaround", words.length(now.median),
             words.change_of_length(now.median, before.median), _also("mean", now.mean),
             now.indicative, tuple(w.median if w else None for w in weeks)),
        Card("90th percentile", words.length(now.p90),
             words.change_of_length(now.p90, before.p90), _also("95th", now.p95),
             now.indicative, tuple(w.p90 if w else None for w in weeks)),
        Card("Reported within the limit", words.percent(now.within),
             words.change_of_share(now.within, before.within, judged=True),
             words.interval(now.within), now.indicative,
             tuple(w.within.value if w and w.within else None for w in weeks)),
        Card("Read by another group", words.percent(now.lent_share),
             words.change_of_share(now.lent_share, before.lent_share, judged=False),
             f"{now.lent:,} exams" if now.read_here else "",
             course=tuple(w.lent_share.value if w and w.lent_share else None for w in weeks)),
    ]  # fmt: skip
    if figures.lent and figures.lent_before:
        made.append(_lent(figures.lent, figures.lent_before))
    else:
        made.append(
            Card(
                "Mean turnaround",
                words.length(now.mean),
                words.change_of_length(now.mean, before.mean),
                few=now.indicative,
                course=tuple(w.mean if w else None for w in weeks),
            )
        )
    return made


def _also(name: str, minutes: float | None) -> str:
    return "" if minutes is None else f"{name} {words.length(minutes)}"


def _lent(now: Summary, before: Summary) -> Card:
    note = ""
    if now.measured:
        note = f"median {words.length(now.median)}, {words.percent(now.within)} within"
    return Card(
        "Read for other groups",
        Amount(f"{now.exams:,}", ""),
        words.change_of_count(now.exams, before.exams),
        note,
        now.indicative,
    )


def clock_sentence(figures: Figures) -> str:
    """Name the clock and where its start comes from."""
    counted = sum(figures.clocks.values())
    if not counted:
        return f"Clock: {CLOCK}. No exam in this period."
    parts = ", ".join(
        f"{name or NO_CLOCK} {_part(n, counted)}" for name, n in figures.clocks.items()
    )
    return f"Clock: {CLOCK}. Exam complete told by {parts}."


def _part(count: int, of: int) -> str:
    value = count / of * 100
    return f"{value:.0f} %" if value >= 1 else "under 1 %"


def chart_data(asked: Asked, figures: Figures) -> dict[str, Any]:
    """Make what the page's script draws; no names of people, no patients."""
    period, now = asked.period, figures.now
    series = {_ALL: _course(now.weeks, now.total, period.starts())}
    for priority, weeks in in_order(now.priority_weeks):
        series[priority] = _course(weeks, now.priorities[priority], period.starts())
    return {
        "unit": "week" if period.in_weeks else "month",
        "labels": [_label(one, weekly=period.in_weeks) for one in period.starts()],
        "whole": [period.is_whole(n) for n in range(len(period.starts()))],
        "series": series,
        "arrivals": [
            [hour, day, round(figures.arrivals.get((day, hour), 0.0), 2)]
            for day in range(7)
            if figures.arrival_days[day]
            for hour in range(24)
        ],
        "cards": [card.course for card in cards(asked, figures)],
    }


def choices(figures: Figures) -> list[tuple[str, str, bool]]:
    """List the courses that the chart can show: code, name, and which comes first."""
    found = [priority for priority, _ in in_order(figures.now.priority_weeks)]
    most = max(found, key=lambda one: figures.now.priorities[one].exams, default=_ALL)
    return [(one, NAMES.get(one, one), one == most) for one in found] + [
        (_ALL, "All together", most == _ALL)
    ]


def _course(weeks: Mapping[int, Summary], whole: Summary, starts: tuple[date, ...]) -> Any:
    each = [weeks.get(n, Summary()) for n in range(len(starts))]
    return {
        "median": [_rounded(one.median) for one in each],
        "p90": [_rounded(one.p90) for one in each],
        "within": [round(one.within.value * 100, 1) if one.within else None for one in each],
        "n": [one.measured for one in each],
        "limit": whole.limit,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _label(start: date, *, weekly: bool) -> str:
    return f"{start.day} {start:%b}" if weekly else f"{start:%b %Y}"


def as_json(asked: Asked, figures: Figures) -> dict[str, Any]:
    """The same numbers for programs. Lengths are minutes, shares between 0 and 1."""
    now, period = figures.now, asked.period
    return {
        "measure": "report-turnaround",
        "clock": CLOCK,
        "quantiles": METHOD,
        "from": period.first.isoformat(),
        "to": period.last.isoformat(),
        "zone": period.zone,
        "since": period.since.isoformat(),
        "until": period.until.isoformat(),
        "site": str(asked.scope.site) if asked.scope.site else None,
        "priority": asked.scope.priority or None,
        "modality": asked.scope.modality or None,
        "count": now.total.measured,
        "median_minutes": now.total.median,
        "total": _plain(now.total),
        "period_before": _plain(figures.before),
        "read_for_other_groups": _plain(figures.lent) if figures.lent else None,
        "you": _plain(figures.you.now) if figures.you else None,
        "clock_sources": {name or NO_CLOCK: n for name, n in figures.clocks.items()},
        "by_site": {str(one.id): _plain(now.sites[one.id]) for one in asked.sites if one.id in now.sites},
        "by_priority": {name: _plain(one) for name, one in in_order(now.priorities)},
        "by_modality": {name: _plain(one) for name, one in now.modalities.items()},
        "trend": [
            {"starts": start.isoformat(), "whole": period.is_whole(n), **_plain(now.weeks.get(n, Summary()))}
            for n, start in enumerate(period.starts())
        ],
    }  # fmt: skip


def _plain(one: Summary) -> dict[str, Any]:
    within, lent = one.within, one.lent_share
    return {
        "exams": one.exams,
        "measured": one.measured,
        "excluded": {"missing": one.missing, "negative": one.negative},
        "median_minutes": one.median,
        "p90_minutes": one.p90,
        "p95_minutes": one.p95,
        "mean_minutes": one.mean,
        "limit_minutes": one.limit,
        "within_limit": {"share": within.value, "low": within.low, "high": within.high,
                         "met": within.part, "of": within.of} if within else None,
        "read_by_another_group": lent.value if lent else None,
        "indicative": one.indicative,
        "synthetic": one.synthetic,
    }  # fmt: skip
