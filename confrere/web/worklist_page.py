"""The worklist: dense, live, keyboard first."""

from dataclasses import asdict
from datetime import datetime, time
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.imaging import service as imaging
from confrere.kernel.ids import ItemId, StudyId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.orders import service as orders
from confrere.patients import service as patients
from confrere.reading import service as reading
from confrere.web.access import allow
from confrere.web.context import context_of
from confrere.web.rendering import render
from confrere.web.worklist_lines import (
    ALL,
    FOR_ME,
    GROUP,
    MINE,
    NOT_ME,
    SHADOW,
    lines_for,
    tally,
)
from confrere.worklist import service as worklist
from confrere.worklist import views
from confrere.worklist.declining import REASONS

MOST_LINES = 500
MOST_AT_ONCE = 50
Reader = Annotated[Principal, Depends(allow(Permission.READ_WORKLIST))]
TABS = (
    (ALL, "All"),
    (FOR_ME, "Offered to me"),
    (MINE, "Mine"),
    (GROUP, "My group's sites"),
    (NOT_ME, "Not for me"),
    (SHADOW, "Shadow"),
)

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/worklist")
def worklist_page(request: Request, me: Reader) -> Response:
    """Show the whole page."""
    with transaction(context_of(request).engine, me.groups) as conn:
        saved = [asdict(view) for view in views.of_user(conn, me.user)]
    return render(request, "worklist.html", views=saved, **_values(request, me))


@router.get("/worklist/rows")
def rows(request: Request, me: Reader) -> Response:
    """Show figures and rows again, after a change."""
    return render(request, "parts/worklist_body.html", **_values(request, me))


@router.get("/worklist/lines")
def some_lines(
    request: Request, me: Reader, item: Annotated[list[UUID], Query(max_length=MOST_AT_ONCE)]
) -> Response:
    """Show the rows of these exams alone; what the person does not see any more is left out."""
    context = context_of(request)
    now = context.now()
    with transaction(context.engine, me.groups) as conn:
        directory = network.directory(conn, now)
        found = worklist.get_open(conn, [ItemId(one) for one in item])
    lines = lines_for(me, found, directory, now)
    return render(request, "parts/worklist_lines.html", lines=lines)


@router.get("/worklist/{item_id}/preview")
def preview(request: Request, me: Reader, item_id: UUID) -> Response:
    """Show one exam beside the list: question, priors, request, notes, why."""
    context = context_of(request)
    now = context.now()
    with transaction(context.engine, me.groups) as conn:
        item = worklist.get(conn, ItemId(item_id))
        directory = network.directory(conn, now)
        line = lines_for(me, [item], directory, now)[0]
        values: dict[str, Any] = {"line": line, "orders": [], "priors": [], "reasons": REASONS}
        if not line.withheld:
            values["sentence"] = worklist.why_offered(conn, item.id)
            values["orders"] = orders.get_many(conn, item.orders)
            if item.patient:
                same = patients.same_person(conn, patients.get(conn, item.patient))
                ids = [one.id for one in same]
                values["priors"] = [
                    (study, _reported(conn, study.id))
                    for study in imaging.studies_of_patients(conn, ids)
                    if study.id != item.study
                ][:8]
    return render(request, "parts/worklist_preview.html", **values)


def _reported(conn: Connection, study: StudyId) -> bool:
    return bool(reading.of_exam(conn, study, imaging.orders_of(conn, study)))


def _values(request: Request, me: Principal) -> dict[str, Any]:
    context = context_of(request)
    now = context.now()
    with transaction(context.engine, me.groups) as conn:
        directory = network.directory(conn, now)
        items = worklist.open_items(conn, MOST_LINES)
        midnight = _midnight(now, context.zone_of(me))
        done = worklist.finished_since(conn, me.reader, midnight) if me.reader else []
    lines = lines_for(me, items, directory, now)
    counts = {name: sum(name in line.lists for line in lines) for name, _ in TABS}
    return {
        "lines": lines,
        "tabs": [(n, label, counts[n]) for n, label in TABS if n != SHADOW or counts[n]],
        "tally": tally(lines, done, now),
        "modalities": sorted({line.item.modality for line in lines if line.item.modality}),
        "sites": sorted({line.item.site_name for line in lines}),
        "clipped": len(items) == MOST_LINES,
    }


def _midnight(now: datetime, zone: str) -> datetime:
    there = now.astimezone(ZoneInfo(zone))
    return datetime.combine(there.date(), time(), ZoneInfo(zone))
