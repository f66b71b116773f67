"""STOW-RS: store (PS3.18 section 10.5)."""

from collections.abc import AsyncIterator, Callable, Iterator
from http import HTTPStatus
from typing import Annotated, TypeAlias

from anyio import CapacityLimiter, from_thread, to_thread
from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from confrere.database.engine import transaction
from confrere.dicomweb import accept, answers, multipart
from confrere.dicomweb.answers import Stored
from confrere.dicomweb.door import (
    PRIVATE,
    STORE,
    DicomRoute,
    Door,
    NotAcceptable,
    base_url,
    problem,
)
from confrere.dicomweb.receiving import Part, Rejected
from confrere.dicomweb.wado import wished
from confrere.imaging import asides, service
from confrere.imaging.batching import BATCH, file_batch
from confrere.imaging.model import Arrival, Aside, Filed, Outcome
from confrere.kernel.errors import DomainError, Invalid, Refused
from confrere.kernel.principal import Principal

TOO_LARGE, UNSUPPORTED = 413, 415
LARGEST_BODY = 64 << 30
GULP = 1 << 20  # bytes of a body that are taken at once
MOST_UPLOADS = 24  # requests whose bodies are on their way at once, in this process
BUSY = "too many uploads at once: send it again in a moment"
TOO_MUCH = "a request can have at most 64 GiB: send fewer objects at once"
METADATA = (accept.JSON, "application/dicom+xml")  # PS3.18 section 10.5.1, table 10.5.1-2
Pull = Callable[[], bytes]


def routes(door: Door) -> APIRouter:
    """Make the store routes."""
    router = APIRouter(route_class=DicomRoute)
    Allowed: TypeAlias = Annotated[Principal, Depends(door.allow(STORE))]
    # threads of their own: a body that trickles in must not keep one that pages need
    uploads = CapacityLimiter(MOST_UPLOADS)

    @router.post("/studies")
    @router.post("/studies/{study}")
    async def store(request: Request, principal: Allowed, study: str = "") -> Response:
        content_type = request.headers.get("content-type", "")
        told = multipart.parameters(content_type)
        media = content_type.split(";")[0].strip().lower()
        kind = told.get("type", accept.DICOM).lower()
        if media != accept.PARTS or kind != accept.DICOM:
            return problem(UNSUPPORTED, _unsupported(media, kind), "Content-Type")
        if not accept.takes_json(wished(request)):
            raise NotAcceptable("the answer is application/dicom+json: accept that")
        if int(request.headers.get("content-length", "0")) > LARGEST_BODY:
            return problem(TOO_LARGE, TOO_MUCH, "Content-Length")
        if not uploads.available_tokens:
            busy = problem(HTTPStatus.SERVICE_UNAVAILABLE, BUSY)
            busy.headers["retry-after"] = "5"
            return busy
        reader = multipart.Reader(told.get("boundary", ""))
        body = request.stream()
        taken = 0

        def pull() -> bytes:
            nonlocal taken
            data = from_thread.run(_next, body)
            taken += len(data)
            if taken > LARGEST_BODY:
                raise multipart.TooMuch(TOO_MUCH, "body")
            return data

        try:
            parts = await to_thread.run_sync(_receive, door, reader, pull, limiter=uploads)
        except multipart.TooMuch as error:
            return problem(TOO_LARGE, str(error), error.field)
        outcome = await run_in_threadpool(_file, door, principal, study, parts)
        status, content = answers.store_response(outcome, base_url(request))
        headers = {**PRIVATE, **answers.told(outcome)}
        return Response(content, status, headers=headers, media_type=accept.JSON)

    return router


def _unsupported(media: str, kind: str) -> str:
    wanted = 'send whole objects as multipart/related; type="application/dicom"'
    if media == accept.PARTS and kind in METADATA:
        return f"metadata with bulk data apart is not taken: {wanted}"
    return wanted


async def _next(body: AsyncIterator[bytes]) -> bytes:
    """The next bytes of the body, many at once: each hop between threads costs; empty: no more."""
    gulp = bytearray()
    try:
        async for chunk in body:
            gulp += chunk
            if len(gulp) >= GULP:
                break
    except ClientDisconnect:
        raise Invalid("the upload broke off: send it again", "body") from None
    return bytes(gulp)


