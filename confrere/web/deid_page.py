"""De-identified exports: ask for one, allow it, follow it, fetch its file."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from pydantic import BaseModel, StringConstraints
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.files.folder import CHUNK, BlobStore
from confrere.identity.permissions import Permission
from confrere.imaging import deid_exports
from confrere.imaging import service as imaging
from confrere.imaging.confidentiality import CODES, Options
from confrere.imaging.deid_model import MOST_STUDIES
from confrere.imaging.model import StudiesSought, Study, StudyNumber
from confrere.kernel.errors import Invalid, Refused
from confrere.kernel.ids import GroupId, PeerId, StudyId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.context import context_of

PAGE, PART, ONE = "deid.html", "parts/deid_body.html", "parts/deid_one.html"
Asker = Annotated[Principal, Depends(allow(Permission.ASK_DEIDENTIFIED))]
Releaser = Annotated[Principal, Depends(allow(Permission.RELEASE_DEIDENTIFIED))]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Lines = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000)]
Chosen = Annotated[list[UUID], Query(max_length=MOST_STUDIES)]
# what the form offers, in words; the dates are one choice of three
OFFERED = {
    "pixels": "Black out where text is burned in",
    "faces": "Hold images of the head (faces)",
    "descriptors": "Keep descriptions, cleaned",
    "content": "Keep structured reports, cleaned and reviewed",
    "graphics": "Keep annotations, cleaned",
    "patient": "Keep age, sex, size and weight",
    "device": "Keep the device's identity",
    "institution": "Keep the institution",
    "private": "Keep safe private attributes",
}

router = APIRouter(default_response_class=HTMLResponse)


class Asked(BaseModel):
    """The form as it was filled in."""

    project: Line = ""
    purpose: Line = ""
    dates: Line = "none"
    options: list[str] = []
    studies: list[UUID] = []
    accessions: Lines = ""


@router.get("/deidentified")
def exports(request: Request, me: Asker, study: Chosen = []) -> Response:  # noqa: B006 - read
    """Show the form, with the studies one came with, and the group's exports."""
    return _show(request, me, chosen=study)


@router.post("/deidentified")
def ask(request: Request, me: Asker, asked: Annotated[Asked, Form()]) -> Response:
    """Ask for an export."""
    group = _group(me)
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        studies = [*(StudyId(one) for one in asked.studies), *_by_accession(conn, group, asked)]
        made = deid_exports.ask(
            conn, group, studies, asked.project, asked.purpose, _options(asked), me.name,
            context.now(),
        )  # fmt: skip
        note_act(
            conn, request, me, "de-identified export", object_id=made, action="C",
            studies=len(set(studies)), purpose=asked.purpose[:100],
        )  # fmt: skip
    return _show(request, me, said="Asked. A manager of your group is to allow it.")


@router.get("/deidentified/{export_id}")
def one(request: Request, me: Asker, export_id: UUID) -> Response:
    """Show one export: what it came to and what waits for a person."""
    return show_one(request, me, export_id)


@router.post("/deidentified/{export_id}/allow")
def allow_one(request: Request, me: Releaser, export_id: UUID) -> Response:
    """Let one be made."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        deid_exports.allow(conn, export_id, me.name, context.now())
        note_act(conn, request, me, "de-identified export", object_id=export_id, act="allowed")
    return show_one(request, me, export_id, "Allowed. It is being made.")


@router.post("/deidentified/{export_id}/refuse")
def refuse_one(
    request: Request, me: Releaser, export_id: UUID, reason: Annotated[Line, Form()] = ""
) -> Response:
    """Refuse one."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        deid_exports.refuse(conn, export_id, me.name, reason, context.now())
        note_act(conn, request, me, "de-identified export", object_id=export_id, act="refused")
    return show_one(request, me, export_id, "Refused.")


