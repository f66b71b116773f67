"""The audit trail as a page: who saw or changed what, newest first, and whether it is whole."""

import base64
import json
from datetime import date, datetime, time, timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, StringConstraints

from confrere.audit import heads, service
from confrere.audit.model import COLLABORATIVE, Agent, Event, Link
from confrere.audit.service import EventQuery, Place
from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, PatientId
from confrere.kernel.principal import Principal
from confrere.web.access import allow
from confrere.web.context import context_of
from confrere.web.rendering import render

PAGE = 100
ACTIONS = {"C": "created", "R": "read", "U": "changed", "D": "removed", "E": "did"}
Auditor = Annotated[Principal, Depends(allow(Permission.READ_AUDIT))]
Field = Annotated[str, StringConstraints(max_length=200)]

router = APIRouter(default_response_class=HTMLResponse)


class Asked(BaseModel):
    """The filter as it was typed. It travels in the body: an address may be logged."""

    since: Field = ""
    until: Field = ""
    who: Field = ""
    action: Field = ""
    kind: Field = ""
    patient: Field = ""
    before: Field = ""


@router.get("/audit")
def audit_page(request: Request, me: Auditor) -> Response:
    """Show the newest events."""
    return _show(request, me, Asked())


@router.post("/audit")
def audit_search(request: Request, me: Auditor, asked: Annotated[Asked, Form()]) -> Response:
    """Show the events that fit the filter, or the page after `before`."""
    return _show(request, me, asked)


@router.post("/audit/verify")
def verify(request: Request, me: Auditor) -> Response:
    """Check the chain from its first link, and note that it was checked."""
    context, chain = context_of(request), chain_of(me)
    with transaction(context.engine, frozenset({chain})) as conn:
        known = heads.load(context.audit_heads, chain)
        state = service.verify(conn, context.audit_key, chain, known)
        event = Event(
            owner_group=chain,
            at=context.now(),
            action="E",
            kind="audit chain",
            door="web",
            agent=Agent.of(me),
            outcome="success" if state.ok else "failure",
            detail={"checked": state.count, "first_bad_seq": state.first_bad_seq},
        )
        service.note(conn, context.audit_key, event)
    heads.keep(context.audit_heads, chain, state)
    return render(request, "parts/chain.html", state=state, at=context.now())


def chain_of(me: Principal) -> GroupId:
    """Return the chain that this person may read: the own group's, or the collaborative's."""
    return me.group or COLLABORATIVE


def _show(request: Request, me: Principal, asked: Asked) -> Response:
    context = context_of(request)
    query = _query(asked, chain_of(me), ZoneInfo(context.zone_of(me)))
    before = _place(asked.before)
    with transaction(context.engine, frozenset({chain_of(me)})) as conn:
        links = service.events(conn, query, PAGE + 1, before)
    more = _mark(links[PAGE - 1]) if len(links) > PAGE else ""
    part = "parts/audit_rows.html" if asked.before else "audit.html"
    return render(request, part, asked=asked, links=links[:PAGE], more=more, actions=ACTIONS)


def _query(asked: Asked, chain: GroupId, zone: ZoneInfo) -> EventQuery:
    since, until = (_day(asked.since, "from", zone), _day(asked.until, "to", zone))
    if asked.action and asked.action not in ACTIONS:
        raise Invalid("Choose one of the actions.", "action")
    return EventQuery(
        owner_group=chain,
        since=since,
        until=until + timedelta(days=1) if until else None,
        user_name=asked.who.strip(),
        action=asked.action,
        kind=asked.kind.strip(),
        patient=_patient(asked.patient.strip()),
    )


def _day(text: str, field: str, zone: ZoneInfo) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), zone)
    except ValueError:
        raise Invalid(f"Give the day {field} as year-month-day.", field) from None


def _patient(text: str) -> PatientId | None:
    try:
        return PatientId(UUID(text)) if text else None
    except ValueError:
        raise Invalid(
            "Give the patient's Confrere number, as the patient's page shows it.", "patient"
        ) from None


def _mark(link: Link) -> str:
    place = [link.event.at.isoformat(), str(link.event.owner_group), link.seq]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _place(mark: str) -> Place | None:
    if not mark:
        return None
    try:
        at, group, seq = json.loads(base64.urlsafe_b64decode(mark))
        return Place(datetime.fromisoformat(at), GroupId(UUID(group)), int(seq))
    except (ValueError, TypeError, AttributeError):
        raise Invalid("The place in the list is not valid; search again.", "before") from None
