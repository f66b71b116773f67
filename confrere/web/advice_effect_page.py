"""What advice came to: shown, accepted, overridden, exams avoided, and how exams repeat."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response

from confrere.advice import service as advice
from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.web.access import allow
from confrere.web.acts import show
from confrere.web.advice_page import PAGE, group_of
from confrere.web.context import context_of

PART = "parts/advice_effect.html"
PERIODS = (30, 90, 365)
Viewer = Annotated[Principal, Depends(allow(Permission.READ_EFFECT))]

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/advice/effect")
def effect_page(
    request: Request, me: Viewer, days: Annotated[int, Query(ge=1, le=1100)] = 365
) -> Response:
    """Show the effect of the own group, or of the own hospital."""
    context = context_of(request)
    until = context.now() + timedelta(minutes=1)  # what was shown just now counts
    with transaction(context.engine, me.groups) as conn:
        found = advice.effect(conn, group_of(me), me.site, until - timedelta(days=days), until)
        site = network.site(conn, me.site) if me.site else None
    total = {
        name: sum(getattr(one, name) for one in found.tallies)
        for name in ("shown", "accepted", "overridden", "undecided", "cancelled", "changed")
    }
    return show(
        request, PAGE, PART, tab="effect", effect=found, total=total, days=days,
        periods=PERIODS, site=site, most=max((t.shown for t in found.tallies), default=1),
    )  # fmt: skip