@router.get("/deidentified/{export_id}/file")
def fetch(request: Request, me: Releaser, export_id: UUID) -> Response:
    """Hand out the file; each time is noted."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        export = deid_exports.handed_out(conn, export_id, context.now())
        note_act(
            conn, request, me, "de-identified export", object_id=export_id, action="R",
            act="fetched", purpose=export.purpose[:100],
        )  # fmt: skip
    name = f"deidentified-{str(export_id)[:8]}.zip"
    return StreamingResponse(
        _pieces(context.blobs, export.digest or b""), media_type="application/zip",
        headers={
            "content-disposition": f'attachment; filename="{name}"',
            "content-length": str(export.size),
        },
    )  # fmt: skip


@router.post("/deidentified/{export_id}/send")
def send(
    request: Request, me: Releaser, export_id: UUID, peer: Annotated[UUID, Form()]
) -> Response:
    """Send the files to a machine of the own group; each time is noted."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        export = deid_exports.ask_sent(conn, export_id, PeerId(peer), me.name, context.now())
        note_act(
            conn, request, me, "de-identified export", object_id=export_id, action="R",
            act="sent to a machine", to=network.peer(conn, PeerId(peer)).aet,
            purpose=export.purpose[:100],
        )  # fmt: skip
    return show_one(request, me, export_id, "Queued. What became of it will stand here.")


def show_one(request: Request, me: Principal, export_id: UUID, said: str = "") -> Response:
    """Show one export's page."""
    with transaction(context_of(request).engine, me.groups) as conn:
        export = deid_exports.get(conn, export_id)
        held = deid_exports.held_of(conn, export_id)
        peers = [
            one for one in network.peers(conn, "dicom")
            if one.owner_group == me.group and one.enabled and one.port
        ]  # fmt: skip
    sent = [
        {**one, "at": datetime.fromisoformat(str(one["at"]))} for one in reversed(export.sent)
    ]
    names = [CODES[name][1] for name in CODES if name in export.options.chosen]
    return show(
        request,
        "deid_one.html",
        ONE,
        said=said,
        x=export,
        held=held,
        options=names,
        peers=peers,
        sent=sent,
    )


def _show(
    request: Request, me: Principal, *, chosen: list[UUID] | None = None, said: str = ""
) -> Response:
    with transaction(context_of(request).engine, me.groups) as conn:
        listed = deid_exports.listed(conn, me.group) if me.group else []
        studies = imaging.get_many(conn, [StudyId(one) for one in chosen or []])
    own = [one for one in studies if one.owner_group == me.group]
    values: dict[str, Any] = {"exports": listed, "chosen": own, "offered": OFFERED}
    return show(request, PAGE, PART, said=said, others=len(studies) - len(own), **values)


def _group(me: Principal) -> GroupId:
    if me.group is None:
        raise Refused("Exports belong to groups; sign in with a group's account.")
    return me.group


def _options(asked: Asked) -> Options:
    unknown = set(asked.options) - OFFERED.keys()
    if unknown or asked.dates not in ("none", "full", "modified"):
        raise Invalid("choose among the options of the form", "options")
    on = {name: name in asked.options for name in OFFERED}
    return Options(
        **on, full_dates=asked.dates == "full", modified_dates=asked.dates == "modified"
    )


def _by_accession(conn: Connection, group: GroupId, asked: Asked) -> list[StudyId]:
    """Find the own studies of typed accession numbers; Invalid says how many are unknown."""
    numbers = list(dict.fromkeys(asked.accessions.split()))
    if len(numbers) > MOST_STUDIES:
        raise Invalid(f"at most {MOST_STUDIES} accession numbers", "accessions")
    if not numbers:
        return []
    sought = frozenset(StudyNumber("accession", one) for one in numbers)
    found: list[Study] = imaging.page(conn, StudiesSought(numbers=(sought,)), 2 * MOST_STUDIES)
    own = [one for one in found if one.owner_group == group]
    missing = len(set(numbers) - {one.accession for one in own})
    if missing:
        raise Invalid(
            f"{missing} of the accession numbers name no study of your group", "accessions"
        )
    return [one.id for one in own]


def _pieces(blobs: BlobStore, digest: bytes) -> Iterator[bytes]:
    with blobs.open(digest) as stream:
        while piece := stream.read(CHUNK):
            yield piece