def _receive(door: Door, reader: multipart.Reader, pull: Pull) -> list[Part]:
    """Read the whole body into the blob store; on a broken body nothing is filed."""
    parts: list[Part] = []
    current: Part | None = None
    try:
        for event in _events(reader, pull):
            if isinstance(event, multipart.Began):
                current = Part(door.blobs, event.headers.get("content-type", ""))
                parts.append(current)
            elif current and isinstance(event, multipart.Piece):
                current.write(event.data)
            elif current:
                current.keep()
    finally:
        if current:
            current.discard()
    if not parts:
        raise Invalid("the body has no parts: send at least one object", "body")
    return parts


def _events(reader: multipart.Reader, pull: Pull) -> Iterator[multipart.Event]:
    while data := pull():
        yield from reader.feed(data)
    reader.finish()


def _file(door: Door, principal: Principal, study: str, parts: list[Part]) -> list[Stored]:
    """File every part that can be; answer for each in its place."""
    _sync(door, parts)
    results: dict[int, Stored] = {}
    arrivals: list[tuple[int, Arrival]] = []
    unfit: list[Aside] = []
    for place, part in enumerate(parts):
        try:
            arrivals.append((place, _arrival(door, principal, study, part)))
        except Rejected as rejected:
            results[place] = part.stored(rejected)
            unfit += _aside(door, principal, part, rejected)
    if unfit:
        with transaction(door.engine, principal.groups) as conn:
            for aside in unfit:
                asides.keep(conn, aside)
    for start in range(0, len(arrivals), BATCH):
        batch = arrivals[start : start + BATCH]
        filed = file_batch(door.engine, [arrival for _, arrival in batch])
        for (place, arrival), outcome in zip(batch, filed, strict=True):
            results[place] = _stored(arrival, outcome)
        _note(door, principal, [one for one in filed if isinstance(one, Filed)])
    return [results[place] for place in range(len(parts))]


def _sync(door: Door, parts: list[Part]) -> None:
    """Make all parts durable together; where that fails none of them is stored."""
    try:
        door.blobs.sync(max(part.mark for part in parts))
    except OSError:
        for part in parts:
            part.failed = part.failed or Rejected(answers.OUT_OF_RESOURCES, "the disk failed")


def _arrival(door: Door, principal: Principal, study: str, part: Part) -> Arrival:
    if part.failed:
        raise part.failed
    head = part.head(study)
    try:
        owner, site = door.resolve_store(principal, head)
    except Refused as error:
        raise Rejected(answers.NOT_AUTHORIZED, str(error)) from None
    except DomainError as error:
        raise Rejected(answers.PROCESSING_FAILURE, str(error)) from None
    return Arrival(
        owner_group=owner,
        site_id=site,
        head=head,
        sop_class=head.sop_class,
        transfer_syntax=part.meta.transfer_syntax,
        digest=part.digest,
        size=part.size,
        calling_aet=part.meta.source_aet,
        received_at=door.now(),
        door="dicomweb",
    )


def _aside(door: Door, principal: Principal, part: Part, why: Rejected) -> list[Aside]:
    """Keep what is durable and can't be filed; a refused store leaves nothing behind."""
    if principal.group is None or not part.digest or why.reason == answers.NOT_AUTHORIZED:
        return []
    return [
        Aside(
            owner_group=principal.group,
            kind="mismatch" if why.reason == answers.NOT_ITS_CLASS else "invalid",
            reason=str(why),
            field=why.field,
            remedy="have the sender mend the object and send it again",
            digest=part.digest,
            size=part.size,
            at=door.now(),
            door="dicomweb",
            calling_aet=part.meta.source_aet,
            sop_uid=part.meta.sop_instance,
            transfer_syntax=part.meta.transfer_syntax,
        )
    ]


def _stored(arrival: Arrival, outcome: Filed | Exception) -> Stored:
    failure, because = 0, ""
    if isinstance(outcome, Exception):
        failure, because = answers.PROCESSING_FAILURE, "it could not be filed: send it again"
    elif outcome.outcome is Outcome.CONFLICT:
        failure, because = answers.DUPLICATE, "other bytes are filed under this SOPInstanceUID"
    head = arrival.head
    return Stored(
        head.sop_class,
        head.sop_instance,
        head.study_instance,
        head.series_instance,
        failure,
        because,
    )


def _note(door: Door, principal: Principal, filed: list[Filed]) -> None:
    keys = {
        one.study_id for one in filed if one.study_id and one.outcome is not Outcome.CONFLICT
    }
    with transaction(door.engine, principal.groups) as conn:
        for key in sorted(keys):
            door.note(conn, principal, "store", service.study(conn, key))
