"""A site's own cleared viewer: recorded by its group, launched by its readers through a file."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid, NotFound, Refused
from confrere.kernel.ids import SiteId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network import viewing
from confrere.network.credentials import day_of
from confrere.network.model import Viewing
from confrere.web.access import allow
from confrere.web.acts import note_act
from confrere.web.context import context_of
from confrere.web.credential_scope import Typed
from confrere.web.network_page import show_places
from confrere.web.study_exam import gather, look, note_looked
from confrere.web.study_links import launch_file

Keeper = Annotated[Principal, Depends(allow(Permission.MANAGE_PEERS))]
Viewer = Annotated[Principal, Depends(allow(Permission.READ_IMAGES))]

router = APIRouter(default_response_class=HTMLResponse)


@router.post("/network/sites/{site_id}/viewer")
def record(request: Request, me: Keeper, site_id: UUID, form: Typed) -> Response:
    """Record how a site's own viewer is launched, and the clearance of ours for it."""
    if me.group is None:
        raise Refused("only the group that owns a site may say which viewer it uses")
    new = Viewing(
        form.get("url", ""), form.get("launch_name", ""), form.get("launch_text", ""),
        _day(form.get("cleared_on", "")),
    )  # fmt: skip
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        viewing.set_viewing(conn, me.group, SiteId(site_id), new, day_of(context.now()))
        name = network.site(conn, SiteId(site_id)).name
        note_act(
            conn, request, me, "site", object_id=site_id, act="viewer recorded",
            cleared_on=str(new.cleared_on or ""),
        )  # fmt: skip
    return show_places(request, me, f"The viewer of {name} is recorded.")


@router.get("/items/{item_id}/launch")
def launch(request: Request, me: Viewer, item_id: UUID) -> Response:
    """Hand out the file that opens the exam in the site's own viewer."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        found = look(conn, me, item_id, context.now())
        site, item = found.standing.site, found.standing.item
        if not site.launch_name or not found.standing.knows_patient:
            raise NotFound("no launch file for this exam")
        exam = gather(conn, found)
        note_looked(conn, context.audit_key, found, exam, "web")
    uid = exam.studies[0].study_uid if exam.studies else ""
    text = launch_file(site.launch_name, site.launch_text, uid, item.accessions)
    return Response(
        text, media_type="application/octet-stream",
        headers={"content-disposition": f'attachment; filename="{site.launch_name}"'},
    )  # fmt: skip


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise Invalid("write the date as 2026-11-24", "cleared_on") from error
