"""Orders with advice: what was shown, what is decided at protocoling, and the earlier exam."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import StringConstraints
from sqlalchemy import Connection

from confrere.advice import service as advice
from confrere.advice.model import DECISIONS, GO_ON, REASONS, Given
from confrere.audit.model import COLLABORATIVE
from confrere.database.engine import transaction
from confrere.identity.permissions import Permission, may
from confrere.imaging import service as imaging
from confrere.imaging.model import Study
from confrere.kernel.errors import NotFound
from confrere.kernel.ids import GroupId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.patients import service as patients
from confrere.reading import service as reading
from confrere.reading.model import Report
from confrere.reading.text import whole_text
from confrere.web.access import allow
from confrere.web.acts import note_act, note_seen, show
from confrere.web.context import context_of
from confrere.web.study_links import own_viewer, site_viewer

PAGE, PART = "advice.html", "parts/advice_body.html"
SHOWN_FOR = timedelta(days=30)
OPEN, ALL = "open", "all"
Looker = Annotated[Principal, Depends(allow(Permission.READ_ADVICE))]
Decider = Annotated[Principal, Depends(allow(Permission.DECIDE_ADVICE))]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/advice")
def orders_with_advice(request: Request, me: Looker, which: str = OPEN) -> Response:
    """Show the orders on which something was advised."""
    return _show(request, me, which)


@router.post("/advice/{card}/decide")
def decide(
    request: Request, me: Decider, card: UUID, decision: Annotated[str, Form()] = "",
    reason: Annotated[Words, Form()] = "", more: Annotated[Words, Form()] = "",
) -> Response:  # fmt: skip
    """Note what is done with the exam; the order itself is the ordering system's."""
    context, group = context_of(request), group_of(me)
    why = ": ".join(one for one in (REASONS.get(reason, ""), more) if one)
    with transaction(context.engine, me.groups) as conn:
        found = advice.decide(conn, group, card, decision, why, me.name, context.now())
        note_act(
            conn, request, me, "advice", object_id=card, patient=found.patient, act=decision,
        )  # fmt: skip
    return _show(request, me, OPEN, f"Noted: {decision}. The order itself was not touched.")


@router.post("/advice/{card}/undo")
def undo(request: Request, me: Decider, card: UUID) -> Response:
    """Take a decision back."""
    with transaction(context_of(request).engine, me.groups) as conn:
        found = advice.take_back(conn, group_of(me), card)
        note_act(
            conn, request, me, "advice", object_id=card, patient=found.patient,
            act="taken back",
        )  # fmt: skip
    return _show(request, me, ALL, "Taken back: it waits for a decision again.")


@router.get("/advice/{card}/prior")
def prior(request: Request, me: Looker, card: UUID) -> Response:
    """Show the earlier exam that a card names: its report, and the way to its images."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        found = advice.given(conn, group_of(me), card)
        if me.site is not None and found.site != me.site:
            raise NotFound("no such advice")
        report, study = _report(conn, found), _study(conn, found)
        texts = reading.versions(conn, [report.id])[report.id] if report else []
        sites = {one.id: one for one in network.sites(conn)}
        note_seen(
            conn, request, me, "report", now=context.now(),
            object_id=found.prior_report or found.id,
            owner=found.prior_group or found.owner_group, patient=found.patient,
            study=found.prior_study,
        )  # fmt: skip
    site = sites.get(found.prior_site) if found.prior_site else None
    uid = study.study_uid if study else ""
    elsewhere = site_viewer(site.viewer_url, uid, [study.accession]) if site and study else ""
    return show(
        request, PAGE, "parts/advice_prior.html", tab="prior", given=found, report=report, study=study, site=site,
        text=whole_text(texts) if texts else "", elsewhere=elsewhere,
        viewer=own_viewer(uid) if study and may(me, Permission.READ_IMAGES) else "",
    )  # fmt: skip


def _report(conn: Connection, found: Given) -> Report | None:
    """Its report; also one that came after the advice was shown."""
    if found.prior_report is not None:
        return next(iter(reading.search(conn, 1, ids=[found.prior_report])), None)
    if found.prior_order is None:
        return None
    return next(iter(reading.of_exam(conn, found.prior_study, [found.prior_order])), None)


def _study(conn: Connection, found: Given) -> Study | None:
    if found.prior_study is not None:
        return next(iter(imaging.get_many(conn, [found.prior_study])), None)
    if found.prior_order is None:
        return None
    return next(iter(imaging.studies_of_order(conn, found.prior_order)), None)


def group_of(me: Principal) -> GroupId:
    """The group whose advice a person sees."""
    return me.group or COLLABORATIVE


def _show(request: Request, me: Principal, which: str, said: str = "") -> Response:
    context = context_of(request)
    since = context.now() - SHOWN_FOR
    with transaction(context.engine, me.groups) as conn:
        rows = advice.listing(conn, group_of(me), me.site, since, undecided=which != ALL)
        known = {one.id: one for one in patients.get_many(conn, [r.patient for r in rows])}
        sites = {one.id: one for one in network.sites(conn)}
        note_seen(conn, request, me, "advice list", now=context.now(), found=len(rows))
    values: dict[str, Any] = {
        "tab": "orders", "rows": rows, "patients": known, "sites": sites, "which": which,
        "decisions": DECISIONS, "reasons": REASONS, "go_on": GO_ON,
        "decides": may(me, Permission.DECIDE_ADVICE), "days": SHOWN_FOR.days,
    }  # fmt: skip
    return show(request, PAGE, PART, said=said, **values)
