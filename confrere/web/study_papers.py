"""Scanned requisitions and worksheets of an exam, opened so that they can do nothing.

The type is told by the paper's own first bytes and never by its sender; the answer runs no
script, loads nothing and is of no origin of ours (see `headers.PAPER`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from confrere.audit.service import note_access
from confrere.chart.model import Paper, media_type_of
from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.imaging.model import Study
from confrere.imaging.papers import Scan, embedded_pdf, scans_of
from confrere.kernel.errors import NotFound
from confrere.kernel.principal import Principal
from confrere.web.access import allow
from confrere.web.context import context_of
from confrere.web.study_exam import gather, look

if TYPE_CHECKING:
    from sqlalchemy import Connection

Viewer = Annotated[Principal, Depends(allow(Permission.READ_IMAGES))]
ENDINGS = {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg"}

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list of papers; `address` opens it."""

    title: str
    what: str
    source: str
    address: str


def listed(item: UUID, papers: Sequence[Paper], scans: Sequence[Scan]) -> list[Listed]:
    """List an exam's papers: from documents first, then from the images."""
    found = [
        Listed(
            one.title,
            ENDINGS[one.media_type].upper(),
            one.source,
            f"/items/{item}/papers/{one.id}",
        )
        for one in papers
    ]
    for scan in scans:
        address = f"/items/{item}/papers/{scan.id}"
        if not scan.is_pdf:
            address = (
                f"/dicom-web/studies/{scan.study_uid}/series/{scan.series_uid}"
                f"/instances/{scan.sop_uid}/rendered"
            )
        found.append(Listed(scan.title, "PDF" if scan.is_pdf else "scan", "images", address))
    return found


def scans(conn: "Connection", studies: Sequence[Study]) -> list[Scan]:
    """The papers among an exam's images."""
    return scans_of(conn, [one.id for one in studies])


@router.get("/items/{item_id}/papers/{key}")
def paper(request: Request, me: Viewer, item_id: UUID, key: UUID) -> Response:
    """Hand out one paper of an exam that this person may read."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        found = look(conn, me, item_id, context.now())
        if not found.standing.knows_patient:
            raise NotFound("no such paper")
        exam = gather(conn, found)
        papers = [one for one in exam.beside.papers if one.id == key]
        pictured = [one for one in scans(conn, exam.studies) if one.id == key and one.is_pdf]
        if papers:
            content, owner = context.blobs.read(papers[0].digest), papers[0].owner_group
        elif pictured:
            content, owner = embedded_pdf(context.blobs, pictured[0]), pictured[0].owner_group
        else:
            raise NotFound("no such paper beside this exam")
        item = found.standing.item
        note_access(
            conn, context.audit_key, me, door="web", kind="paper", owner_group=owner,
            object_id=key, now=context.now(), patient_id=item.patient, study_id=item.study,
        )  # fmt: skip
    media = media_type_of(content)
    name = f"paper-{key.hex[:8]}.{ENDINGS[media]}"
    return Response(
        content, media_type=media,
        headers={"content-disposition": f'inline; filename="{name}"'},
    )  # fmt: skip
