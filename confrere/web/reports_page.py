"""Finished reports: of the own site for a hospital client, else of the own group."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, StringConstraints
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import ReportId
from confrere.kernel.periods import Place, Span
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.orders import service as orders
from confrere.reading import service as reading
from confrere.reading.model import ADDENDUM, AMENDED, DRAFT, FINAL, ReportsSought, state_of
from confrere.web.access import allow
from confrere.web.acts import note_seen, show
from confrere.web.context import context_of
from confrere.web.patient_scope import opened_to
from confrere.web.rendering import render
from confrere.web.reports_found import Row, find, mark, may_read, place_of, row_of

PAGE_ROWS = 50
MOST_ORDERS = 100
MODALITIES = ("CR", "CT", "DX", "MG", "MR", "NM", "PT", "RF", "US", "XA")
PAGE, LIST, ROWS = "reports.html", "parts/reports_list.html", "parts/reports_rows.html"
Reader = Annotated[Principal, Depends(allow(Permission.READ_REPORTS))]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=128)]

router = APIRouter(default_response_class=HTMLResponse)


class Asked(BaseModel):
    """The filter as it was typed."""

    since: Text = ""
    until: Text = ""
    accession: Text = ""
    modality: Text = ""
    before: Text = ""


@router.get("/reports")
def reports_page(request: Request, me: Reader) -> Response:
    """Show the newest reports."""
    return _list(request, me, Asked())


@router.post("/reports")
def search(request: Request, me: Reader, asked: Annotated[Asked, Form()]) -> Response:
    """Show the reports that fit the filter, or those behind `before`."""
    return _list(request, me, asked)


@router.get("/reports/{report_id}")
def report_page(request: Request, me: Reader, report_id: UUID) -> Response:
    """Show one report: its text, what was signed when, and whether it was delivered."""
    context = context_of(request)
    now = context.now()
    with transaction(context.engine, me.groups) as conn:
        report = reading.get(conn, ReportId(report_id))
        if report.state == DRAFT or not may_read(me, report, opened_to(conn, me, now)):
            raise NotFound("no such report among those that you may read")
        row = row_of(conn, report)
        sites = {site.id: site for site in network.sites(conn)}
        groups = {group.id: group for group in network.groups(conn)}
        messages = delivery.of_report(conn, report.id)
        note_seen(
            conn, request, me, "report", now=now, object_id=report.id,
            owner=report.owner_group, patient=report.patient, study=report.study,
        )  # fmt: skip
    full = [one for one in row.versions if one.kind != ADDENDUM]
    return render(
        request, "report.html", row=row, report=report, state=state_of(report, row.versions),
        full=full[-1] if full else None, earlier=full[:-1], messages=messages,
        addenda=[one for one in row.versions if one.kind == ADDENDUM],
        site=sites.get(report.site) if report.site else None, groups=groups,
    )  # fmt: skip


def _list(request: Request, me: Principal, asked: Asked) -> Response:
    context = context_of(request)
    sought = _read(asked, me, ZoneInfo(context.zone_of(me)))
    with transaction(context.engine, me.groups) as conn:
        rows, place = _find(conn, me, sought, asked)
        sites = {site.id: site for site in network.sites(conn)}
        note_seen(conn, request, me, "report list", now=context.now(), found=len(rows))
    is_next_page = asked.before and "hx-request" in request.headers
    return show(
        request, PAGE, ROWS if is_next_page else LIST, asked=asked, rows=rows, sites=sites,
        more=mark(place), modalities=MODALITIES, state_of=state_of,
        place=sites.get(me.site) if me.site else None,
    )  # fmt: skip


def _find(
    conn: Connection, me: Principal, sought: ReportsSought, asked: Asked
) -> tuple[list[Row], Place | None]:
    if asked.accession:
        found = orders.search(conn, MOST_ORDERS, accession=asked.accession)
        if not found:
            return [], None
        sought = replace(sought, orders=(frozenset(one.id for one in found),))
    return find(conn, me, sought, asked.modality, PAGE_ROWS, place_of(asked.before))


def _read(asked: Asked, me: Principal, zone: ZoneInfo) -> ReportsSought:
    if asked.modality and asked.modality not in MODALITIES:
        raise Invalid("Choose one of the modalities.", "modality")
    since, until = _midnight(asked.since, "from", zone), _midnight(asked.until, "to", zone)
    ends = until + timedelta(days=1) if until else None
    return ReportsSought(
        sites=frozenset({me.site}) if me.site else None,
        states=frozenset({FINAL, AMENDED}),
        signed=(Span(since, ends),) if since or ends else None,
    )


def _midnight(text: str, field: str, zone: ZoneInfo) -> datetime | None:
    if not text:
        return None
    try:
        on = date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"Give the day {field} as year-month-day.", field) from None
    if not 1900 <= on.year <= 2999:  # noqa: PLR2004 - beyond, arithmetic overflows
        raise Invalid(f"Give a day {field} of this age.", field)
    return datetime.combine(on, time(), zone)
