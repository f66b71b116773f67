"""What a technologist knows of an exam: a note, the protocol, QC done. A page, and an API."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel

from confrere.chart import service as chart
from confrere.chart.model import NOTE, NOTE_KINDS, ExamNote
from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import OrderId, SiteId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network.model import Site
from confrere.orders import service as orders
from confrere.orders.model import Order
from confrere.patients import service as patients
from confrere.web.access import allow
from confrere.web.acts import note_act, note_seen, show
from confrere.web.context import context_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

SHOWN = 100
BACK, AHEAD = timedelta(days=2), timedelta(days=1)
Noter = Annotated[Principal, Depends(allow(Permission.NOTE_EXAMS))]

router = APIRouter(default_response_class=HTMLResponse)


class Said(BaseModel):
    """A note as given to the API."""

    kind: str = NOTE
    text: str = ""


@router.get("/technologist")
def page(request: Request, me: Noter, site: str = "", accession: str = "") -> Response:
    """Show a site's exams of these days, or those of an accession number."""
    return _show(request, me, site, accession)


@router.post("/technologist/{order_id}")
def write(
    request: Request, me: Noter, order_id: UUID, kind: Annotated[str, Form()] = NOTE,
    text: Annotated[str, Form()] = "", accession: Annotated[str, Form()] = "",
) -> Response:  # fmt: skip
    """Keep a note, the protocol or QC done."""
    order, _ = _keep(request, me, order_id, kind, text)
    said = f"Saved for {order.content.accession}; the reader sees it beside the images."
    return _show(request, me, str(order.site), accession, said)


@router.post("/technologist/notes/{key}/withdraw")
def withdraw(request: Request, me: Noter, key: UUID) -> Response:
    """Take a note back that was written here."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        found = chart.note(conn, key)
        order = _order(conn, me, found.order)
        chart.withdraw_note(conn, key, me.name, context.now())
        note_act(
            conn, request, me, "exam note", object_id=key, patient=order.patient,
            act="withdrawn",
        )  # fmt: skip
    return _show(request, me, str(order.site), "", "The note is taken back.")


@router.get("/api/orders/{order_id}/notes", response_class=JSONResponse)
def read_api(request: Request, me: Noter, order_id: UUID) -> Response:
    """List the notes of an exam."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        order = _order(conn, me, OrderId(order_id))
        found = chart.notes(conn, [order.id])
        note_seen(
            conn, request, me, "exam note", now=context.now(), object_id=order.id,
            patient=order.patient,
        )  # fmt: skip
    return JSONResponse([_json(one) for one in found])


@router.post("/api/orders/{order_id}/notes", response_class=JSONResponse)
def write_api(request: Request, me: Noter, order_id: UUID, said: Said) -> Response:
    """Keep a note; 201 with what is kept."""
    _, made = _keep(request, me, order_id, said.kind, said.text)
    return JSONResponse(_json(made), status_code=201)


def _json(one: ExamNote) -> dict[str, Any]:
    return {
        "id": str(one.id), "kind": one.kind, "text": one.text, "by": one.by_name,
        "source": one.source, "at": one.at.isoformat(),
    }  # fmt: skip


def _keep(
    request: Request, me: Principal, order_id: UUID, kind: str, text: str
) -> tuple[Order, ExamNote]:
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        order = _order(conn, me, OrderId(order_id))
        made = chart.write_note(conn, order, kind, text, (me.user, me.name), context.now())
        note_act(
            conn, request, me, "exam note", object_id=made.id, action="C",
            patient=order.patient, of_kind=kind,
        )  # fmt: skip
    return order, made


def _order(conn: "Connection", me: Principal, key: OrderId) -> Order:
    """An order of the own group, and of the own site for a technologist."""
    order = orders.get(conn, key)
    if order.owner_group not in me.groups or (me.site and order.site != me.site):
        raise NotFound("no such order at your site")
    return order


def _sites(conn: "Connection", me: Principal) -> list[Site]:
    own = [one for one in network.sites(conn) if one.owner_group in me.groups]
    return [one for one in own if me.site in (None, one.id)]


def _show(
    request: Request, me: Principal, site: str, accession: str, said: str = ""
) -> Response:
    context = context_of(request)
    now = context.now()
    with transaction(context.engine, me.groups) as conn:
        sites = _sites(conn, me)
        if not sites:
            raise Invalid("Exams belong to sites; your account has none.", "site")
        chosen = next((one for one in sites if str(one.id) == site), sites[0])
        found = _found(conn, chosen.id, accession.strip()[:64], now - BACK, now + AHEAD)
        people = {p.id: p for p in patients.get_many(conn, [o.patient for o in found])}
        notes: dict[OrderId, list[ExamNote]] = {}
        for one in chart.notes(conn, [o.id for o in found]):
            notes.setdefault(one.order, []).append(one)
        note_seen(conn, request, me, "exam list", now=now, site=chosen.code)
    return show(
        request, "technologist.html", "parts/technologist_body.html", said=said, sites=sites,
        chosen=chosen, found=found, people=people, notes=notes, kinds=NOTE_KINDS,
        accession=accession, by_person=chart.BY_PERSON,
    )  # fmt: skip


def _found(
    conn: "Connection", site: SiteId, accession: str, since: Any, until: Any
) -> list[Order]:
    if accession:
        return orders.search(conn, SHOWN, accession=accession, sites=[site])
    return orders.of_site(conn, site, since, until, SHOWN)
