"""What Confrere does for one site, and which system is its archive."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, StringConstraints
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid, NotFound, Refused
from confrere.kernel.ids import SiteId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network import serving
from confrere.network.model import Site
from confrere.network.site_services import SiteServices
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.context import context_of

Looker = Annotated[Principal, Depends(allow(Permission.READ_DELIVERY))]
Keeper = Annotated[Principal, Depends(allow(Permission.MANAGE_PEERS))]
Word = Annotated[str, StringConstraints(strip_whitespace=True, max_length=16)]

router = APIRouter(default_response_class=HTMLResponse)


class Asked(BaseModel):
    """The switches as they were set; what is absent is off."""

    worklist: Word = ""
    performed: Word = ""
    archive: Word = ""
    commitment: Word = ""
    cache_days: Word = ""
    confirm: Word = ""


@router.get("/sites/{site_id}/services")
def services(request: Request, me: Looker, site_id: UUID) -> Response:
    """Show what Confrere does for a site of the own group."""
    return _show(request, me, SiteId(site_id))


@router.post("/sites/{site_id}/services")
def switch(
    request: Request, me: Keeper, site_id: UUID, asked: Annotated[Asked, Form()]
) -> Response:
    """Switch what Confrere does for a site; a new archive has to be confirmed."""
    if me.group is None:
        raise Refused("only the group that owns a site may switch its services")
    with transaction(context_of(request).engine, me.groups) as conn:
        site = _own(conn, me, SiteId(site_id))
        new = SiteServices(
            me.group, site.id, worklist=asked.worklist == "yes",
            archive=asked.archive == "confrere", cache_days=_days(asked),
            commitment=asked.commitment == "yes", performed=asked.performed == "yes",
        )  # fmt: skip
        before = serving.switch(conn, new, confirmed=asked.confirm == "yes")
        note_act(
            conn, request, me, "site", object_id=site.id, act="services switched",
            changes=_changes(before, new),
        )  # fmt: skip
    return _show(request, me, site.id, "Saved: the doors follow within two seconds.")


def _days(asked: Asked) -> int | None:
    if not asked.cache_days:
        return None
    if not (asked.cache_days.isascii() and asked.cache_days.isdigit()):
        raise Invalid("Give the days as a number, or leave them empty.", "cache_days")
    return int(asked.cache_days)


def _changes(before: SiteServices, new: SiteServices) -> str:
    """What the audit trail keeps: each switch that changed, and to what."""
    told = {
        "worklist": (before.worklist, new.worklist),
        "performed steps": (before.performed, new.performed),
        "commitment": (before.commitment, new.commitment),
    }
    words = {name: "on" if now else "off" for name, (was, now) in told.items() if was != now}
    if before.archive != new.archive:
        words["archive"] = "Confrere" if new.archive else "the site's PACS"
    if before.cache_days != new.cache_days:
        words["cache days"] = str(new.cache_days or "no limit")
    return "; ".join(f"{name}: {value}" for name, value in words.items())


def _own(conn: Connection, me: Principal, site_id: SiteId) -> Site:
    site = network.site(conn, site_id)
    if site.owner_group != me.group:
        raise NotFound("no such site in your group")
    return site


def _show(request: Request, me: Principal, site_id: SiteId, said: str = "") -> Response:
    with transaction(context_of(request).engine, me.groups) as conn:
        site = _own(conn, me, site_id)
        found = serving.services(conn).get(site.id)
    part = "parts/services.html"
    return show(
        request, "services.html", part, said=said, site=site,
        settings=context_of(request).settings,
        switches=found or SiteServices(site.owner_group, site.id),
    )  # fmt: skip
