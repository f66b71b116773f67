"""UPS-RS: the worklist's exams as workitems for other worklist clients (PS3.18 chapter 11).

There is no second truth: each answer is made of the exam as it stands, and a change of state
is the worklist's own claim or release. Only the transaction UIDs are kept.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from confrere.audit.service import note_access
from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.imaging import service as imaging
from confrere.kernel.errors import Conflict, DomainError, Invalid, NotFound, Refused
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.web import ups_form as form
from confrere.web.access import allow
from confrere.web.context import context_of
from confrere.web.reading_act import Act, acting
from confrere.web.study_exam import look
from confrere.web.worklist_lines import lines_for
from confrere.worklist import claims, transactions
from confrere.worklist import service as worklist
from confrere.worklist.model import READ, Item

if TYPE_CHECKING:
    from sqlalchemy import Connection

Looker = Annotated[Principal, Depends(allow(Permission.READ_WORKLIST))]
Claimer = Annotated[Principal, Depends(allow(Permission.CLAIM))]
DOOR, MEDIA = "dicomweb", "application/dicom+json"
LARGEST_BODY, LONGEST_UID = 64 << 10, 64
MOST_OPEN, MOST, USUAL = 2000, 500, 100
CONTROLS = ("limit", "offset", "includefield", "fuzzymatching")
PRIVATE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
STATUSES: tuple[tuple[type[DomainError], int], ...] = (
    (NotFound, 404), (Conflict, 409), (Refused, 403), (Invalid, 400),
)  # fmt: skip
UID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
NOT_OFFERED = (
    "workitems are made from the orders and images that arrive, and nothing is sent about "
    "them: creation, update and subscriptions are not offered; search again to see changes"
)


class UpsRoute(APIRoute):
    """A route whose errors are JSON with a Warning header (PS3.18 section 11.7.3)."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Wrap the handler."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except DomainError as error:
                status = next((code for kind, code in STATUSES if isinstance(error, kind)), 503)
                return _problem(status, str(error), getattr(error, "field", ""))

        return answer


router = APIRouter(route_class=UpsRoute, tags=["DICOMweb"])


@router.get("/workitems", openapi_extra={"x-search-keys": [*form.KEYS, "limit", "offset"]})
def search(request: Request, me: Looker) -> Response:
    """Search the exams of the caller's worklist, first those to read first."""
    if not _takes_json(request):
        return _problem(406, f"workitems come as {MEDIA}: accept that")
    pairs = request.query_params.multi_items()
    keys = form.matcher((k, v) for k, v in pairs if k not in CONTROLS)
    limit, offset = _number(pairs, "limit", USUAL), _number(pairs, "offset", 0)
    context = context_of(request)
    now = context.now()
    with transaction(context.engine, me.groups) as conn:
        items = worklist.open_items(conn, MOST_OPEN)
        clipped = len(items) == MOST_OPEN
        items = [one for one in (*items, *worklist.finished(conn)) if _is_task(one)]
        lines = lines_for(me, items, network.directory(conn, now), now)
        made = _made(conn, request, [(one.item, one.withheld) for one in lines])
        for owner in sorted({*me.groups, *(one.owner_group for one in items)}):
            note_access(
                conn, context.audit_key, me, door=DOOR, kind="worklist", owner_group=owner,
                object_id=None, now=now,
            )  # fmt: skip
    found = [one for one in made if form.matches(one, keys)]
    page = found[offset : offset + min(limit, MOST)]
    more = clipped or len(found) > offset + len(page)
    told = _warning("There are additional results that can be requested") if more else {}
    return Response(json.dumps(page), headers={**PRIVATE, **told}, media_type=MEDIA)


@router.get("/workitems/{workitem}")
def retrieve(request: Request, me: Looker, workitem: str) -> Response:
    """One workitem as it stands; the transaction UID is never told (PS3.4 CC.2.7.3)."""
    if not _takes_json(request):
        return _problem(406, f"workitems come as {MEDIA}: accept that")
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        standing = look(conn, me, form.item_of(workitem), context.now()).standing
        item, knows = standing.item, standing.knows_patient
        _refuse_others(item)
        (made,) = _made(conn, request, [(item, not knows)])
        note_access(
            conn, context.audit_key, me, door=DOOR, kind="study", owner_group=item.owner_group,
            now=standing.at, object_id=item.study or item.id,
            patient_id=item.patient if knows else None, study_id=item.study,
        )  # fmt: skip
    return Response(json.dumps([made]), headers=PRIVATE, media_type=MEDIA)


@router.put("/workitems/{workitem}/state")
@router.put("/workitems/{workitem}/state/{requester}")
async def change_state(request: Request, me: Claimer, workitem: str) -> Response:
    """Claim, give back, or say that it is read; `requester` is not used: the caller is known."""
    state, uid = _asked(await _body(request))
    return await run_in_threadpool(_change, request, me, workitem, state, uid)


@router.post("/workitems/{workitem}/cancelrequest")
@router.post("/workitems/{workitem}/cancelrequest/{requester}")
def request_cancellation(request: Request, me: Claimer, workitem: str) -> Response:
    """Give one's own exam back; whoever else has it cannot be told from here."""
    with acting(request, me, form.item_of(workitem), "release", DOOR) as act:
        _refuse_others(act.item)
        token = act.item.hold_token
        if act.item.held_by != act.reader.id or token is None:
            raise Conflict(
                f"the performer can't be asked from here; it is {form.STATES[act.item.state]}. "
                "A lead moves exams on the board, the site cancels its orders"
            )
        _release(act, token)
    return Response(status_code=202, headers=PRIVATE)


