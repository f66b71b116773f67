"""A site beside its own systems: how well the records agree, cut-over, and back into shadow."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import StringConstraints
from sqlalchemy import Connection

from confrere.analytics.agreeing_lines import Verdict
from confrere.analytics.agreeing_times import LABELS
from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import SiteId
from confrere.kernel.principal import Principal
from confrere.network import modes
from confrere.network import service as network
from confrere.network.model import LIVE, SHADOW, Site
from confrere.network.signing import By
from confrere.web.access import allow
from confrere.web.acts import note_act
from confrere.web.context import context_of
from confrere.web.rendering import render
from confrere.web.shadow_figures import Compared, gather, period_of, tables
from confrere.web.spreadsheet import download
from confrere.worklist import shadowing

Viewer = Annotated[Principal, Depends(allow(Permission.READ_DELIVERY))]
Changer = Annotated[Principal, Depends(allow(Permission.CUT_OVER))]
Day = Annotated[str, StringConstraints(strip_whitespace=True, max_length=10)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Form()]

router = APIRouter(default_response_class=HTMLResponse)


@dataclass(frozen=True, slots=True)
class Days:
    """The period as it was typed; empty is the usual one."""

    first: Annotated[Day, Query(alias="from")] = ""
    last: Annotated[Day, Query(alias="to")] = ""


Wanted = Annotated[Days, Depends()]


@router.get("/sites/{site_id}/shadow")
def agreement(request: Request, me: Viewer, site_id: UUID, wanted: Wanted) -> Response:
    """Show how well our records and the site's agree."""
    with transaction(context_of(request).engine, me.groups) as conn:
        found = _compared(conn, request, me, site_id, wanted)
        history = modes.history(conn, found.site.id)
    return render(
        request, "shadow.html", **_values(found), history=history, word_of=modes.word_of
    )


@router.get("/sites/{site_id}/shadow/export.csv")
def export(
    request: Request, me: Viewer, site_id: UUID, wanted: Wanted,
    table: Annotated[str, Query(max_length=32)],
) -> Response:  # fmt: skip
    """Send one of the page's tables as a file."""
    with transaction(context_of(request).engine, me.groups) as conn:
        found = _compared(conn, request, me, site_id, wanted)
    chosen = tables(found).get(table)
    if chosen is None:
        raise NotFound("The comparison has no such table.")
    period = found.period
    return download(
        chosen, (f"{found.site.name}, {period.first} to {period.last}, {period.zone}",)
    )


@router.post("/sites/{site_id}/live")
def cut_over(
    request: Request, me: Changer, site_id: UUID, wanted: Wanted, reason: Words = "",
    confirm: Annotated[str, Form(max_length=8)] = "",
) -> Response:  # fmt: skip
    """Take a site live from this instant; against doubts only with a reason."""
    if confirm != "yes":
        raise Invalid(
            "Confirm that exams are offered and results go out from now on.", "confirm"
        )
    with transaction(context_of(request).engine, me.groups) as conn:
        unmet = _compared(conn, request, me, site_id, wanted).agreement.unmet
    return _change(request, me, site_id, LIVE, reason, unmet)


@router.post("/sites/{site_id}/shadow")
def into_shadow(request: Request, me: Changer, site_id: UUID, reason: Words = "") -> Response:
    """Put a site into shadow mode; what is held is finished."""
    return _change(request, me, site_id, SHADOW, reason, ())


@router.post("/sites/{site_id}/outside")
def silence(
    request: Request, me: Changer, site_id: UUID, minutes: Annotated[int, Form()]
) -> Response:
    """Say how long the site may say nothing of a read of its own."""
    with transaction(context_of(request).engine, me.groups) as conn:
        site = _site(conn, me, site_id)
        network.set_outside_minutes(conn, site.id, minutes)
        note_act(conn, request, me, "site", object_id=site.id, act="silence", minutes=minutes)
    return RedirectResponse(f"/sites/{site_id}/shadow", 303)


def _change(
    request: Request, me: Principal, site_id: UUID, mode: str, reason: str,
    unmet: tuple[str, ...],
) -> Response:  # fmt: skip
    context = context_of(request)
    now = context.now()
    with transaction(context.engine, me.groups) as conn:
        place = _site(conn, me, site_id)
        by = By(place.owner_group, me.name, me.user)
        site = modes.change(conn, place.id, mode, by, reason, now, unmet)
        done = shadowing.follow(conn, [site], now)
        note_act(
            conn, request, me, "site mode", object_id=site.id, mode=mode, against=len(unmet),
            opened=done.opened, closed=done.closed, shadowed=done.shadowed,
        )  # fmt: skip
    return RedirectResponse(f"/sites/{site_id}/shadow", 303)


def _site(conn: Connection, me: Principal, site_id: UUID) -> Site:
    site = network.site(conn, SiteId(site_id))
    if site.owner_group != me.group:
        raise NotFound("There is no such site in your group.")
    return site


def _compared(
    conn: Connection, request: Request, me: Principal, site_id: UUID, wanted: Days
) -> Compared:
    site, now = _site(conn, me, site_id), context_of(request).now()
    return gather(conn, site, period_of(conn, site, wanted.first, wanted.last, now), now)


def _values(found: Compared) -> dict[str, Any]:
    period = found.period
    query = urlencode({"from": period.first.isoformat(), "to": period.last.isoformat()})
    return {
        "site": found.site,
        "found": found,
        "period": period,
        "agreement": found.agreement,
        "labels": LABELS,
        "tables": tables(found),
        "query": query,
        "path": f"/sites/{found.site.id}/shadow",
        "verdicts": Verdict,
    }
