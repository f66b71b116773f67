"""See what an ordering system would be shown for an order; nothing is kept as shown."""

import json
from dataclasses import asdict
from typing import Annotated
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, StringConstraints

from confrere.advice import service as advice
from confrere.advice.model import CDS_HOOKS, Asked
from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import SiteId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network.model import Site
from confrere.orders import service as orders
from confrere.orders.appropriateness import egfr_in
from confrere.orders.duplicates import Exam
from confrere.patients import service as patients
from confrere.web.access import allow
from confrere.web.acts import note_seen, show
from confrere.web.advice_page import PAGE, group_of
from confrere.web.context import context_of

PART = "parts/advice_try.html"
Keeper = Annotated[Principal, Depends(allow(Permission.MANAGE_ADVICE))]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]

router = APIRouter(default_response_class=HTMLResponse)


class Order(BaseModel):
    """What was typed."""

    site: Text = ""
    mrn: Text = ""
    code: Text = ""
    indication: Text = ""
    diagnoses: Text = ""
    egfr: Text = ""


@router.get("/advice/try")
def form(request: Request, me: Keeper) -> Response:
    """Show the form."""
    return _show(request, me, Order(), None)


@router.post("/advice/try")
def try_it(request: Request, me: Keeper, typed: Annotated[Order, Form()]) -> Response:
    """Show the cards of an order that nobody makes."""
    context, group = context_of(request), group_of(me)
    now = context.now()
    with transaction(context.engine, me.groups) as conn:
        site = _site(network.sites(conn), typed.site, group)
        line = orders.procedure(conn, group, site.id, typed.code)
        if line is None:
            raise Invalid("choose a procedure of the site's map", "code")
        patient = patients.find(conn, group, site.assigner, typed.mrn)
        if patient is None:
            raise NotFound("the site has no patient of this number")
        today = now.astimezone(ZoneInfo(site.time_zone)).date()
        exam = Exam(
            "try", line.modality, line.body_region, today, str(site.id), line.contrast,
            line.text, typed.indication,
        )  # fmt: skip
        codes = [one for one in typed.diagnoses.replace(",", " ").split() if one]
        known = advice.circumstances(
            conn, patient.id, typed.indication, codes, today, egfr_in(f"egfr {typed.egfr}")
        )
        asked = Asked(
            group, site.id, patient.id, exam, known, f"try:{uuid4()}", CDS_HOOKS,
            procedure_code=line.code,
        )  # fmt: skip
        cards = advice.advise(conn, asked)
        note_seen(conn, request, me, "advice", now=now, patient=patient.id, cards=len(cards))
    return _show(request, me, typed, [asdict(one) for one in cards])


def _site(sites: list[Site], wanted: str, group: UUID) -> Site:
    for one in sites:
        if one.owner_group == group and str(one.id) == wanted:
            return one
    raise Invalid("choose one of your sites", "site")


def _show(
    request: Request, me: Principal, typed: Order, cards: list[dict[str, object]] | None
) -> Response:
    group = group_of(me)
    with transaction(context_of(request).engine, me.groups) as conn:
        sites = [one for one in network.sites(conn) if one.owner_group == group]
        lines = orders.procedures(conn, group)
    names: dict[SiteId, str] = {one.id: one.short_name for one in sites}
    raw = json.dumps(
        {"cards": [{"summary": c["summary"], "detail": c["detail"]} for c in cards or ()]},
        indent=1, ensure_ascii=False,
    )  # fmt: skip
    return show(
        request, PAGE, PART, tab="try", typed=typed, cards=cards, sites=sites, lines=lines,
        names=names, raw=raw,
    )  # fmt: skip
