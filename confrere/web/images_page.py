"""A study's images: reject some, give them to another patient, order or study, and take it back."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, StringConstraints
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.imaging import correcting, keeping, rejecting, undoing
from confrere.imaging import service as imaging
from confrere.imaging.corrections import BY_HAND, LABELS, By, Correction, Placed
from confrere.imaging.model import Study
from confrere.kernel.errors import Conflict, Invalid, NotFound
from confrere.kernel.ids import StudyId
from confrere.kernel.principal import Principal
from confrere.orders import service as orders
from confrere.patients import service as patients
from confrere.web.access import allow
from confrere.web.acts import note_act, note_seen, show
from confrere.web.context import context_of
from confrere.web.images_found import Target, chosen, found, same_person
from confrere.web.rendering import render
from confrere.worklist import service as worklist
from confrere.worklist.model import State

PAGE, BODY = "images.html", "parts/images_body.html"
Corrector = Annotated[Principal, Depends(allow(Permission.CORRECT_IMAGES))]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=400)]

router = APIRouter(default_response_class=HTMLResponse)


class Asked(BaseModel):
    """What a person wants done with which images; none chosen means all."""

    images: list[UUID] = []
    reason: Words = ""
    code: Words = ""
    to: Words = ""
    checked: Words = ""


@router.get("/images/{study_id}")
def images_page(request: Request, me: Corrector, study_id: UUID) -> Response:
    """Show a study's series and images, and what was done with them."""
    return _show(request, me, StudyId(study_id))


@router.post("/images/{study_id}/targets")
def targets(
    request: Request, me: Corrector, study_id: UUID, sought: Annotated[Words, Form()] = ""
) -> Response:
    """Find whose these images may be: orders, patients and studies of the own group."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        study = own_study(conn, me, StudyId(study_id))
        likely = found(conn, study, sought)
        note_seen(
            conn, request, me, "patient search", now=context.now(), study=study.id,
            found=len(likely),
        )  # fmt: skip
    return render(request, "parts/images_targets.html", targets=likely, sought=sought)


@router.post("/images/{study_id}/reject")
def reject(
    request: Request, me: Corrector, study_id: UUID, asked: Annotated[Asked, Form()]
) -> Response:
    """Reject the chosen images."""
    context, key = context_of(request), StudyId(study_id)
    with transaction(context.engine, me.groups) as conn:
        study = own_study(conn, me, key)
        if not asked.images:
            raise Invalid("choose the images first", "images")
        made = rejecting.reject(
            conn, context.blobs, key, asked.images, asked.code, asked.reason, _by(me),
            context.now(),
        )  # fmt: skip
        note_act(
            conn, request, me, "rejection", object_id=made.id, study=key,
            patient=study.patient_id, act="rejected", code=made.code,
            images=len(made.sop_uids), reason=made.reason,
        )  # fmt: skip
    said = f"Rejected: {len(made.sop_uids)}. They are kept, and shown to nobody."
    return _show(request, me, key, said)


@router.post("/images/{study_id}/restore/{rejection_id}")
def restore(
    request: Request, me: Corrector, study_id: UUID, rejection_id: UUID,
    reason: Annotated[Words, Form()] = "",
) -> Response:  # fmt: skip
    """Show rejected images again."""
    context, key = context_of(request), StudyId(study_id)
    with transaction(context.engine, me.groups) as conn:
        study = own_study(conn, me, key)
        done = rejecting.restore(
            conn, rejection_id, study.owner_group, reason, _by(me), context.now()
        )
        note_act(
            conn, request, me, "rejection", object_id=done.id, study=key,
            patient=study.patient_id, act="restored", code=done.code, reason=reason,
        )  # fmt: skip
    return _show(request, me, key, "Restored: the images are shown again.")


@router.get("/images/{study_id}/note/{rejection_id}.dcm")
def note(request: Request, me: Corrector, study_id: UUID, rejection_id: UUID) -> Response:
    """Hand out a rejection note as a DICOM file, for the archives that hold copies."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        study = own_study(conn, me, StudyId(study_id))
        content = rejecting.note_file(conn, context.blobs, rejection_id, study.owner_group)
        note_act(
            conn, request, me, "rejection", object_id=rejection_id, study=study.id,
            patient=study.patient_id, action="R", act="note taken",
        )  # fmt: skip
    headers = {"content-disposition": 'attachment; filename="rejection-note.dcm"'}
    return Response(content, media_type="application/dicom", headers=headers)


