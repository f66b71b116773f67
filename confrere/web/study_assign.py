"""Assign an emergency, take an exam over from the site, declare a conflict with a patient."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Conflict, Invalid, Refused
from confrere.kernel.principal import Principal
from confrere.network import credentialing
from confrere.network.credentials import LITIGATION, RELATIVE, SELF, Exclusion
from confrere.patients import service as patients
from confrere.web.access import allow
from confrere.web.acts import note_act
from confrere.web.context import context_of
from confrere.web.credential_scope import Typed, recorded_by
from confrere.web.study_exam import look, reader_of
from confrere.worklist import outside
from confrere.worklist.assigning import Attestation, assign_attested

DECLARED = (SELF, RELATIVE, LITIGATION)
Chief = Annotated[Principal, Depends(allow(Permission.ASSIGN))]
Looker = Annotated[Principal, Depends(allow(Permission.READ_WORKLIST))]
OneReader = Annotated[Principal, Depends(allow(Permission.CLAIM))]

router = APIRouter(default_response_class=HTMLResponse)


@router.post("/items/{item_id}/assign")
def assign(request: Request, me: Chief, item_id: UUID, form: Typed) -> Response:
    """Give the exam to a reader whom rules stand in the way of, with an attested reason."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        found = look(conn, me, item_id, context.now())
        item = found.standing.item
        reader = next(
            (r for r in found.directory.readers.values() if str(r.id) == form.get("reader")),
            None,
        )
        if reader is None:
            raise Invalid("choose the reader", "reader")
        attested = Attestation(me.name, me.group, form.get("reason", ""))
        assign_attested(conn, item, reader, attested, context.now())
        note_act(
            conn, request, me, "assignment", object_id=item.id, owner=item.owner_group,
            patient=item.patient, study=item.study, act="attested", reader=str(reader.id),
        )  # fmt: skip
    return RedirectResponse(f"/items/{item_id}", 303)


@router.post("/items/{item_id}/take-over")
def take_over(request: Request, me: Looker, item_id: UUID, form: Typed) -> Response:
    """Open an exam here although the site's own system says that it is read there."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        standing = look(conn, me, item_id, context.now()).standing
        if not standing.may_take_over:
            raise Refused(
                "only readers and managers of the group that owns the exam take it over"
            )
        item = standing.item
        reason = form.get("reason", "")
        outside.take_over(conn, item, standing.site, reason, me.name, context.now())
        note_act(
            conn, request, me, "assignment", object_id=item.id, owner=item.owner_group,
            patient=item.patient, study=item.study, act="taken over from the site",
        )  # fmt: skip
    return RedirectResponse(f"/items/{item_id}", 303)


@router.post("/items/{item_id}/conflict")
def declare(request: Request, me: OneReader, item_id: UUID, form: Typed) -> Response:
    """Declare a conflict of interest with the patient: no exam of theirs is offered again."""
    context = context_of(request)
    kind = form.get("kind", "")
    if kind not in DECLARED:
        raise Invalid(f"choose one of {', '.join(DECLARED)}", "kind")
    with transaction(context.engine, me.groups) as conn:
        found = look(conn, me, item_id, context.now())
        item, reader = found.standing.item, reader_of(found)
        if item.patient is None:
            raise Conflict("this exam has no patient yet; release it, and say so by telephone")
        known = patients.get(conn, item.patient)
        for one in patients.same_person(conn, known):
            made = Exclusion(reader.id, kind, patient=one.id)
            credentialing.exclude(conn, one.owner_group, made, recorded_by(request, me))
        note_act(
            conn, request, me, "credential", object_id=reader.id, owner=item.owner_group,
            act="conflict declared",
        )  # fmt: skip
    return RedirectResponse("/worklist", 303)
