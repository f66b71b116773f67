"""What was told to whom about which exam, why, and whether it went."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.notices import service as notices
from confrere.notices.model import FAILED, QUEUED, SEEN, SENT, WITHDRAWN, Channel
from confrere.notices.wording import line, why
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.context import context_of

MOST_ROWS = 200
PAGE, BODY = "notices.html", "parts/notices_body.html"
STATES = (
    (FAILED, "Failed"), (QUEUED, "Waiting"), (SENT, "Sent"), (SEEN, "Seen"),
    (WITHDRAWN, "Withdrawn"),
)  # fmt: skip
WAYS = {
    Channel.PRODUCT: "Worklist", Channel.MAIL: "Mail", Channel.SMS: "SMS", Channel.VOICE: "Call",
}  # fmt: skip
Looker = Annotated[Principal, Depends(allow(Permission.READ_NOTICES))]
Keeper = Annotated[Principal, Depends(allow(Permission.MANAGE_NOTICES))]
State = Annotated[str, Query(max_length=16)]
StateField = Annotated[str, Form(max_length=16)]

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/notices")
def told(request: Request, me: Looker, state: State = "") -> Response:
    """Show what was told, newest first."""
    return _show(request, me, state)


@router.post("/notices/{notice_id}/seen")
def acknowledge(
    request: Request, me: Keeper, notice_id: UUID, state: StateField = ""
) -> Response:
    """Note that the person has it, as by telephone: nothing more is sent to them about it."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        one = notices.see(conn, notice_id, me.name, context.now())
        note_act(
            conn, request, me, "notice", object_id=notice_id, owner=one.what.owner_group,
            act="acknowledged",
        )  # fmt: skip
    return _show(
        request, me, state, f"Acknowledged for {one.what.name}: nothing louder follows until "
        "it is overdue.",
    )  # fmt: skip


@router.post("/notices/{notice_id}/again")
def again(request: Request, me: Keeper, notice_id: UUID, state: StateField = "") -> Response:
    """Send a failed notice again."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        notices.send_again(conn, notice_id, context.now())
        note_act(conn, request, me, "notice", object_id=notice_id, act="send again")
    return _show(request, me, state, "The notice is sent again now.")


def _show(request: Request, me: Principal, state: str, said: str = "") -> Response:
    context = context_of(request)
    chosen = [state] if state in dict(STATES) else []
    with transaction(context.engine, me.groups) as conn:
        counts = notices.counts(conn)
        found = notices.history(conn, chosen, MOST_ROWS)
        groups = {one.id: one for one in network.groups(conn)}
    settings = context.settings
    rows = [
        (one, line(one.what, one.sent_at or one.created_at), why(one.what),
         groups[one.what.to_group].name if one.what.to_group in groups else "")
        for one in found
    ]  # fmt: skip
    return show(
        request, PAGE, BODY, said=said, tab="told", state=state if chosen else "", rows=rows,
        counts=counts, labels=dict(STATES), ways=WAYS, clipped=len(rows) == MOST_ROWS,
        filters=[(name, label, counts.get(name, 0)) for name, label in STATES],
        mail=bool(settings.mail_host), gateway=bool(settings.gateway_url), channels=Channel,
    )  # fmt: skip
