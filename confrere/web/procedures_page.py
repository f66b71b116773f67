"""The procedure map: what each site's codes mean, how much of its orders that types."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import NotFound
from confrere.kernel.ids import SiteId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network.model import Site
from confrere.orders import service as orders
from confrere.orders.model import Coverage, Procedure
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.context import context_of
from confrere.web.procedure_form import Meaning, choices, read_meaning
from confrere.web.spreadsheet import Table, download

PAGE, PART = "exceptions.html", "parts/procedures_body.html"
WINDOW = timedelta(days=90)  # the orders that coverage counts
Reader = Annotated[Principal, Depends(allow(Permission.READ_EXCEPTIONS))]
Mender = Annotated[Principal, Depends(allow(Permission.RESOLVE_EXCEPTIONS))]

router = APIRouter(default_response_class=HTMLResponse)


@dataclass(frozen=True, slots=True)
class SiteMap:
    """A site, its lines, and what share of its last orders they type."""

    site: Site
    lines: tuple[Procedure, ...]
    covered: Coverage


@router.get("/procedures")
def procedures(request: Request, me: Reader) -> Response:
    """Show every line by site."""
    return _show(request, me)


@router.post("/procedures")
def change(request: Request, me: Mender, said: Annotated[Meaning, Form()]) -> Response:
    """Add or change a line; the open orders of its code are typed again."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        site = network.site(conn, SiteId(said.site))
        if site.owner_group != me.group:
            raise NotFound("There is no such site in your group.")
        line = read_meaning(said, site.owner_group)
        typed = orders.change_map(conn, [line], context.now())
        note_act(
            conn, request, me, "procedure map", object_id=site.id, action="U",
            code=line.code, subspecialty=line.subspecialty, orders=typed,
        )  # fmt: skip
    return _show(request, me, f"{line.code} is saved; open orders typed again: {typed}.")


@router.post("/procedures/{site_id}/remove")
def remove(
    request: Request, me: Mender, site_id: UUID, code: Annotated[str, Form(max_length=64)]
) -> Response:
    """Remove a line; from now on its code is unknown."""
    with transaction(context_of(request).engine, me.groups) as conn:
        site = network.site(conn, SiteId(site_id))
        orders.forget(conn, site.owner_group, site.id, code)
        note_act(conn, request, me, "procedure map", object_id=site.id, action="D", code=code)
    return _show(
        request, me, f"{code} is removed. New orders with it wait under Unknown codes."
    )


@router.get("/procedures/map.csv")
def export(request: Request, me: Reader) -> Response:
    """Download the maps of the group's sites."""
    rows = tuple(
        (
            one.site.code, line.code, line.text, line.modality, line.body_region, line.contrast,
            line.subspecialty, "yes" if line.advanced else "no", line.minutes,
            str(line.wrvu) if line.wrvu is not None else "", ", ".join(line.certificates),
            line.child_below or "", line.child_subspecialty,
        )
        for one in _maps(request, me)
        for line in one.lines
    )  # fmt: skip
    heads = (
        "site", "code", "text", "modality", "body region", "contrast", "subspecialty",
        "advanced", "minutes", "wRVU", "certificates", "child below", "child subspecialty",
    )  # fmt: skip
    return download(Table("procedure-map", "Procedure map", heads, rows), [])


def _maps(request: Request, me: Principal) -> list[SiteMap]:
    context = context_of(request)
    if me.group is None:
        return []
    with transaction(context.engine, me.groups) as conn:
        lines = orders.procedures(conn, me.group)
        covered = orders.coverage(conn, me.group, context.now() - WINDOW)
        sites = [one for one in network.sites(conn) if one.owner_group == me.group]
    share = {one.site: one for one in covered}
    return [
        SiteMap(
            site, tuple(one for one in lines if one.site == site.id),
            share.get(site.id, Coverage(site.id, 0, 0)),
        )
        for site in sites
    ]  # fmt: skip


def _show(request: Request, me: Principal, said: str = "") -> Response:
    maps = _maps(request, me)
    known = [line for one in maps for line in one.lines]
    return show(request, PAGE, PART, said=said, maps=maps, days=WINDOW.days, **choices(known))