@router.post("/images/{study_id}/give")
def give(
    request: Request, me: Corrector, study_id: UUID, asked: Annotated[Asked, Form()]
) -> Response:
    """Give the chosen images, or all, to another patient, order or study."""
    context, key = context_of(request), StudyId(study_id)
    with transaction(context.engine, me.groups) as conn:
        study = own_study(conn, me, key)
        _nobody_reads(conn, study, context.now())
        to = chosen(conn, study, asked.to)
        if asked.checked != "yes" and not same_person(conn, study, to):
            raise Invalid(
                "This is another patient than the images say: compare name, birth date and "
                "MRN, then confirm that you checked.", "checked",
            )  # fmt: skip
        done = _give(conn, study, to, asked, me, context.now())
        note_act(
            conn, request, me, "correction", object_id=done.id, study=key,
            patient=to.patient.id if to.patient else study.patient_id, act=done.kind,
            images=done.images, from_study=str(done.from_study), to_study=str(done.to_study),
            reason=done.reason,
        )  # fmt: skip
    said = f"Done: {done.images} image{'s' if done.images != 1 else ''} given to {to.title}."
    return _show(request, me, key, said)


@router.post("/images/{study_id}/undo/{correction_id}")
def undo(
    request: Request, me: Corrector, study_id: UUID, correction_id: UUID,
    reason: Annotated[Words, Form()] = "",
) -> Response:  # fmt: skip
    """Take a correction back."""
    context, key = context_of(request), StudyId(study_id)
    with transaction(context.engine, me.groups) as conn:
        study = own_study(conn, me, key)
        _nobody_reads(conn, study, context.now())
        if all(one.id != correction_id for one in correcting.of_study(conn, key)):
            raise NotFound("no such correction of this study; reload the page")
        done = undoing.undo(conn, correction_id, reason, _by(me), context.now())
        note_act(
            conn, request, me, "correction", object_id=done.id, study=key,
            patient=study.patient_id, act="undone", reason=reason,
        )  # fmt: skip
    return _show(request, me, key, "Undone: the images are as they were before.")


def _give(
    conn: Connection, study: Study, to: Target, asked: Asked, me: Principal, now: datetime
) -> Correction:
    every = [one.id for one in correcting.images_of(conn, study.id)]
    images, by = asked.images or every, _by(me)
    if to.study:
        return correcting.move(conn, study.id, images, to.study.id, asked.reason, by, now)
    if to.patient is None:
        raise Invalid("choose to whom the images belong", "to")
    if len(set(images)) == len(every):
        return correcting.reassign(conn, study.id, to.patient, to.order, asked.reason, by, now)
    return correcting.split(conn, study.id, images, to.patient, to.order, asked.reason, by, now)


def _show(request: Request, me: Principal, key: StudyId, said: str = "") -> Response:
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        study = own_study(conn, me, key)
        images = correcting.images_of(conn, key)
        items = worklist.of_exam(conn, study.owner_group, key, [])
        values: dict[str, Any] = {
            "study": study,
            "series": _by_series(images),
            "rejections": rejecting.naming(
                conn, study.owner_group, [one.sop_uid for one in images]
            ),
            "corrections": correcting.of_study(conn, key),
            "orders": orders.get_many(conn, imaging.orders_of(conn, key)),
            "whose": patients.get(conn, study.patient_id) if study.patient_id else None,
            "signed": any(one.state is State.FINAL for one in items),
            "item": items[0] if items else None,
            "kept": keeping.one(conn, key),
        }
        note_seen(
            conn, request, me, "study", now=context.now(), object_id=key, study=key,
            patient=study.patient_id,
        )  # fmt: skip
    codes = [(code, LABELS[code]) for code in BY_HAND]
    return show(request, PAGE, BODY, said=said, codes=codes, labels=LABELS, **values)


def _by_series(images: list[Placed]) -> list[tuple[Placed, list[Placed]]]:
    found: dict[UUID, list[Placed]] = {}
    for one in images:
        found.setdefault(one.series_id, []).append(one)
    return [(each[0], each) for each in found.values()]


def own_study(conn: Connection, me: Principal, key: StudyId) -> Study:
    """A study of the own group; NotFound for any other."""
    study = imaging.study(conn, key)
    if me.group is None or study.owner_group != me.group:
        raise NotFound("no such study of your group; reload the page")
    return study


def _nobody_reads(conn: Connection, study: Study, now: datetime) -> None:
    for item in worklist.of_exam(conn, study.owner_group, study.id, []):
        if item.held_at_instant(now):
            raise Conflict(
                f"{item.held_name} is reading this exam: ask them to release it, then correct it"
            )


def _by(me: Principal) -> By:
    return By(me.name, me.user)
