"""Who holds copies of a study, and whether its corrections reached them; what did not, anywhere."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.delivery import sendings
from confrere.delivery.model import OF_CORRECTION, WAITING, Sending
from confrere.imaging import correcting, holders, rejecting
from confrere.imaging.editions import HOW
from confrere.imaging.model import Study
from confrere.kernel.errors import NotFound
from confrere.kernel.ids import StudyId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network.systems import TAKES
from confrere.web.acts import note_act, show
from confrere.web.context import context_of
from confrere.web.images_page import Corrector, own_study
from confrere.web.rendering import render

PART = "parts/images_holders.html"
SOON = timedelta(minutes=1)  # so long the plan for an act may take to show

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/images/{study_id}/holders")
def holders_part(request: Request, me: Corrector, study_id: UUID) -> Response:
    """Show who holds copies, and what each was told."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        values = _values(conn, own_study(conn, me, StudyId(study_id)), context.now())
    return render(request, PART, **values)


@router.post("/images/{study_id}/holders/{sending_id}/again")
def again(request: Request, me: Corrector, study_id: UUID, sending_id: UUID) -> Response:
    """Send what a holder does not have again."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        study, asked = _asked(conn, me, study_id, sending_id)
        sendings.send_again(conn, asked.id, study.site_id, context.now())
        _note(conn, request, me, study, asked, "correction sent again")
        values = _values(conn, study, context.now())
    return render(request, PART, **values)


@router.post("/images/{study_id}/holders/{sending_id}/done")
def done(request: Request, me: Corrector, study_id: UUID, sending_id: UUID) -> Response:
    """Note that a person corrected the images at the holder itself."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        study, asked = _asked(conn, me, study_id, sending_id)
        sendings.mark_done(conn, asked.id, me.name, context.now())
        _note(conn, request, me, study, asked, "corrected there by hand")
        values = _values(conn, study, context.now())
    return render(request, PART, **values)


@router.get("/deliveries/corrections")
def open_corrections(request: Request, me: Corrector) -> Response:
    """Show the corrections that a holder does not have yet, of all studies."""
    with transaction(context_of(request).engine, me.groups) as conn:
        listed = sendings.open_corrections(conn)
        peers = {one.id: one for one in network.peers(conn, "dicom")}
    return show(
        request, "corrections.html", "parts/corrections_body.html", sendings=listed,
        peers=peers,
    )  # fmt: skip


def _values(conn: Connection, study: Study, now: datetime) -> dict[str, Any]:
    images = correcting.images_of(conn, study.id)
    acts: list[tuple[UUID, str, datetime]] = [
        (one.id, f"{one.kind}{', undone' if one.undone_at else ''}", one.undone_at or one.at)
        for one in correcting.of_study(conn, study.id)
    ]
    acts += [
        (one.id, "restored" if one.restored_at else f"rejected, {one.code}",
         one.restored_at or one.at)
        for one in rejecting.naming(conn, study.owner_group, [one.sop_uid for one in images])
    ]  # fmt: skip
    acts.sort(key=lambda act: act[2], reverse=True)
    told = holders.of_causes(conn, [key for key, _, _ in acts])
    moving = any(one.state == WAITING for each in told.values() for one in each)
    return {
        "study": study, "holding": holders.holders(conn, study.id), "how": HOW, "takes": TAKES,
        "acts": [(words, at, told.get(key, [])) for key, words, at in acts],
        "peers": {one.id: one for one in network.peers(conn, "dicom")},
        "moving": moving or any(now - at < SOON for _, _, at in acts),
        "why_by_hand": sendings.why_by_hand,
    }  # fmt: skip


def _asked(
    conn: Connection, me: Principal, study_id: UUID, sending_id: UUID
) -> tuple[Study, Sending]:
    study, asked = own_study(conn, me, StudyId(study_id)), sendings.get(conn, sending_id)
    if asked.owner_group != study.owner_group or asked.kind != OF_CORRECTION:
        raise NotFound("no such correction; reload the page")
    return study, asked


def _note(
    conn: Connection, request: Request, me: Principal, study: Study, asked: Sending, act: str
) -> None:
    note_act(
        conn, request, me, "correction", object_id=asked.id, study=study.id,
        patient=study.patient_id, act=act, to=network.peer(conn, asked.peer).aet,
    )  # fmt: skip
