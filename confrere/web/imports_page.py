"""Images from outside: a ZIP of a CD is uploaded, and each study given to a local patient."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import StringConstraints
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.files.folder import BlobStore
from confrere.identity.permissions import Permission
from confrere.imaging import importing
from confrere.imaging.corrections import By
from confrere.imaging.outside import BAD, CONFLICT, SKIPPED, Import, studies_in
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import SiteId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.web.access import allow
from confrere.web.acts import note_act, note_seen, show
from confrere.web.context import context_of
from confrere.web.images_found import candidates_outside, chosen_outside
from confrere.web.rendering import render

PAGE, BODY, ONE = "imports.html", "parts/imports_body.html", "parts/imports_one.html"
CHUNK = 1 << 20
MOST_SHOWN = 500
Importer = Annotated[Principal, Depends(allow(Permission.IMPORT_IMAGES))]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=128)]

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/imports")
def imports_page(request: Request, me: Importer) -> Response:
    """Show the imports and the upload."""
    with transaction(context_of(request).engine, me.groups) as conn:
        found = importing.listed(conn, me.group) if me.group else []
        sites = [one for one in network.sites(conn) if one.owner_group == me.group]
    return show(request, PAGE, BODY, imports=found, sites=sites)


@router.post("/imports/upload")
def upload(
    request: Request, me: Importer, file: UploadFile, site: Annotated[UUID, Form()],
    label: Annotated[Words, Form()] = "",
) -> Response:  # fmt: skip
    """Keep an uploaded ZIP, and have it read."""
    context = context_of(request)
    digest = _keep(context.blobs, file)
    with transaction(context.engine, me.groups) as conn:
        place = network.site(conn, SiteId(site))
        if me.group is None or place.owner_group != me.group:
            raise NotFound("There is no such site in your group.")
        by, now = By(me.name, me.user), context.now()
        made = importing.begin(conn, me.group, place.id, label, by, now, digest)
        note_act(conn, request, me, "import", object_id=made.id, action="C", act="uploaded")
    return RedirectResponse(f"/imports/{made.id}", 303)


@router.get("/imports/{import_id}")
def one_import(request: Request, me: Importer, import_id: UUID) -> Response:
    """Show whose images an import holds, what was taken in, and what could not be read."""
    return _show(request, me, import_id)


@router.post("/imports/{import_id}/targets")
def targets(
    request: Request, me: Importer, import_id: UUID, study: Annotated[Words, Form()],
    sought: Annotated[Words, Form()] = "",
) -> Response:  # fmt: skip
    """Suggest local patients and orders for a study of an import."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        found = _own(conn, me, import_id)
        said = _said(conn, found, study)
        likely = candidates_outside(conn, found.owner_group, said, sought)
        note_seen(conn, request, me, "patient search", now=context.now(), found=len(likely))
    return render(
        request, "parts/imports_targets.html", targets=likely, found=found, study=study
    )


@router.post("/imports/{import_id}/take")
def take(
    request: Request, me: Importer, import_id: UUID, study: Annotated[Words, Form()],
    to: Annotated[Words, Form()] = "", checked: Annotated[Words, Form()] = "",
) -> Response:  # fmt: skip
    """Take a study in under the local patient, and order, that a person chose."""
    context = context_of(request)
    if checked != "yes":
        raise Invalid("Compare name, birth date and sex, then confirm that you did.", "checked")
    with transaction(context.engine, me.groups) as conn:
        found = _own(conn, me, import_id)
        target = chosen_outside(conn, found.owner_group, to)
        if target.patient is None:
            raise Invalid("choose the patient", "to")
        by = By(me.name, me.user)
        importing.take_in(conn, found, study, target.patient, target.order, by)
        note_act(
            conn, request, me, "import", object_id=found.id, patient=target.patient.id,
            act="patient chosen",
        )  # fmt: skip
    return _show(request, me, import_id, f"Being taken in for {target.title}.")


def _keep(blobs: BlobStore, file: UploadFile) -> bytes:
    incoming = blobs.begin()
    try:
        while piece := file.file.read(CHUNK):
            incoming.write(piece)
    except BaseException:
        incoming.discard()
        raise
    if not incoming.size:
        incoming.discard()
        raise Invalid("choose the ZIP file", "file")
    return incoming.keep()


def _said(conn: Connection, found: Import, study: str) -> dict[str, str]:
    for one in studies_in(importing.files_of(conn, found.id)):
        if one.study_uid == study:
            return one.said
    raise NotFound("no such study in this import; reload the page")


def _show(request: Request, me: Principal, key: UUID, said: str = "") -> Response:
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        found = _own(conn, me, key)
        files = importing.files_of(conn, key)
        note_seen(conn, request, me, "import", now=context.now(), object_id=key)
    left = [one for one in files if one.state in (BAD, CONFLICT, SKIPPED)]
    left.sort(key=lambda one: one.state == SKIPPED)
    return show(
        request, PAGE, ONE, said=said, found=found, read=len(files),
        studies=studies_in(files), left=left[:MOST_SHOWN], more=len(left) - MOST_SHOWN,
    )  # fmt: skip


def _own(conn: Connection, me: Principal, key: UUID) -> Import:
    found = importing.get(conn, key)
    if me.group is None or found.owner_group != me.group:
        raise NotFound("no such import; reload the list")
    return found
