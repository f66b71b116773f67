"""The dashboard: how long reports take, of the own group's or the own hospital's exams."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from confrere.analytics.measures import MEASURES, NOT_MEASURED
from confrere.analytics.turnaround import METHOD
from confrere.identity.permissions import Permission
from confrere.kernel.errors import NotFound
from confrere.kernel.principal import Principal
from confrere.orders.priorities import NAMES
from confrere.web import dashboard_words as words
from confrere.web.access import allow
from confrere.web.dashboard_asked import Asked, Filters, ask
from confrere.web.dashboard_figures import Figures, gather
from confrere.web.dashboard_tables import INDICATIVE, in_order, tables
from confrere.web.dashboard_view import as_json, cards, chart_data, choices, clock_sentence
from confrere.web.rendering import day, render
from confrere.web.spreadsheet import download

Viewer = Annotated[Principal, Depends(allow(Permission.READ_MEASURES))]
Wanted = Annotated[Filters, Depends()]
_PRESETS = ((4, "4 weeks"), (12, "12 weeks"), (52, "52 weeks"))

router = APIRouter()


@router.get("/dashboard", response_class=HTMLResponse)
def dashboard_page(request: Request, me: Viewer, wanted: Wanted) -> Response:
    """Show the page."""
    asked = ask(request, me, wanted)
    figures = gather(request, me, asked)
    return render(request, "dashboard.html", **_values(asked, figures))


@router.get("/dashboard/export.csv")
def export(
    request: Request, me: Viewer, wanted: Wanted, table: Annotated[str, Query(max_length=64)]
) -> Response:
    """Send one of the page's tables as a file."""
    asked = ask(request, me, wanted)
    figures = gather(request, me, asked)
    found = tables(asked, figures).get(table)
    if found is None:
        raise NotFound("The dashboard has no such table.")
    notes = (
        f"{asked.period.first} to {asked.period.last}, {asked.period.zone}",
        clock_sentence(figures),
        f"Quantiles: {METHOD}",
        f"Synthetic exams: {figures.now.total.synthetic}",
    )
    return download(found, notes)


@router.get("/api/measures/turnaround")
def turnaround(request: Request, me: Viewer, wanted: Wanted) -> Response:
    """Give the page's numbers to programs; `from` and `to` are days, or instants."""
    asked = ask(request, me, wanted, instants=True)
    return JSONResponse(as_json(asked, gather(request, me, asked)))


def _values(asked: Asked, figures: Figures) -> dict[str, Any]:
    total, period = figures.now.total, asked.period
    return {
        "asked": asked,
        "figures": figures,
        "total": total,
        "cards": cards(asked, figures),
        "clock": clock_sentence(figures),
        "method": METHOD,
        "excluded": words.excluded(total),
        "tables": tables(asked, figures),
        "data": chart_data(asked, figures),
        "choices": choices(figures),
        "by_priority": [(NAMES.get(p, p), one) for p, one in in_order(figures.now.priorities)],
        "by_modality": sorted(figures.now.modalities.items(), key=lambda pair: -pair[1].exams),
        "most": max((one.exams for one in figures.now.sites.values()), default=1) or 1,
        "priorities": NAMES,
        "presets": _presets(asked),
        "before": f"{day(period.before.first)} to {day(period.before.last)}",
        "measures": MEASURES,
        "not_measured": NOT_MEASURED,
        "indicative": INDICATIVE,
        "words": words,
        "week": "week" if period.in_weeks else "month",
    }


def _presets(asked: Asked) -> list[tuple[str, str, bool]]:
    """Name periods that end today and begin on a Monday: label, query, chosen."""
    monday = asked.today - timedelta(days=asked.today.weekday())
    made = []
    for weeks, label in _PRESETS:
        first = monday - timedelta(weeks=weeks - 1)
        chosen = (asked.period.first, asked.period.last) == (first, asked.today)
        made.append((label, asked.address(first, asked.today), chosen))
    return made
