"""Exams in pieces: images after the signature, one order in several studies, and the reverse."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import StringConstraints
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.imaging import pieces
from confrere.kernel.errors import NotFound
from confrere.kernel.ids import GroupId
from confrere.kernel.principal import Principal
from confrere.orders import service as orders
from confrere.web.access import allow
from confrere.web.acts import note_act
from confrere.web.context import context_of
from confrere.worklist import service as worklist
from confrere.worklist.model import LATE, Item

KIND, LABEL = "pieces", "In pieces"
Mender = Annotated[Principal, Depends(allow(Permission.RESOLVE_EXCEPTIONS))]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=400), Form()]

router = APIRouter()


@router.post("/exceptions/pieces/{subject}/settle")
def settle(request: Request, me: Mender, subject: UUID, words: Words = "") -> Response:
    """Leave an exam in its pieces, saying why."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        if me.group is None:
            raise NotFound("no such exam of your group; reload the list")
        known = pieces.found(conn, me.group, context.now())
        if all(one.subject != subject for one in known):
            raise NotFound("no such exam of your group; reload the list")
        pieces.settle(conn, me.group, subject, words, me.name, context.now())
        note_act(conn, request, me, "exam in pieces", object_id=subject, act="settled")
    if "hx-request" in request.headers:
        return Response(status_code=204, headers={"hx-redirect": f"/exceptions/{KIND}"})
    return RedirectResponse(f"/exceptions/{KIND}", 303)


def count(conn: Connection, owner: GroupId, now: datetime) -> int:
    """How many of a group's exams need a look."""
    return len(pieces.found(conn, owner, now)) + len(_late(conn, owner))


def values(conn: Connection, owner: GroupId, now: datetime) -> dict[str, Any]:
    """What the list shows; exams without the patient."""
    found = pieces.found(conn, owner, now)
    named = orders.get_many(conn, [key for one in found for key in one.orders])
    return {
        "pieces": found,
        "late": _late(conn, owner),
        "orders": {one.id: one for one in named},
        "moved": pieces.MOVED,
        "one_order": pieces.ONE_ORDER,
    }


def _late(conn: Connection, owner: GroupId) -> list[Item]:
    waiting = worklist.open_items(conn)
    return [one for one in waiting if LATE in one.flags and one.owner_group == owner]
