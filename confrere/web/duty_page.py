"""A reader's own presence: a small control in the worklist's header."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Refused
from confrere.kernel.principal import Principal
from confrere.network import rostering
from confrere.network.model import Reader
from confrere.network.presence import EARLY, Presence
from confrere.web.access import allow
from confrere.web.acts import note_act
from confrere.web.context import context_of
from confrere.web.rendering import render

Claimer = Annotated[Principal, Depends(allow(Permission.CLAIM))]
PART = "parts/duty.html"

router = APIRouter(default_response_class=HTMLResponse)


class Act(StrEnum):
    """What a reader may say."""

    SIGN_ON = "sign-on"
    PAUSE = "pause"
    RESUME = "resume"
    SIGN_OFF = "sign-off"


@router.get("/duty")
def duty(request: Request, me: Claimer) -> Response:
    """Show whether the reader counts as on duty."""
    if me.reader is None:
        return render(request, PART, reader=None, presence=None, shift=None, acts=())
    with transaction(context_of(request).engine, me.groups) as conn:
        known = rostering.reader(conn, me.reader, context_of(request).now())
    return _show(request, known)


@router.post("/duty/{act}")
def say(request: Request, me: Claimer, act: Act) -> Response:
    """Sign on, pause, resume or sign off, at the server's time."""
    if me.reader is None:
        raise Refused("only a reader signs on; sign in as one")
    with transaction(context_of(request).engine, me.groups) as conn:
        known = rostering.ACTS[act.value](conn, me.reader, context_of(request).now())
        note_act(conn, request, me, "duty", object_id=me.reader, action="E", act=act.value)
    if "hx-request" not in request.headers:
        return RedirectResponse("/worklist", 303)
    return _show(request, known)


def _show(request: Request, known: Reader) -> Response:
    now = context_of(request).now()
    stands = known.presence(now)
    shift = known.shift_at(now)
    soon = known.shift_at(now + EARLY) if shift is None else None
    return render(
        request, PART, reader=known, presence=stands.value, shift=shift or soon,
        acts=_acts(stands, early=soon is not None),
    )  # fmt: skip


def _acts(stands: Presence, *, early: bool) -> tuple[tuple[str, str], ...]:
    if stands is Presence.OFF:
        return ((Act.SIGN_ON, "Sign on"),) if early else ()
    if stands is Presence.PAUSED:
        return ((Act.RESUME, "Resume"), (Act.SIGN_OFF, "Sign off"))
    if stands in (Presence.SIGNED_OFF, Presence.NO_SHOW):
        return ((Act.SIGN_ON, "Sign on"),)
    first = () if stands is Presence.SIGNED_ON else ((Act.SIGN_ON, "Sign on"),)
    return (*first, (Act.PAUSE, "Pause"), (Act.SIGN_OFF, "Sign off"))
