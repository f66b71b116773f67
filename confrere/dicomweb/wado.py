"""WADO-RS: studies, series and instances as objects and as metadata (PS3.18 section 10.4)."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, Request, Response

from confrere.database.engine import transaction
from confrere.dicomweb import accept, sending
from confrere.dicomweb.door import PRIVATE, VIEW, DicomRoute, Door, NotAcceptable
from confrere.dicomweb.sending import ASKED_AGAIN, Part
from confrere.imaging import finding
from confrere.imaging.model import Instance
from confrere.imaging.syntaxes import EXPLICIT, served
from confrere.imaging.transcoding import decompressed
from confrere.kernel.principal import Principal


def routes(door: Door) -> APIRouter:
    """Make the routes at three levels."""
    router = APIRouter(route_class=DicomRoute)
    Allowed: TypeAlias = Annotated[Principal, Depends(door.allow(VIEW))]

    @router.get("/studies/{study}")
    @router.get("/studies/{study}/series/{series}")
    @router.get("/studies/{study}/series/{series}/instances/{sop}")
    def objects(
        request: Request,
        principal: Allowed,
        study: str,
        series: str | None = None,
        sop: str | None = None,
    ) -> Response:
        return _objects(door, request, instances(door, principal, study, series, sop), sop)

    @router.get("/studies/{study}/metadata")
    @router.get("/studies/{study}/series/{series}/metadata")
    @router.get("/studies/{study}/series/{series}/instances/{sop}/metadata")
    def metadata(
        request: Request,
        principal: Allowed,
        study: str,
        series: str | None = None,
        sop: str | None = None,
    ) -> Response:
        if not accept.takes_json(wished(request)):
            raise NotAcceptable("metadata comes as application/dicom+json: accept that")
        with transaction(door.engine, principal.groups) as conn:
            found = finding.pick_study(conn, door.scope(conn, principal), study)
            door.note(conn, principal, "view", found)
            content = finding.metadata(conn, door.blobs, found, series, sop)
        return Response(content, headers=PRIVATE, media_type=accept.JSON)

    return router


def wished(request: Request) -> list[accept.Wish]:
    """Read what the client accepts; the query parameter wins (PS3.18 8.3.3.1)."""
    return accept.wishes(
        request.query_params.get("accept") or request.headers.get("accept", "")
    )


def instances(
    door: Door, principal: Principal, study: str, series: str | None, sop: str | None
) -> list[Instance]:
    """Pick the study, note the access, and return the instances asked for."""
    with transaction(door.engine, principal.groups) as conn:
        found = finding.pick_study(conn, door.scope(conn, principal), study)
        door.note(conn, principal, "view", found)
        return finding.instances_of(conn, found.id, series, sop)


def _objects(door: Door, request: Request, found: list[Instance], sop: str | None) -> Response:
    syntaxes = {one.transfer_syntax for one in found}
    choice = accept.for_objects(wished(request), syntaxes, single=sop is not None)
    if choice is None:
        raise NotAcceptable("objects come as application/dicom in their stored syntax")
    headers = dict(PRIVATE)
    if sop is not None:
        said = repr((choice.syntax, found[0].coerced)).encode()
        headers = {**ASKED_AGAIN, "ETag": sending.etag(found[0].digest, sha256(said).digest())}
        if (same := sending.unchanged(request, headers["ETag"], headers)) is not None:
            return same
    parts = (_part(door, one, stored=choice.stored) for one in found)
    if choice.multipart:
        return sending.several(parts, accept.DICOM, headers)
    return sending.one(next(parts), headers)


def _part(door: Door, instance: Instance, *, stored: bool) -> Part:
    if stored or served(instance.transfer_syntax) == EXPLICIT:
        syntax = served(instance.transfer_syntax)
        pieces: Iterator[bytes] = sending.object_pieces(door.blobs, instance)
    else:
        syntax = EXPLICIT
        pieces = decompressed(door.blobs, instance)
    return Part(f"{accept.DICOM}; transfer-syntax={syntax}", pieces)
