"""WADO-RS: bulk data that the metadata points at (PS3.18 section 10.4.1.1.5)."""

from collections.abc import Iterator
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, Request, Response

from confrere.dicomweb import accept, frames, sending
from confrere.dicomweb.door import VIEW, DicomRoute, Door, NotAcceptable
from confrere.dicomweb.sending import KEPT, Part
from confrere.dicomweb.wado import instances, wished
from confrere.imaging.datasets import bulk_value
from confrere.imaging.elements import encoding_of
from confrere.imaging.model import Instance
from confrere.imaging.plain import open_plain
from confrere.imaging.syntaxes import EXPLICIT, served
from confrere.kernel.principal import Principal

PIXEL_PATHS = ("7FE00008", "7FE00009", "7FE00010")


def routes(door: Door) -> APIRouter:
    """Make the route."""
    router = APIRouter(route_class=DicomRoute)
    Allowed: TypeAlias = Annotated[Principal, Depends(door.allow(VIEW))]

    @router.get(frames.OBJECT + "/bulkdata/{path:path}")
    def bulkdata(
        request: Request,
        principal: Allowed,
        *,
        study: str,
        series: str,
        sop: str,
        path: str,
    ) -> Response:
        (instance,) = instances(door, principal, study, series, sop)
        if path.upper() in PIXEL_PATHS:
            where = door.frames.map(instance)
            if where.frames:
                return frames.send(door.frames, request, instance, range(1, where.count + 1))
            return _value(door, request, instance, path, (where.at, where.native_size))
        return _value(door, request, instance, path)

    return router


def _value(
    door: Door,
    request: Request,
    instance: Instance,
    path: str,
    known: tuple[int, int] | None = None,
) -> Response:
    choice = accept.for_frames(wished(request), EXPLICIT, single=True)
    if choice is None:
        raise NotAcceptable("bulk data comes as application/octet-stream: accept that")
    tag = sending.etag(instance.digest, path.encode())
    if (same := sending.unchanged(request, tag)) is not None:
        return same
    place = known or _find(door, instance, path)
    pieces = iter([place]) if isinstance(place, bytes) else _range(door, instance, *place)
    part = Part(accept.OCTETS, pieces)
    headers = {**KEPT, "ETag": tag}
    if choice.multipart:
        return sending.several([part], accept.OCTETS, headers)
    return sending.one(part, headers)


def _find(door: Door, instance: Instance, path: str) -> tuple[int, int] | bytes:
    with open_plain(door.blobs, instance.digest, instance.transfer_syntax) as stream:
        return bulk_value(stream, encoding_of(served(instance.transfer_syntax)), path)


def _range(door: Door, instance: Instance, at: int, length: int) -> Iterator[bytes]:
    with open_plain(door.blobs, instance.digest, instance.transfer_syntax) as stream:
        yield from sending.range_pieces(stream, at, length)
