"""What goes out and what came in: whether it arrived, and what to do where it did not."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import StringConstraints
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.delivery.model import (
    DEAD,
    DICOM_KINDS,
    DISMISSED,
    DONE,
    FAILED,
    HELD_BACK,
    REPLACED,
    SENT,
    STORED,
    TRIES_BEFORE_DEAD,
    WAITING,
)
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import MessageId, PatientId, ReportId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.reading import service as reading
from confrere.web.access import allow
from confrere.web.acts import note_act, note_seen, show
from confrere.web.context import context_of
from confrere.web.message_lines import elements, segments
from confrere.web.rendering import render

MOST_ROWS = 200
MOST_AT_ONCE = 10_000
OUT, IN = "out", "in"
STATES = {
    OUT: ((WAITING, "Waiting"), (DEAD, "Dead"), (SENT, "Delivered"), (REPLACED, "Replaced"),
          (HELD_BACK, "Held back")),
    IN: ((FAILED, "Failed"), (STORED, "Not processed yet"), (DONE, "Processed"),
         (DISMISSED, "Put aside")),
}  # fmt: skip
PAGE, BODY = "deliveries.html", "parts/deliveries_body.html"
Reader = Annotated[Principal, Depends(allow(Permission.READ_DELIVERY))]
Mender = Annotated[Principal, Depends(allow(Permission.MANAGE_DELIVERY))]
State = Annotated[str, Query(max_length=16)]
StateField = Annotated[str, Form(max_length=16)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), Form()]

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/deliveries")
def going_out(request: Request, me: Reader, state: State = "") -> Response:
    """Show what goes out."""
    return _show(request, me, OUT, state)


@router.get("/deliveries/in")
def came_in(request: Request, me: Reader, state: State = "") -> Response:
    """Show what came in."""
    return _show(request, me, IN, state)


@router.get("/deliveries/out/{message_id}")
def outgoing_message(request: Request, me: Mender, message_id: UUID) -> Response:
    """Show one message on its way out, whole; counts as seeing the patient's data."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        message = delivery.going_out(conn, MessageId(message_id))
        patient = _patient_of(conn, message.report)
        values = _names(conn) | {"message": message}
        note_seen(
            conn, request, me, "message", now=context.now(), object_id=message.id,
            owner=message.owner_group, patient=patient,
        )  # fmt: skip
    read = elements if message.kind in DICOM_KINDS else segments
    lines = read(message.content)
    return render(request, "message.html", box=OUT, lines=lines, states=STATES, **values)


@router.get("/deliveries/in/{message_id}")
def incoming_message(request: Request, me: Mender, message_id: UUID) -> Response:
    """Show one message that came in, whole; counts as seeing the patient's data."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        message = delivery.received(conn, MessageId(message_id))
        values = _names(conn) | {"message": message}
        note_seen(
            conn, request, me, "message", now=context.now(), object_id=message.id,
            owner=message.owner_group,
        )  # fmt: skip
    lines = segments(message.content)
    return render(request, "message.html", box=IN, lines=lines, states=STATES, **values)


@router.post("/deliveries/out/again")
def send_all_again(request: Request, me: Mender, state: StateField = "") -> Response:
    """Send every dead message again, as after a long outage."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        dead = delivery.outbox(conn, [DEAD], MOST_AT_ONCE)
        for message in dead:
            delivery.send_again(conn, message.id, context.now())
        note_act(conn, request, me, "delivery", sent_again=len(dead))
    return _show(request, me, OUT, state, f"{_messages(len(dead))} waiting to be sent again.")


@router.post("/deliveries/out/{message_id}/again")
def send_again(
    request: Request, me: Mender, message_id: UUID, state: StateField = ""
) -> Response:
    """Send one message now."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        delivery.send_again(conn, MessageId(message_id), context.now())
        note_act(conn, request, me, "delivery", object_id=message_id, act="send again")
    return _show(request, me, OUT, state, "The message is sent again now.")


@router.post("/deliveries/in/replay")
def replay_all(request: Request, me: Mender, state: StateField = "") -> Response:
    """Process every failed message again, as after a map or a rule was corrected."""
    with transaction(context_of(request).engine, me.groups) as conn:
        failed = delivery.inbox(conn, [FAILED], MOST_AT_ONCE)
        for message in failed:
            delivery.replay(conn, message.id)
        note_act(conn, request, me, "delivery", replayed=len(failed))
    return _show(request, me, IN, state, f"{_messages(len(failed))} being processed again.")


@router.post("/deliveries/in/{message_id}/replay")
def replay(request: Request, me: Mender, message_id: UUID, state: StateField = "") -> Response:
    """Process one message again."""
    with transaction(context_of(request).engine, me.groups) as conn:
        delivery.replay(conn, MessageId(message_id))
        note_act(conn, request, me, "delivery", object_id=message_id, act="replay")
    return _show(request, me, IN, state, "The message is processed again now.")


@router.post("/deliveries/in/{message_id}/aside")
def put_aside(
    request: Request, me: Mender, message_id: UUID, reason: Reason = "", state: StateField = ""
) -> Response:
    """Put a failed message aside, with a reason; it stays kept."""
    if not reason:
        raise Invalid("Say why this message needs no more work.", "reason")
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        words = f"{reason} ({me.name})"
        delivery.dismiss(conn, MessageId(message_id), words, context.now())
        note_act(conn, request, me, "delivery", object_id=message_id, act="put aside")
    return _show(request, me, IN, state, "The message is put aside; it stays kept.")


def _show(request: Request, me: Principal, box: str, state: str, said: str = "") -> Response:
    context = context_of(request)
    known = [name for name, _ in STATES[box]]
    chosen = [state] if state in known else []
    with transaction(context.engine, me.groups) as conn:
        came, going = delivery.counts(conn)
        oldest = delivery.waiting_since(conn)
        values = _names(conn)
        listed: list[Any] = list(
            delivery.outbox(conn, chosen, MOST_ROWS)
            if box == OUT
            else delivery.inbox(conn, chosen, MOST_ROWS)
        )
    counts = going if box == OUT else came
    return show(
        request, PAGE, BODY, said=said, box=box, state=state if chosen else "",
        filters=[(name, label, counts.get(name, 0)) for name, label in STATES[box]],
        labels=dict(STATES[box]), messages=listed, clipped=len(listed) == MOST_ROWS,
        going=going, came=came, tries=TRIES_BEFORE_DEAD,
        oldest=context.now() - oldest if oldest else timedelta(), **values,
    )  # fmt: skip


def _names(conn: Connection) -> dict[str, Any]:
    return {
        "sites": {site.id: site for site in network.sites(conn)},
        "peers": {peer.id: peer for peer in network.peers(conn)},
    }


def _patient_of(conn: Connection, report: ReportId | None) -> PatientId | None:
    return reading.get(conn, report).patient if report else None


def _messages(number: int) -> str:
    return f"{number} message is" if number == 1 else f"{number} messages are"
