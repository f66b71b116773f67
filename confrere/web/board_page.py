"""The lead's board: what waits, who has it, what is nearly late; and moving an exam by hand."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, StringConstraints
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Conflict, DomainError, Invalid, NotFound, Refused
from confrere.kernel.ids import GroupId, ItemId, ReaderId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.web import board_view as view
from confrere.web.access import allow
from confrere.web.acts import note_act
from confrere.web.board_chart import HOURS, chart
from confrere.web.board_move import candidates, load_of
from confrere.web.context import context_of
from confrere.web.rendering import render
from confrere.worklist import moving
from confrere.worklist import service as worklist
from confrere.worklist.board import Move, due_by_hour
from confrere.worklist.moving import (
    LONGEST_REASON,
    SHORTEST_REASON,
    TAKE_BACK_WITHIN,
    Order,
    last_move,
)

MOST_ROWS = 1000
Lead = Annotated[Principal, Depends(allow(Permission.ASSIGN))]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_REASON)]
STATUS: dict[type[DomainError], HTTPStatus] = {
    Conflict: HTTPStatus.CONFLICT, Refused: HTTPStatus.FORBIDDEN,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
}  # fmt: skip

router = APIRouter(default_response_class=HTMLResponse)


class Wanted(BaseModel):
    """The form of a move: to whom, why, and who had the exam when the lead looked."""

    reader: UUID | None = None
    reason: Reason = ""
    holder: UUID | None = None
    seen: UUID | None = None
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What came of the lead's last act, shown on top of the panel."""

    move: Move | None = None  # may be taken back for a moment
    words: str = ""
    trouble: str = ""


@router.get("/board")
def board(request: Request, me: Lead) -> Response:
    """Show the whole page."""
    return render(request, "board.html", **_values(request, me))


@router.get("/board/rows")
def rows(request: Request, me: Lead) -> Response:
    """Show everything but the panel again, after a change."""
    return render(request, "parts/board_body.html", **_values(request, me))


@router.get("/board/{item_id}")
def panel(request: Request, me: Lead, item_id: UUID) -> Response:
    """Show one exam beside the board, and to whom it may be given."""
    with transaction(context_of(request).engine, me.groups) as conn:
        values = _panel(conn, request, me, ItemId(item_id))
    return _show(request, values, Said(), Wanted())


@router.post("/board/{item_id}/move")
def move(
    request: Request, me: Lead, item_id: UUID, wanted: Annotated[Wanted, Form()]
) -> Response:
    """Give the exam to another reader. Trouble is shown in the panel, with who has it now."""
    context = context_of(request)
    status, left = HTTPStatus.OK, Wanted()
    try:
        with transaction(context.engine, me.groups) as conn:
            made = _move(conn, request, me, ItemId(item_id), wanted)
        said = Said(made, f"Given to {made.to_name}.")
    except (Conflict, Refused, Invalid) as error:
        said, left = Said(trouble=str(error)), wanted
        status = next(one for kind, one in STATUS.items() if isinstance(error, kind))
    with transaction(context.engine, me.groups) as conn:
        values = _panel(conn, request, me, ItemId(item_id))
    return _show(request, values, said, left, status)


@router.post("/board/moves/{move_id}/take-back")
def take_back(request: Request, me: Lead, move_id: UUID) -> Response:
    """Undo a move, for two minutes."""
    context = context_of(request)
    now = context.now()
    with transaction(context.engine, me.groups) as conn:
        back = moving.take_back(conn, move_id, me.group, network.directory(conn, now), now)
        values = _panel(conn, request, me, back.id)
        note_act(
            conn, request, me, "move", object_id=back.id, owner=back.owner_group,
            patient=back.patient, study=back.study, act="taken back",
        )  # fmt: skip
    return _show(request, values, Said(words="Taken back; it is as it was."), Wanted())