@router.post("/workitems", include_in_schema=False)
@router.post("/workitems/{workitem}", include_in_schema=False)
@router.post("/workitems/{workitem}/subscribers/{subscriber}", include_in_schema=False)
@router.post("/workitems/{workitem}/subscribers/{subscriber}/suspend", include_in_schema=False)
@router.delete("/workitems/{workitem}/subscribers/{subscriber}", include_in_schema=False)
@router.get("/subscribers/{subscriber}", include_in_schema=False)
def not_offered(_me: Looker) -> Response:
    """Say what is not offered."""
    return _problem(501, NOT_OFFERED)


def _change(request: Request, me: Principal, workitem: str, state: str, uid: str) -> Response:
    what = "claim" if state == form.IN_PROGRESS else "release"
    with acting(request, me, form.item_of(workitem), what, DOOR) as act:
        _refuse_others(act.item)
        stands = form.STATES[act.item.state]
        if state in (form.COMPLETED, form.CANCELED) and stands == state:
            told = _warning(f"The UPS is already in the requested state of {state}.")
            return Response(status_code=200, headers={**PRIVATE, **told})
        if stands in (form.COMPLETED, form.CANCELED):
            raise Conflict(f"the exam is {stands}: its state does not change any more")
        if state == form.IN_PROGRESS:
            taken = claims.claim(
                act.conn, act.item, act.reader, act.directory, act.now, act.lease
            )
            transactions.bind(act.conn, taken, act.reader, uid, act.now)
            act.note("E", "claim", taken.id)
        elif state == form.CANCELED:
            token = transactions.hold_of(act.conn, act.item, act.reader, uid)
            if stands != form.IN_PROGRESS:
                raise Conflict("the exam is SCHEDULED: there is nothing to give back")
            if token is None:
                raise Invalid("the correct Transaction UID was not provided", "TransactionUID")
            _release(act, token)
        else:
            raise Conflict("the report is not signed: sign it here, then it is COMPLETED")
    return Response(status_code=200, headers=PRIVATE)


def _release(act: Act, token: Any) -> None:
    given = claims.release(act.conn, act.item.id, act.reader.id, token, act.now)
    transactions.forget(act.conn, act.item, act.reader)
    act.note("E", "release", given.id)


def _is_task(item: Item) -> bool:
    return item.kind == READ and not item.shadow


def _refuse_others(item: Item) -> None:
    if not _is_task(item):
        raise NotFound("no such workitem: late images and compared exams are none")


def _made(
    conn: "Connection", request: Request, items: Iterable[tuple[Item, bool]]
) -> list[form.Json]:
    items = list(items)
    wanted = [one.study for one, withheld in items if one.study and not withheld]
    uids = {one.id: one.study_uid for one in imaging.get_many(conn, wanted)} if wanted else {}
    base = f"{request.url.scheme}://{request.url.netloc}/dicom-web"
    return [
        form.workitem(
            one, uids.get(one.study, "") if one.study else "", base, withheld=withheld
        )
        for one, withheld in items
    ]


async def _body(request: Request) -> bytes:
    held = bytearray()
    async for piece in request.stream():
        held += piece
        if len(held) > LARGEST_BODY:
            raise Invalid("a change of state has at most 64 KiB", "body")
    return bytes(held)


def _asked(body: bytes) -> tuple[str, str]:
    """Read the state and the transaction UID of a request (PS3.18 table 11.7.1-2)."""
    try:
        told = json.loads(body)
        told = told[0] if isinstance(told, list) else told
        state = told["00741000"]["Value"][0]
        uid = told["00081195"]["Value"][0]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        message = "send DICOM JSON with ProcedureStepState and TransactionUID"
        raise Invalid(message, "body") from None
    if state not in (form.IN_PROGRESS, form.COMPLETED, form.CANCELED):
        raise Invalid("ask for IN PROGRESS, COMPLETED or CANCELED", "ProcedureStepState")
    if not isinstance(uid, str) or len(uid) > LONGEST_UID or not UID.fullmatch(uid):
        raise Invalid("the Transaction UID must be a UID", "TransactionUID")
    return state, uid


def _number(pairs: Iterable[tuple[str, str]], name: str, usual: int) -> int:
    text = dict(pairs).get(name, str(usual))
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise Invalid(f"{name} must be a whole number from 0 up", name)
    return int(text)


def _takes_json(request: Request) -> bool:
    accepted = request.query_params.get("accept") or request.headers.get("accept", "")
    return not accepted or any(
        one in accepted for one in (MEDIA, "application/json", "application/*", "*/*")
    )


def _warning(text: str) -> dict[str, str]:
    safe = text.replace('"', "'").replace("\\", "/").encode("ascii", "replace").decode()
    return {"Warning": f'299 confrere: "{" ".join(safe.split())}"'}


def _problem(status: int, message: str, field: str = "") -> Response:
    body = json.dumps({"message": message, **({"field": field} if field else {})})
    headers = {**PRIVATE, **_warning(message)}
    return Response(body, status, headers=headers, media_type="application/json")
