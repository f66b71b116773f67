"""Send an exam's images to a registered machine, from the exam's page."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.delivery import sendings
from confrere.delivery.model import WAITING
from confrere.identity.permissions import Permission
from confrere.kernel.errors import NotFound
from confrere.kernel.ids import PeerId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.web.access import allow
from confrere.web.acts import note_act
from confrere.web.context import context_of
from confrere.web.rendering import render
from confrere.web.study_exam import Look, look
from confrere.worklist.model import Item

Sender = Annotated[Principal, Depends(allow(Permission.SEND_IMAGES))]

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/items/{item_id}/sendings")
def sendings_part(request: Request, me: Sender, item_id: UUID) -> Response:
    """Show where the images went, and where they may go."""
    with transaction(context_of(request).engine, me.groups) as conn:
        return _show(conn, request, me, _own(conn, request, me, item_id).standing.item)


@router.post("/items/{item_id}/sendings")
def send(
    request: Request, me: Sender, item_id: UUID, peer: Annotated[UUID, Form()]
) -> Response:
    """Send the exam's main study to a machine of the own group."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        item = _own(conn, request, me, item_id).standing.item
        if item.study is None:
            raise NotFound("this exam has no images yet")
        to = PeerId(peer)
        sendings.ask(conn, item.owner_group, item.site, item.study, to, me.name, context.now())
        page = _show(conn, request, me, item)
        note_act(
            conn, request, me, "study", object_id=item.study, owner=item.owner_group,
            patient=item.patient, study=item.study, act="sent to a machine",
            to=network.peer(conn, to).aet,
        )  # fmt: skip
    return page


def _own(conn: Connection, request: Request, me: Principal, item_id: UUID) -> Look:
    """The exam, when it is the own group's: only its owner sends images on."""
    found = look(conn, me, item_id, context_of(request).now())
    if not found.standing.knows_patient or found.standing.item.owner_group != me.group:
        raise NotFound("no such exam of your group")
    return found


def _show(conn: Connection, request: Request, me: Principal, item: Item) -> Response:
    known = {one.id: one for one in network.peers(conn, "dicom") if one.owner_group == me.group}
    listed = sendings.of_study(conn, item.study) if item.study else []
    return render(
        request, "parts/study_sendings.html", item=item, sendings=listed, peers=known,
        destinations=[one for one in known.values() if one.enabled and one.port],
        moving=any(one.state == WAITING for one in listed),
    )  # fmt: skip
