"""Gateways at hospitals: enrol one, see how it does, replace its machine, revoke it."""

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
from confrere.network import gatewaying
from confrere.network import service as network
from confrere.network.gateways import CODE_HOURS, GatewayId
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.context import context_of

Looker = Annotated[Principal, Depends(allow(Permission.READ_DELIVERY))]
Keeper = Annotated[Principal, Depends(allow(Permission.MANAGE_PEERS))]

router = APIRouter(default_response_class=HTMLResponse)


class Asked(BaseModel):
    """A gateway as it was typed."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]
    site: UUID
    downtime: Annotated[str, StringConstraints(max_length=8)] = (
        ""  # yes: readers may read there
    )


@router.get("/network/gateways")
def gateways(request: Request, me: Looker) -> Response:
    """Show the own group's gateways."""
    return _show(request, me)


@router.post("/network/gateways")
def add(request: Request, me: Keeper, asked: Annotated[Asked, Form()]) -> Response:
    """Add a gateway and show its one-time code."""
    context = context_of(request)
    if me.group is None:
        raise Invalid("Gateways belong to a group; sign in with a group's account.", "group")
    with transaction(context.engine, me.groups) as conn:
        made, code = gatewaying.add(
            conn, me.group, SiteId(asked.site), asked.name, me.name, context.now(),
            context.random,
        )  # fmt: skip
        if asked.downtime == "yes":
            gatewaying.let_read(conn, made, on=True)
        note_act(
            conn, request, me, "gateway", object_id=made, action="C", act="added",
            downtime=asked.downtime or "no",
        )  # fmt: skip
    return _show(request, me, f"{asked.name} is added.", name=asked.name, code=code)


@router.post("/network/gateways/{key}/code")
def renew(request: Request, me: Keeper, key: UUID) -> Response:
    """Make a new code: the machine is replaced, or the code lapsed."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        known = gatewaying.get(conn, GatewayId(key))
        code = gatewaying.renew_code(conn, known.id, context.now(), context.random)
        note_act(conn, request, me, "gateway", object_id=known.id, act="new code")
    return _show(request, me, f"{known.name} has a new code.", name=known.name, code=code)


@router.post("/network/gateways/{key}/downtime")
def let_read(
    request: Request, me: Keeper, key: UUID, on: Annotated[str, Form(max_length=8)] = ""
) -> Response:
    """Let the group's readers read there while we cannot be reached, or no more."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        known = gatewaying.let_read(conn, GatewayId(key), on=on == "yes")
        act = "reading in downtime switched on" if known.downtime else "switched off"
        note_act(conn, request, me, "gateway", object_id=known.id, act=act)
    told = "may read" if known.downtime else "may read no more"
    return _show(
        request, me, f"Your readers {told} at {known.name} while the centre cannot be reached. "
        "The gateway learns it when it calls next.",
    )  # fmt: skip


@router.post("/network/gateways/{key}/revoke")
def revoke(request: Request, me: Keeper, key: UUID) -> Response:
    """Take a gateway's token away, for good."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        known = gatewaying.revoke(conn, GatewayId(key), context.now())
        note_act(conn, request, me, "gateway", object_id=known.id, act="revoked")
    return _show(request, me, f"{known.name} is revoked: what it holds stays there, unsent.")


def _show(
    request: Request, me: Principal, said: str = "", *, name: str = "", code: str = ""
) -> Response:
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        listed = gatewaying.listed(conn)
        sites = {site.id: site for site in network.sites(conn)}
    now = context.now()
    return show(
        request, "network.html", "parts/network_gateways.html", said=said, tab="gateways",
        gateways=[(one, one.state(now)) for one in listed], sites=sites, code=code, coded=name,
        own_sites=[site for site in sites.values() if site.owner_group == me.group],
        hours=CODE_HOURS, address=context.settings.page_address,
    )  # fmt: skip
