"""Claim, write, sign and amend: the JSON that the study page and programs use.

Only readers act here. Each act runs in one transaction with the directory as it is at that
instant, and is noted in the audit trail; so is a claim or signature that a rule refused.
"""

from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, StringConstraints

from confrere.audit.model import Detail
from confrere.audit.service import note, note_access
from confrere.database.engine import transaction
from confrere.identity.permissions import Permission, require
from confrere.kernel.errors import Conflict
from confrere.kernel.ids import ItemId, ReportId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.reading import service as reading
from confrere.reading.model import FINAL, PRELIMINARY
from confrere.web import reading_json as shape
from confrere.web.access import allow
from confrere.web.context import context_of
from confrere.web.reading_act import DOOR, act_event, acting
from confrere.web.reading_amend import amend
from confrere.web.reading_next import next_item
from confrere.web.study_exam import look, note_report, reader_of, report_here
from confrere.web.study_readers import judged
from confrere.worklist import claims, declining
from confrere.worklist import service as worklist

if TYPE_CHECKING:
    pass

Looker = Annotated[Principal, Depends(allow(Permission.READ_WORKLIST))]
Claimer = Annotated[Principal, Depends(allow(Permission.CLAIM))]
Drafter = Annotated[Principal, Depends(allow(Permission.DRAFT))]
Signer = Annotated[Principal, Depends(allow(Permission.SIGN_PRELIMINARY))]
FinalSigner = Annotated[Principal, Depends(allow(Permission.SIGN_FINAL))]
Text = Annotated[str, StringConstraints(max_length=200_000)]

router = APIRouter(default_response_class=JSONResponse)


class Held(BaseModel):
    """The hold's token, as the claim gave it."""

    token: UUID


class Declined(BaseModel):
    """Why a reader declines; `token` when it is held and not only offered."""

    reason: str
    note: Annotated[str, StringConstraints(max_length=300)] = ""
    token: UUID | None = None


class Draft(Held):
    """A draft to save; `version` is the one that it was written on."""

    version: int
    sections: dict[str, Text]


class Signature(Held):
    """What is signed."""

    sections: dict[str, Text]
    kind: Literal["final", "preliminary"]


class Addition(BaseModel):
    """An addendum; `item` names the task of late images that it finishes."""

    text: Text
    item: UUID | None = None


@router.get("/api/next")
def next_exam(request: Request, me: Claimer, after: UUID | None = None) -> JSONResponse:
    """The reader's next exam, other than `after`: offered first, then what may be read."""
    context = context_of(request)
    now = context.now()
    with transaction(context.engine, me.groups) as conn:
        found = next_item(
            worklist.open_items(conn), network.directory(conn, now), me.reader, now,
            leave_out=ItemId(after) if after else None,
        )  # fmt: skip
    if found is None:
        return JSONResponse({"item": None, "url": None})
    return JSONResponse({"item": str(found.id), "url": f"/items/{found.id}"})


@router.get("/api/items/{item_id}")
def item(request: Request, me: Looker, item_id: UUID) -> JSONResponse:
    """One exam, its report and its holder."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        found = look(conn, me, item_id, context.now())
        standing = found.standing
        report = report_here(conn, standing.item) if standing.knows_patient else None
        texts = reading.versions(conn, [report.id])[report.id] if report else []
        note_access(
            conn, context.audit_key, me, door=DOOR, kind="study",
            owner_group=standing.item.owner_group, now=standing.at,
            object_id=standing.item.study or standing.item.id,
            patient_id=standing.item.patient if standing.knows_patient else None,
            study_id=standing.item.study,
        )  # fmt: skip
        if report:
            note_report(conn, context.audit_key, me, report, standing.at, DOOR)
    return JSONResponse(shape.item_json(standing, report, texts, found.moved))


@router.get("/api/items/{item_id}/eligibility")
def eligibility(request: Request, me: Looker, item_id: UUID) -> JSONResponse:
    """Every reader judged on the exam now, with each rule's reason and remedy."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        found = look(conn, me, item_id, context.now())
    standing = found.standing
    rows = judged(standing.item, found.directory, found.verdicts, me, standing.at)
    return JSONResponse(
        {"item": str(item_id), "readers": [shape.judged_json(row) for row in rows]}
    )


