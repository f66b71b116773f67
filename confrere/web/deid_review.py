"""Look at what is held before an export leaves: see the picture, draw boxes, release or reject."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.imaging import deid_exports
from confrere.imaging.deid_model import WAITING, Held, read_boxes
from confrere.imaging.reviewing import picture, suggested, words
from confrere.kernel.errors import NotFound
from confrere.kernel.principal import Principal
from confrere.web.acts import note_act, note_seen, show
from confrere.web.context import context_of
from confrere.web.deid_page import Releaser, show_one

PART = "parts/deid_held.html"
LONGEST = 100_000  # characters of boxes

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/deidentified/held/{held_id}")
def look(request: Request, me: Releaser, held_id: UUID) -> Response:
    """Show one held object: its picture or its cleaned text, and why it is held."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        held = deid_exports.get_held(conn, held_id)
        export = deid_exports.get(conn, held.export_id)
        waiting = [
            one.id for one in deid_exports.held_of(conn, export.id) if one.state == WAITING
        ]
        _note(request, me, conn, held)
    boxes = held.boxes or suggested(context.blobs, held)
    text = words(context.blobs, held, export.options) if not held.rows else ""
    return show(
        request, "deid_held.html", PART, held=held, x=export, boxes=[list(b) for b in boxes],
        text=text, waiting=len(waiting),
    )  # fmt: skip


@router.get("/deidentified/held/{held_id}/picture")
def frame(request: Request, me: Releaser, held_id: UUID, number: int = 1) -> Response:
    """Show a frame in its own size."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        held = deid_exports.get_held(conn, held_id)
        _note(request, me, conn, held)
    if not held.rows:
        raise NotFound("this object has no picture")
    content = picture(context.blobs, held, number)
    return Response(content, media_type="image/png", headers={"cache-control": "no-store"})


@router.post("/deidentified/held/{held_id}/release")
def release(
    request: Request, me: Releaser, held_id: UUID, boxes: Annotated[str, Form()] = "[]"
) -> Response:
    """Let one go, with boxes blacked out."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        held = deid_exports.get_held(conn, held_id)
        drawn = read_boxes(boxes[:LONGEST], held.rows, held.columns)
        deid_exports.release(conn, held_id, drawn, me.name, context.now())
        note_act(
            conn, request, me, "held object", object_id=held_id, study=held.study_id,
            act="released", boxes=len(drawn),
        )  # fmt: skip
    return _next(request, me, held, "Released.")


@router.post("/deidentified/held/{held_id}/reject")
def reject(request: Request, me: Releaser, held_id: UUID) -> Response:
    """Leave one out."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        held = deid_exports.reject(conn, held_id, me.name, context.now())
        note_act(
            conn, request, me, "held object", object_id=held_id, study=held.study_id,
            act="left out",
        )  # fmt: skip
    return _next(request, me, held, "Left out.")


def _next(request: Request, me: Principal, held: Held, said: str) -> Response:
    return show_one(request, me, held.export_id, said)


def _note(request: Request, me: Principal, conn: Connection, held: Held) -> None:
    note_seen(
        conn, request, me, "held object", now=context_of(request).now(), object_id=held.id,
        owner=held.owner_group, study=held.study_id,
    )  # fmt: skip
