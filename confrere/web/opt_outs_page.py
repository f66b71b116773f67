"""What a group keeps at home, whatever its agreements say."""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, StringConstraints

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import SiteId
from confrere.kernel.principal import Principal
from confrere.network import opt_outs
from confrere.network import service as network
from confrere.network.model import OptOut
from confrere.network.wall_time import local_day
from confrere.orders.priorities import NAMES
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.agreement_asked import MODALITIES, read_id
from confrere.web.agreement_words import kept
from confrere.web.agreements_page import by
from confrere.web.context import context_of

NEW = UUID(int=0)  # the database gives the real id
ONE_DAY = timedelta(days=1)
Party = Annotated[Principal, Depends(allow(Permission.MANAGE_AGREEMENTS))]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]

router = APIRouter(default_response_class=HTMLResponse)


class Asked(BaseModel):
    """An opt-out as it was typed; what is left empty matches anything."""

    site: Text = ""
    subspecialty: Text = ""
    modality: Text = ""
    procedure: Text = ""
    priority: Text = ""
    reason: Text = ""
    starts_on: Text = ""
    ends_on: Text = ""


@router.get("/network/opt-outs")
def page(request: Request, me: Party) -> Response:
    """Show what the own group keeps at home."""
    return _show(request, me)


@router.post("/network/opt-outs")
def keep(request: Request, me: Party, asked: Annotated[Asked, Form()]) -> Response:
    """Keep a class of exams at home."""
    owner = by(me).group
    new = OptOut(
        NEW, owner, _date(asked.starts_on, "starts_on"),
        _date(asked.ends_on, "ends_on") if asked.ends_on else None,
        SiteId(read_id(asked.site, "site")) if asked.site else None, asked.subspecialty, asked.modality,
        asked.procedure, asked.priority, asked.reason, me.name,
    )  # fmt: skip
    with transaction(context_of(request).engine, me.groups) as conn:
        made = opt_outs.keep_home(conn, new)
        note_act(conn, request, me, "opt-out", object_id=made, action="C", act="kept home")
    return _show(request, me, "Kept at home. Offers to other groups are taken back in seconds.")


@router.post("/network/opt-outs/{opt_out}/end")
def let_go(request: Request, me: Party, opt_out: UUID) -> Response:
    """Let other groups read them again, as agreements say."""
    owner, context = by(me).group, context_of(request)
    with transaction(context.engine, me.groups) as conn:
        zone = next(one.time_zone for one in network.groups(conn) if one.id == owner)
        opt_outs.let_go(conn, opt_out, owner, local_day(context.now(), zone) - ONE_DAY)
        note_act(conn, request, me, "opt-out", object_id=opt_out, act="let go")
    return _show(request, me, "Agreements decide on these exams again.")


def _show(request: Request, me: Principal, said: str = "") -> Response:
    owner, context = by(me).group, context_of(request)
    with transaction(context.engine, me.groups) as conn:
        directory = network.directory(conn, context.now())
        found = opt_outs.of_group(conn, owner)
    today = local_day(context.now(), directory.groups[owner].time_zone)
    reads = {one for reader in directory.readers.values() for one in reader.subspecialties}
    return show(
        request, "agreement.html", "parts/opt_outs.html", said=said, today=today,
        rows=[(one, kept(one, directory.sites), _stands(one, today)) for one in found],
        sites=sorted(
            (one for one in directory.sites.values() if one.owner_group == owner),
            key=lambda one: one.name,
        ),
        subspecialties=sorted(reads), modalities=MODALITIES, priorities=NAMES,
    )  # fmt: skip


def _stands(one: OptOut, today: date) -> str:
    if one.starts_on > today:
        return "to come"
    return "over" if one.ends_on is not None and one.ends_on < today else "in force"


def _date(typed: str, field: str) -> date:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise Invalid("give the day as 2026-11-24", field) from None
