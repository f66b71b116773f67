"""What each reader's file lacks at each site, and which readers a site has excluded."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import ReaderId, SiteId
from confrere.kernel.principal import Principal
from confrere.network import credentialing
from confrere.network import service as network
from confrere.network.credentials import BY_SITE, Exclusion, day_of
from confrere.network.model import Directory, Reader, Site
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.context import context_of
from confrere.web.credential_scope import Typed, groups_of, keeps_all, recorded_by, scope_of
from confrere.worklist.packets import Gap, gaps, sites_read

PAGE, PART = "network.html", "parts/packets_body.html"
Keeper = Annotated[Principal, Depends(allow(Permission.MANAGE_CREDENTIALS))]

router = APIRouter(default_response_class=HTMLResponse)


@dataclass(frozen=True, slots=True)
class Matrix:
    """One group's readers by the sites they read for."""

    title: str
    sites: tuple[Site, ...]
    rows: tuple[tuple[Reader, tuple[tuple[Gap, ...] | None, ...]], ...]


@router.get("/network/packets")
def packets(request: Request, me: Keeper) -> Response:
    """Show the matrix of gaps."""
    return _show(request, me)


@router.post("/network/exclusions")
def exclude(request: Request, me: Keeper, form: Typed) -> Response:
    """Keep a reader, of whatever group, from one of the own group's sites."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        directory = network.directory(conn, context.now())
    reader = next((r for r in directory.readers if str(r) == form.get("reader")), None)
    site = next((s for s in _own_sites(directory, me) if str(s.id) == form.get("site")), None)
    if reader is None:
        raise Invalid("choose the reader", "reader")
    if site is None:
        raise Invalid("choose one of your sites", "site")
    made = Exclusion(ReaderId(reader), BY_SITE, site=SiteId(site.id))
    with transaction(context.engine, scope_of(me, site.owner_group)) as conn:
        credentialing.exclude(conn, site.owner_group, made, recorded_by(request, me))
        note_act(
            conn, request, me, "credential", object_id=reader, owner=site.owner_group,
            act="reader excluded by a site",
        )  # fmt: skip
    return _show(request, me, "Excluded. Offers of that site are taken back in seconds.")


@router.post("/network/exclusions/{exclusion_id}/end")
def end(request: Request, me: Keeper, exclusion_id: UUID) -> Response:
    """Withdraw an exclusion."""
    context = context_of(request)
    with transaction(context.engine, groups_of(request, me)) as conn:
        credentialing.end_exclusion(conn, exclusion_id, context.now())
        note_act(conn, request, me, "credential", object_id=exclusion_id, act="exclusion ended")
    return _show(request, me, "The exclusion is withdrawn.")


def _own_sites(directory: Directory, me: Principal) -> list[Site]:
    return [
        one for one in directory.sites.values() if keeps_all(me) or one.owner_group == me.group
    ]


def _show(request: Request, me: Principal, said: str = "") -> Response:
    context = context_of(request)
    with transaction(context.engine, groups_of(request, me)) as conn:
        directory = network.directory(conn, context.now())
        barred = [
            (key, one) for key, one in credentialing.exclusions(conn) if one.site is not None
        ]
    day = day_of(context.now())
    shown = [g for g in directory.groups.values() if keeps_all(me) or g.id == me.group]
    matrices = []
    for group in shown:
        sites = tuple(sites_read(group.id, directory.sites.values(), directory.agreements))
        staff = [r for r in directory.readers.values() if r.group == group.id and r.active]
        rows = tuple((r, tuple(gaps(r, s, day) for s in sites)) for r in staff)
        matrices.append(Matrix(group.name, sites, rows))
    return show(
        request, PAGE, PART, said=said, tab="packets", matrices=matrices, barred=barred,
        directory=directory, own_sites=_own_sites(directory, me),
    )  # fmt: skip
