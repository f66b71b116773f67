"""Exams read, or begun, here and at the site; and those the site said to read and fell silent."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import StringConstraints
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId
from confrere.kernel.principal import Principal
from confrere.network.model import Directory
from confrere.reading import doubles
from confrere.web.access import allow
from confrere.web.acts import note_act
from confrere.web.context import context_of
from confrere.worklist import service as worklist
from confrere.worklist.elsewhere import told_of
from confrere.worklist.model import SILENT

KIND, LABEL = "twice", "Read twice"
Mender = Annotated[Principal, Depends(allow(Permission.RESOLVE_EXCEPTIONS))]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), Form()]

router = APIRouter()


@router.post("/exceptions/twice/{double_id}/settle")
def settle(request: Request, me: Mender, double_id: UUID, words: Words = "") -> Response:
    """Settle an exam that was read twice, in words; both reports stay kept."""
    if not words:
        raise Invalid("Say what the comparison found and what was done.", "words")
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        doubles.settle(conn, double_id, words, me.name, context.now())
        note_act(conn, request, me, "double read", object_id=double_id, act="settled")
    if "hx-request" in request.headers:
        return Response(status_code=204, headers={"hx-redirect": f"/exceptions/{KIND}"})
    return RedirectResponse(f"/exceptions/{KIND}", 303)


def count(conn: Connection, owner: GroupId) -> int:
    """How many of a group's exams need a look."""
    waiting = worklist.open_items(conn)
    silent = sum(SILENT in one.flags and one.owner_group == owner for one in waiting)
    return silent + len(doubles.unsettled(conn, owner))


def values(conn: Connection, owner: GroupId, directory: Directory) -> dict[str, Any]:
    """What the list shows; exams without the patient."""
    waiting = worklist.open_items(conn)
    silent = [one for one in waiting if SILENT in one.flags and one.owner_group == owner]
    found = doubles.unsettled(conn, owner)
    items = worklist.get_many(conn, [one.item for one in found])
    by_id = {one.id: one for one in items}
    return {
        "silent": [(one, told_of(one, directory.sites[one.site])) for one in silent],
        "doubles": [(one, by_id.get(one.item)) for one in found],
    }
