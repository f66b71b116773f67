"""The rules of eligibility as data: what each cites, who owns it, when it is in force."""

from dataclasses import replace
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import NotFound
from confrere.kernel.principal import Principal
from confrere.network import credentialing
from confrere.network import service as network
from confrere.network.credentials import day_of
from confrere.network.fields import DAY, TEXT, Field
from confrere.network.rules import BUILT_IN
from confrere.web import directory_asked as asked
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.context import context_of
from confrere.web.credential_scope import Typed, recorded_by

PAGE, PART = "network.html", "parts/rules_body.html"
Member = Annotated[Principal, Depends(allow(Permission.READ_DIRECTORY))]
Owner = Annotated[Principal, Depends(allow(Permission.MANAGE_RULES))]

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/network/rules")
def rules(request: Request, me: Member) -> Response:
    """Show every rule."""
    return _show(request, me)


@router.post("/network/rules/{code}")
def change(request: Request, me: Owner, code: str, form: Typed) -> Response:
    """Change a rule's source, owner and dates; exams are judged by it within seconds."""
    context = context_of(request)
    first: date = asked.read(form, Field("effective_from", "In force from", DAY, required=True))
    last: date | None = asked.read(form, Field("effective_to", "To", DAY))
    with transaction(context.engine, me.groups) as conn:
        known = {one.code: one for one in network.rules(conn, context.now())}
        if code not in known:
            raise NotFound("no such rule")
        changed = replace(
            known[code],
            cites=asked.read(form, Field("cites", "Source", TEXT, required=True)),
            owner=asked.read(form, Field("owner", "Owner", TEXT, required=True)),
            effective_from=first,
            effective_to=last,
        )
        credentialing.change_rule(conn, changed, recorded_by(request, me))
        note_act(
            conn, request, me, "rule", code=code, effective_from=str(first),
            effective_to=str(last or ""),
        )  # fmt: skip
    return _show(request, me, f"{code} is changed; what it was is kept.")


def _show(request: Request, me: Principal, said: str = "") -> Response:
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        known = network.rules(conn, context.now())
    today = day_of(context.now())
    built = {one.code: one for one in BUILT_IN}
    rows = [(one, one.in_force(today), one != built[one.code]) for one in known]
    return show(request, PAGE, PART, said=said, tab="rules", rows=rows)
