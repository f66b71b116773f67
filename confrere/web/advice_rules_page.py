"""How recent counts, and the rules of appropriateness: as data that the group keeps."""

from dataclasses import replace
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, Response

from confrere.advice import service as advice
from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.principal import Principal
from confrere.network.fields import DAY, TEXT, WHOLE, Field
from confrere.orders import appropriateness_rules, similar
from confrere.orders.rule_files import RulePlan, read_rules
from confrere.web import directory_asked as asked
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.advice_page import PAGE, group_of
from confrere.web.context import context_of
from confrere.web.credential_scope import Typed

PART = "parts/advice_rules.html"
MOST_BYTES = 2 << 20
Looker = Annotated[Principal, Depends(allow(Permission.READ_ADVICE))]
Keeper = Annotated[Principal, Depends(allow(Permission.MANAGE_ADVICE))]

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/advice/rules")
def rules_page(request: Request, me: Looker) -> Response:
    """Show windows and rules."""
    return _show(request, me)


@router.post("/advice/windows/{code}")
def change_window(request: Request, me: Keeper, code: str, form: Typed) -> Response:
    """Change how many days an exam counts as recent."""
    context, group = context_of(request), group_of(me)
    days: int = asked.read(form, Field("days", "Days", WHOLE, required=True))
    cites, owner, first, last = _dated(form)
    with transaction(context.engine, me.groups) as conn:
        known = {one.code: one for one in advice.windows(conn, group)}
        if code not in known:
            raise NotFound("no such window")
        new = replace(
            known[code], days=days, cites=cites, owner=owner, effective_from=first,
            effective_to=last, same_contrast="same_contrast" in form,
        )  # fmt: skip
        advice.change_window(conn, group, new, me.name, context.now())
        note_act(conn, request, me, "advice window", code=code, days=days)
    return _show(request, me, f"{code} is changed; what it was is kept.")


@router.post("/advice/rules/load")
def load(
    request: Request, me: Keeper, file: UploadFile,
    origin: Annotated[str, Form(max_length=80)] = "", act: Annotated[str, Form()] = "check",
) -> Response:  # fmt: skip
    """Check a file of rules row by row; with `act` load, keep all of them or none."""
    content = file.file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Invalid(f"the file is over {MOST_BYTES >> 20} MB; split it", "file")
    if not origin.strip():
        raise Invalid("name the set, as its licence does", "origin")
    plan = read_rules(content, origin.strip())
    if act != "load" or plan.problems:
        return _show(request, me, plan=plan)
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        number = advice.load_rules(conn, group_of(me), plan.rules, me.name, context.now())
        note_act(conn, request, me, "advice rule", act="loaded", rows=number)
    same = len(plan.rules) - number
    return _show(request, me, f"Loaded: {number} new or changed, {same} as they were.")


@router.post("/advice/rules/{code}")
def change_rule(request: Request, me: Keeper, code: str, form: Typed) -> Response:
    """Change a rule's source, owner and dates; it gets its next version."""
    context, group = context_of(request), group_of(me)
    cites, owner, first, last = _dated(form)
    with transaction(context.engine, me.groups) as conn:
        known = {one.code: one for one in advice.rules(conn, group)}
        if code not in known:
            raise NotFound("no such rule")
        new = replace(
            known[code], cites=cites, owner=owner, effective_from=first, effective_to=last
        )
        changed = advice.change_rule(conn, group, new, me.name, context.now())
        note_act(conn, request, me, "advice rule", code=code, version=changed.version)
    return _show(request, me, f"{code} is now version {changed.version}; what it was is kept.")


def _dated(form: asked.Form) -> tuple[str, str, date, date | None]:
    return (
        asked.read(form, Field("cites", "Source", TEXT, required=True)),
        asked.read(form, Field("owner", "Owner", TEXT, required=True)),
        asked.read(form, Field("effective_from", "In force from", DAY, required=True)),
        asked.read(form, Field("effective_to", "To", DAY)),
    )


def _show(
    request: Request, me: Principal, said: str = "", plan: RulePlan | None = None
) -> Response:
    context, group = context_of(request), group_of(me)
    with transaction(context.engine, me.groups) as conn:
        windows, rules = advice.windows(conn, group), advice.rules(conn, group)
    today = context.now().date()
    built = {one.code: one for one in (*similar.BUILT_IN, *appropriateness_rules.BUILT_IN)}
    return show(
        request, PAGE, PART, said=said, tab="rules", plan=plan, today=today,
        windows=windows, rules=rules, built=built,
    )  # fmt: skip
