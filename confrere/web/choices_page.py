"""What a reader was offered, took and declined: for that reader, and for their own group's lead.

Colleagues and partners see none of it. The database keeps it within the reader's group; within
the group these routes do.
"""

from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from confrere.analytics.cherry_picking import FEWEST, Picking, picking
from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import NotFound, Refused
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network.model import Reader
from confrere.web import dashboard_words as words
from confrere.web.access import allow
from confrere.web.acts import note_seen
from confrere.web.choices_chart import STEP, quarter_bars, scale
from confrere.web.context import context_of
from confrere.web.rendering import render
from confrere.worklist import service as worklist
from confrere.worklist.declining import REASONS
from confrere.worklist.taking import Chose

Lead = Annotated[Principal, Depends(allow(Permission.ASSIGN))]
OneReader = Annotated[Principal, Depends(allow(Permission.CLAIM))]
Days = Literal["30", "90", "365"]
NOTHING = Chose(0, (), ())

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/my-declines")
def mine(request: Request, me: OneReader, days: Days = "90") -> Response:
    """Show a reader their own choices."""
    if me.reader is None:
        raise Refused("only a reader has choices to show; sign in as one")
    found = {reader.id: (reader, made) for reader, made in _found(request, me, days)}
    if me.reader not in found:
        raise NotFound("no such reader in your group")
    reader, made = found[me.reader]
    return _one(request, reader, made, days, own=True)


@router.get("/declines")
def everybody(request: Request, me: Lead, days: Days = "90") -> Response:
    """Show a lead the readers of their own group, by name: this is no ranking."""
    found = _found(request, me, days)
    indices = [made.index for _, made in found if made.index]
    return render(
        request, "choices.html", found=found, days=days, words=words, fewest=FEWEST,
        scale=scale(indices), offered=sum(made.offered for _, made in found),
    )  # fmt: skip


@router.get("/declines/{reader_id}")
def one_reader(request: Request, me: Lead, reader_id: UUID, days: Days = "90") -> Response:
    """Show a lead one reader of their own group; it is noted that they looked."""
    found = next((pair for pair in _found(request, me, days) if pair[0].id == reader_id), None)
    if found is None:
        raise NotFound("no such reader in your group")
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        note_seen(
            conn, request, me, "reader choices", now=context.now(), object_id=reader_id,
        )  # fmt: skip
    return _one(request, *found, days, own=False)


def _found(request: Request, me: Principal, days: Days) -> list[tuple[Reader, Picking]]:
    if me.group is None:
        raise Refused("Readers belong to groups; sign in with a group's account.")
    context = context_of(request)
    now = context.now()
    with transaction(context.engine, me.groups) as conn:
        directory = network.directory(conn, now)
        chosen = worklist.chosen(conn, me.group, now - timedelta(days=int(days)), now)
    own = [r for r in directory.readers.values() if r.group == me.group and r.active]
    return [
        (one, picking(chosen.get(one.id, NOTHING)))
        for one in sorted(own, key=lambda reader: (reader.name, str(reader.id)))
    ]


def _one(request: Request, reader: Reader, made: Picking, days: Days, *, own: bool) -> Response:
    reasons = [(REASONS.get(code, code), count) for code, count in made.reasons.items()]
    return render(
        request, "choices_one.html", reader=reader, made=made, days=days, own=own, words=words,
        fewest=FEWEST, reasons=reasons, most=max(made.reasons.values(), default=1),
        bars=quarter_bars(made.quarters), step=STEP, scale=scale([made.index] if made.index else []),
    )  # fmt: skip
