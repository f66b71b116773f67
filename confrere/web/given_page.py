"""Given and taken: what groups read for one another, month by month, pair by pair."""

from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import StringConstraints

from confrere.analytics import service as analytics
from confrere.analytics.turnaround import METHOD
from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import NotFound, Refused
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.web import dashboard_words as words
from confrere.web import given_view as view
from confrere.web.access import allow
from confrere.web.context import context_of
from confrere.web.dashboard_tables import INDICATIVE
from confrere.web.given_tables import notes, tables
from confrere.web.rendering import render
from confrere.web.spreadsheet import download
from confrere.worklist import service as worklist

Manager = Annotated[Principal, Depends(allow(Permission.MANAGE_AGREEMENTS))]
Month = Annotated[
    str, StringConstraints(max_length=7, strip_whitespace=True), Query(alias="month")
]

router = APIRouter()


@router.get("/given-taken", response_class=HTMLResponse)
def given_taken(request: Request, me: Manager, month: Month = "") -> Response:
    """Show the page."""
    asking, pairs = _gather(request, me, month)
    today = context_of(request).now().astimezone(ZoneInfo(asking.month.zone)).date()
    return render(
        request, "given.html", asking=asking, pairs=pairs, tables=tables(pairs),
        months=view.months_before(today), words=words, directions=view.WORDS, method=METHOD,
        indicative=INDICATIVE, tall=view.TALL, step=view.STEP, bar=view.BAR,
    )  # fmt: skip


@router.get("/given-taken/export.csv")
def export(
    request: Request, me: Manager, table: Annotated[str, Query(max_length=64)],
    month: Month = "",
) -> Response:  # fmt: skip
    """Send one of the page's tables as a file."""
    asking, pairs = _gather(request, me, month)
    found = tables(pairs).get(table)
    if found is None:
        raise NotFound("The page has no such table.")
    return download(found, notes(asking))


def _gather(request: Request, me: Principal, month: str) -> tuple[view.Asked, list[view.Pair]]:
    if me.group is None:
        raise Refused("Reads are lent between groups; sign in with a group's account.")
    context = context_of(request)
    now, zone = context.now(), context.zone_of(me)
    asking = view.asked(month, now.astimezone(ZoneInfo(zone)).date(), zone)
    since, until = asking.month.since, asking.month.until
    with transaction(context.engine, me.groups) as conn:
        found = view.Found(
            analytics.exchanged(conn, me.group, since, until),
            analytics.flows(conn, me.group, asking.year.edges()),
            worklist.offers_between(conn, me.group, since, until),
            worklist.declined_by(conn, me.group, since, until),
        )
        directory = network.directory(conn, now)
    return asking, view.pairs(asking, found, me.group, directory)
