"""The pool: turnaround across all groups, after disclosure control, beside the own group's."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response

from confrere.analytics import service as analytics
from confrere.analytics.disclosure import WHY, WHY_COUNT
from confrere.analytics.measures import CLOCK, TURNAROUND, WITHIN
from confrere.analytics.periods import Period, Scope, whole_months
from confrere.analytics.pooled import Pool, Published
from confrere.analytics.store_measures import Breakdown
from confrere.analytics.turnaround import METHOD, Summary
from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import NotFound
from confrere.kernel.principal import Principal
from confrere.orders.priorities import NAMES
from confrere.web import dashboard_words as words
from confrere.web.access import allow
from confrere.web.context import context_of
from confrere.web.dashboard_tables import INDICATIVE, in_order
from confrere.web.rendering import render
from confrere.web.spreadsheet import Cell, Table, download

Viewer = Annotated[Principal, Depends(allow(Permission.READ_POOLED))]
_ALL, _WITHHELD, _NO_COUNT = "all", "withheld", "not published"
_HEADS = (
    "Exams (to ten)", "Median (min)", "P90 (min)", "P95 (min)", "Mean (min)", "Within (%)",
)  # fmt: skip

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Shown:
    """The pool, and the viewer's own group beside it where there is one."""

    period: Period
    pool: Pool
    own: Breakdown | None


@router.get("/pooled", response_class=HTMLResponse)
def pooled_page(request: Request, me: Viewer) -> Response:
    """Show the published tables."""
    return render(request, "pooled.html", **_values(_gather(request, me)))


@router.get("/pooled/export.csv")
def export(
    request: Request, me: Viewer, table: Annotated[str, Query(max_length=64)]
) -> Response:
    """Send one of the published tables as a file."""
    shown = _gather(request, me)
    found = _tables(shown.pool).get(table)
    if found is None:
        raise NotFound("The pool has no such table.")
    notes = (
        f"{shown.period.first} to {shown.period.last}, UTC; clock: {CLOCK}",
        f"Quantiles: {METHOD}",
        WHY,
        WHY_COUNT,
        "Holds synthetic exams" if shown.pool.synthetic else "",
    )
    return download(found, notes)


def _gather(request: Request, me: Principal) -> Shown:
    context = context_of(request)
    period = whole_months(context.now().astimezone(UTC).date(), "UTC")
    with transaction(context.engine, me.groups) as conn:
        pool = analytics.pool(conn, period)
        own = analytics.breakdown(conn, Scope(me.groups), period) if me.groups else None
    return Shown(period, pool, own)


def _values(shown: Shown) -> dict[str, Any]:
    pool, own = shown.pool, shown.own
    ranked = in_order(dict.fromkeys(pool.priorities, Summary()))
    return {
        "shown": shown,
        "pool": pool,
        "own": own.total if own else None,
        "total": pool.at(),
        "by_priority": [
            (
                NAMES.get(one, one),
                pool.at(priority=one),
                _mine(own.priorities if own else None, one),
            )
            for one, _ in ranked
        ],
        "by_modality": sorted(
            (
                (one, pool.at(modality=one), _mine(own.modalities if own else None, one))
                for one in pool.modalities
            ),
            key=lambda line: -(line[1].exams or 0),
        ),
        "choices": _choices(pool, [one for one, _ in ranked]),
        "tables": _tables(pool),
        "data": _chart(shown, [one for one, _ in ranked]),
        "withheld": sum(one.withheld for one in pool.cells.values()),
        "uncounted": sum(one.exams is None and not one.withheld for one in pool.cells.values()),
        "why": WHY,
        "why_count": WHY_COUNT,
        "method": METHOD,
        "measures": (TURNAROUND, WITHIN),
        "indicative": INDICATIVE,
        "words": words,
    }


def _mine(found: Mapping[str, Summary] | None, key: str) -> Summary | None:
    return None if found is None else found.get(key, Summary())


def _choices(pool: Pool, ranked: list[str]) -> list[tuple[str, str, bool]]:
    most = max(ranked, key=lambda one: pool.at(priority=one).exams or 0, default=_ALL)
    return [(one, NAMES.get(one, one), one == most) for one in ranked] + [
        (_ALL, "All together", most == _ALL)
    ]


def _chart(shown: Shown, ranked: list[str]) -> dict[str, Any]:
    pool, own = shown.pool, shown.own
    series = {
        _ALL: _course([pool.at(month) for month in pool.months], own.weeks if own else None)
    }
    for one in ranked:
        mine = own.priority_weeks.get(one, {}) if own else None
        series[one] = _course([pool.at(month, one) for month in pool.months], mine)
    return {
        "unit": "month",
        "labels": [f"{start:%b %Y}" for start in shown.period.starts()],
        "whole": [True] * len(pool.months),
        "series": series,
        "arrivals": [],
        "cards": [],
    }


def _course(cells: list[Published], mine: Mapping[int, Summary] | None) -> dict[str, Any]:
    own = None
    if mine is not None:
        each = [mine.get(n, Summary()) for n in range(len(cells))]
        own = [None if one.median is None else round(one.median, 1) for one in each]
    return {
        "median": [one.median for one in cells],
        "p90": [one.p90 for one in cells],
        "within": [one.within for one in cells],
        "n": [one.exams for one in cells],
        "yours": own,
        "limit": None,
    }


def _tables(pool: Pool) -> dict[str, Table]:
    ranked = [one for one, _ in in_order(dict.fromkeys(pool.priorities, None))]
    made = (
        Table("pooled-by-priority", "Pool by priority", ("Priority", *_HEADS),
              tuple((NAMES.get(p, p), *_row(pool.at(priority=p))) for p in ranked)),
        Table("pooled-by-modality", "Pool by modality", ("Modality", *_HEADS),
              tuple((m, *_row(pool.at(modality=m))) for m in pool.modalities)),
        Table("pooled-by-month-and-priority", "Pool by month and priority",
              ("Month", "Priority", *_HEADS),
              tuple((m[:7], NAMES.get(p, p) if p else "All", *_row(pool.at(m, p)))
                    for m in pool.months for p in (*ranked, None))),
        Table("pooled-by-month-and-modality", "Pool by month and modality",
              ("Month", "Modality", *_HEADS),
              tuple((m[:7], one or "All", *_row(pool.at(m, None, one)))
                    for m in pool.months for one in (*pool.modalities, None))),
    )  # fmt: skip
    return {one.name: one for one in made}


def _row(one: Published) -> tuple[Cell, ...]:
    if one.withheld:
        return (_WITHHELD,) * len(_HEADS)
    exams: Cell = _NO_COUNT if one.exams is None else one.exams
    within: Cell = _NO_COUNT if one.within is None and one.median is not None else one.within
    return (exams, one.median, one.p90, one.p95, one.mean, within)
