"""Take the next best exam in one step: of readers who ask at once each gets another one."""

from datetime import timedelta
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.web.access import allow
from confrere.web.acts import note_act
from confrere.web.context import context_of
from confrere.web.reading_next import in_turn
from confrere.worklist import service as worklist
from confrere.worklist.in_turn import claim_first

MOST_TRIED = 50

router = APIRouter()


@router.post("/api/next")
def take_next(
    request: Request, me: Annotated[Principal, Depends(allow(Permission.CLAIM))]
) -> JSONResponse:
    """Claim the reader's next exam: held and offered first, then what may be read."""
    context = context_of(request)
    now = context.now()
    with transaction(context.engine, me.groups) as conn:
        directory = network.directory(conn, now)
        reader = directory.readers.get(me.reader) if me.reader else None
        if reader is None:
            return JSONResponse({"item": None, "url": None})
        candidates = in_turn(worklist.open_items(conn), directory, me.reader, now)
        taken = claim_first(
            conn, islice(candidates, MOST_TRIED), reader, directory, now,
            timedelta(minutes=context.settings.claim_minutes),
        )  # fmt: skip
        if taken is None:
            return JSONResponse({"item": None, "url": None})
        note_act(
            conn, request, me, "claim", object_id=taken.id, owner=taken.owner_group,
            action="E", patient=taken.patient, study=taken.study,
        )  # fmt: skip
    return JSONResponse({"item": str(taken.id), "url": f"/items/{taken.id}"})
