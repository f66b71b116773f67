"""What a reader is told, as a few lines above every page: exams running late, and pre-alerts."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import NotFound, Refused
from confrere.kernel.ids import ReaderId
from confrere.kernel.principal import Principal
from confrere.notices import service as notices
from confrere.notices.contacts import READER, ROLES
from confrere.notices.model import Kind, Notice
from confrere.notices.wording import line, why
from confrere.orders.priorities import AT_ONCE, NAMES
from confrere.web.access import allow
from confrere.web.acts import note_act
from confrere.web.context import context_of
from confrere.web.rendering import render
from confrere.worklist import prealerting
from confrere.worklist import service as worklist
from confrere.worklist.asking import asked_aside

SHOWN = 3
SINCE = timedelta(days=1)
LOUD = frozenset(NAMES[one] for one in AT_ONCE)
Claimer = Annotated[Principal, Depends(allow(Permission.CLAIM))]

router = APIRouter(default_response_class=HTMLResponse)


class Answer(StrEnum):
    """What a reader says to a pre-alert."""

    READY = "ready"
    NOT_ME = "not-me"


@router.get("/told")
def told(request: Request, me: Claimer) -> Response:
    """Show what this reader is told and has not seen."""
    return _show(request, me)


@router.post("/told/{notice_id}/seen")
def seen(request: Request, me: Claimer, notice_id: UUID) -> Response:
    """Note that the reader has seen it: nothing louder follows until it is overdue."""
    reader, context = _reader(me), context_of(request)
    with transaction(context.engine, me.groups) as conn:
        if notices.notice(conn, notice_id).what.recipient != reader:
            raise NotFound("no such notice of yours")
        one = notices.see(conn, notice_id, me.name, context.now())
        note_act(
            conn, request, me, "notice", object_id=notice_id, owner=one.what.owner_group,
            act="seen",
        )  # fmt: skip
    return _show(request, me)


@router.post("/told/alerts/{alert_id}/{answer}")
def answer(request: Request, me: Claimer, alert_id: UUID, answer: Answer) -> Response:
    """Say ready or not me to a pre-alert."""
    reader, context = _reader(me), context_of(request)
    with transaction(context.engine, me.groups) as conn:
        alert = prealerting.answer(conn, alert_id, reader, ready=answer is Answer.READY)
        for one in notices.for_reader(conn, reader, context.now() - SINCE):
            if one.what.about == alert_id:
                notices.see(conn, one.id, me.name, context.now())
        note_act(
            conn, request, me, "pre-alert", object_id=alert_id, owner=alert.owner_group,
            act=answer.value,
        )  # fmt: skip
    return _show(request, me)


def _show(request: Request, me: Principal) -> Response:
    if "hx-request" not in request.headers and request.method == "POST":
        return RedirectResponse("/worklist", 303)
    context = context_of(request)
    now = context.now()
    with transaction(context.engine, me.groups) as conn:
        found = _latest(conn, me, context.now() - SINCE) if me.reader else []
        alerts = prealerting.for_reader(conn, me.reader, now) if me.reader else []
        first = asked_aside(conn, me.reader) if me.reader else []
    lines = [(one, line(one.what, now), why(one.what), one.what.level in LOUD) for one in found]
    return render(
        request, "parts/told.html", told=lines[:SHOWN], more=len(lines) - SHOWN, alerts=alerts,
        first=first, names=NAMES,
    )  # fmt: skip


def _latest(conn: Connection, me: Principal, since: datetime) -> list[Notice]:
    """The highest tier of each exam that is still open and still this reader's, earliest due first."""
    latest: dict[UUID, Notice] = {}
    for one in notices.for_reader(conn, _reader(me), since):
        if one.what.kind is not Kind.PREALERT:
            latest[one.what.about] = one
    found = {}
    for item in worklist.get_many(conn, [n.what.item for n in latest.values() if n.what.item]):
        mine = me.reader in (item.held_by, item.offered_to)
        chief = latest[item.id].what.role != ROLES[READER]
        if item.finished_at is None and (mine or chief):
            found[item.id] = item
    there = [one for one in latest.values() if one.what.item in found]
    return sorted(there, key=lambda n: (n.what.due_at is None, n.what.due_at or n.created_at))


def _reader(me: Principal) -> ReaderId:
    if me.reader is None:
        raise Refused("only a reader is told of exams here; sign in as one")
    return me.reader