@router.post("/api/items/{item_id}/claim")
def claim(request: Request, me: Claimer, item_id: UUID) -> JSONResponse:
    """Take the exam; 409 names the holder, 403 the rules that say no."""
    with acting(request, me, item_id, "claim") as act:
        taken = claims.claim(
            act.conn, act.item, act.reader, act.directory, act.now, act.lease
        )  # fmt: skip
        report = reading.of_item(act.conn, taken.id)
        act.note("E", "claim", taken.id)
    return JSONResponse(shape.claimed_json(taken, report))


@router.post("/api/items/{item_id}/release")
def release(request: Request, me: Claimer, item_id: UUID, held: Held) -> JSONResponse:
    """Give the exam back; the draft stays for whoever reads it next."""
    with acting(request, me, item_id, "release") as act:
        given = claims.release(act.conn, act.item.id, act.reader.id, held.token, act.now)
        act.note("E", "release", given.id)
    return JSONResponse({"item": str(given.id), "state": given.state.value})


@router.post("/api/items/{item_id}/decline")
def decline(request: Request, me: Claimer, item_id: UUID, said: Declined) -> JSONResponse:
    """Decline an offered or held exam; 409 names who has it meanwhile."""
    with acting(request, me, item_id, "decline") as act:
        given = declining.decline(
            act.conn, act.item, act.reader, said.reason, said.note, act.now, said.token
        )
        act.note("E", "decline", given.id, {"reason": said.reason})
    return JSONResponse({"item": str(given.id), "state": given.state.value})


@router.post("/api/items/{item_id}/renew")
def renew(request: Request, me: Claimer, item_id: UUID, held: Held) -> JSONResponse:
    """Prolong the hold while somebody works in the viewer or the report."""
    with acting(request, me, item_id, "renew") as act:
        kept = claims.renew(
            act.conn, act.item.id, act.reader.id, held.token, act.now, act.lease
        )  # fmt: skip
    return JSONResponse({"item": str(kept.id), "lease_until": shape.instant(kept.lease_until)})


@router.put("/api/items/{item_id}/draft")
def save_draft(request: Request, me: Drafter, item_id: UUID, draft: Draft) -> JSONResponse:
    """Save the draft; 409 when the hold is stale or another window saved in between."""
    with acting(request, me, item_id, "draft") as act:
        saved = reading.save_draft(
            act.conn, act.hold(draft.token), draft.sections, draft.version, act.now, act.lease
        )
    return JSONResponse(
        {
            "version": saved.version,
            "saved_at": shape.instant(saved.draft_at),
            "lease_until": shape.instant(act.now + act.lease),
        }
    )


@router.post("/api/items/{item_id}/sign")
def sign(request: Request, me: Signer, item_id: UUID, signed: Signature) -> JSONResponse:
    """Sign a preliminary or final report."""
    kind = FINAL if signed.kind == "final" else PRELIMINARY
    if kind == FINAL:
        require(me, Permission.SIGN_FINAL)
    with acting(request, me, item_id, "sign") as act:
        made = reading.sign(
            act.conn, act.hold(signed.token), signed.sections, kind, act.directory, act.now
        )
        detail: Detail = {"version": made.number, "kind": kind}
        act.note("C", "report", made.report, detail)
    return JSONResponse(shape.version_json(made))


@router.post("/api/reports/{report_id}/addendum")
def addendum(
    request: Request, me: FinalSigner, report_id: UUID, added: Addition
) -> JSONResponse:
    """Sign an addendum to a final report."""
    context = context_of(request)
    now = context.now()
    with transaction(context.engine, me.groups) as conn:
        report = reading.get(conn, ReportId(report_id))
        if report.item is None:
            raise Conflict("only a report that was signed here can have an addendum")
        found = look(conn, me, added.item or report.item, now)
        reader = reader_of(found)
        made = amend(conn, found, report, reader, added.text, is_task=added.item is not None)
        item = found.standing.item
        detail: Detail = {"version": made.number, "kind": made.kind}
        event = act_event(me, item, now, "C", "report", report.id, detail)
        note(conn, context.audit_key, event)
    return JSONResponse(shape.version_json(made))