def _move(
    conn: Connection, request: Request, me: Principal, item_id: ItemId, wanted: Wanted
) -> Move:
    now = context_of(request).now()
    directory = network.directory(conn, now)
    reader = directory.readers.get(ReaderId(wanted.reader)) if wanted.reader else None
    if reader is None:
        raise Invalid("Choose to whom.", "reader")
    item = worklist.get(conn, item_id)
    if item.held_at_instant(now) and item.held_by == wanted.holder and not wanted.confirm:
        raise Invalid(f"Confirm that you take it from {item.held_name}.", "confirm")
    order = Order(
        me.name, me.group, wanted.reason, ReaderId(wanted.holder) if wanted.holder else None,
        wanted.seen,
    )  # fmt: skip
    made = moving.move(conn, item_id, reader, order, directory, now)
    note_act(
        conn, request, me, "move", object_id=item_id, owner=item.owner_group,
        patient=item.patient, study=item.study, act="given", reader=str(made.to_reader),
        held_before="yes" if made.was_held else "no",
    )  # fmt: skip
    return made


def _group_of(me: Principal) -> GroupId:
    if me.group is None:
        raise Refused("A board belongs to a group; sign in with a group's account.")
    return me.group


def _facts(conn: Connection, request: Request, me: Principal) -> view.Facts:
    now, group = context_of(request).now(), _group_of(me)
    directory = network.directory(conn, now)
    return view.Facts(
        tuple(one for one in worklist.open_items(conn, MOST_ROWS) if not one.shadow),
        tuple(worklist.finished_after(conn, view.earliest_shift(directory, group, now))),
        worklist.last_rings(conn), worklist.decliners(conn), directory, group, now,
    )  # fmt: skip


def _values(request: Request, me: Principal) -> dict[str, Any]:
    with transaction(context_of(request).engine, me.groups) as conn:
        facts = _facts(conn, request, me)
    shown, zone = view.rows(facts), context_of(request).zone_of(me)
    own = [one for one in facts.directory.readers.values() if one.group == facts.group]
    return {
        "rows": shown,
        "matrix": view.matrix(shown),
        "slacks": view.SLACKS,
        "tiles": view.tiles(facts),
        "partners": view.partners(facts),
        "chart": chart(due_by_hour(facts.own, own, facts.at, HOURS), zone),
        "choices": view.choices(shown),
        "tabs": [
            (name, label, sum(name in row.lists for row in shown))
            for name, label in (
                (view.ALL, "All"), (view.FREE, "Nobody yet"), (view.OFFERED, "Offered"),
                (view.READING, "Reading"), (view.ESCALATED, "Escalated"),
            )
        ],
        "clipped": len(facts.items) == MOST_ROWS,
    }  # fmt: skip


def _panel(
    conn: Connection, request: Request, me: Principal, item_id: ItemId
) -> dict[str, Any]:
    facts = _facts(conn, request, me)
    item = worklist.get(conn, item_id)
    if item.owner_group != facts.group:
        raise NotFound("no such exam on your board")
    found = next((row for row in view.rows(facts) if row.item.id == item_id), None)
    verdicts = worklist.verdicts(item, facts.directory, facts.at)
    declined = facts.declined.get(item_id, frozenset())
    return {
        "row": found,
        "item": item,
        "candidates": candidates(
            item, facts.directory, verdicts, load_of(list(facts.items), facts.at), declined,
            facts.at,
        ),
        "sentence": worklist.why_offered(conn, item_id),
        "last": last_move(conn, item_id),
        "held": item.held_at_instant(facts.at),
    }  # fmt: skip


def _show(
    request: Request, values: dict[str, Any], said: Said, wanted: Wanted,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:  # fmt: skip
    if "hx-request" not in request.headers and request.method == "POST" and not said.trouble:
        return RedirectResponse("/board", HTTPStatus.SEE_OTHER)
    template = "parts/board_panel.html" if "hx-request" in request.headers else "board_one.html"
    made = render(
        request, template, status=status, said=said, wanted=wanted, shortest=SHORTEST_REASON,
        longest=LONGEST_REASON, seconds=int(TAKE_BACK_WITHIN.total_seconds()), **values,
    )  # fmt: skip
    if request.method == "POST":
        made.headers["hx-trigger"] = "worklist"
    return made
