"""WADO-RS: frames (PS3.18 section 10.4.1.1.3)."""

import re
from collections.abc import Sequence
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, Request, Response

from confrere.dicomweb import accept, sending
from confrere.dicomweb.accept import Choice
from confrere.dicomweb.door import VIEW, DicomRoute, Door, NotAcceptable
from confrere.dicomweb.sending import KEPT, Part
from confrere.dicomweb.wado import instances, wished
from confrere.imaging.frames import Frames
from confrere.imaging.model import Instance
from confrere.imaging.syntaxes import EXPLICIT, served
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.principal import Principal

OBJECT = "/studies/{study}/series/{series}/instances/{sop}"
MOST_FRAMES = 1000


def routes(door: Door) -> APIRouter:
    """Make the route."""
    router = APIRouter(route_class=DicomRoute)
    Allowed: TypeAlias = Annotated[Principal, Depends(door.allow(VIEW))]

    @router.get(OBJECT + "/frames/{numbers}")
    def frames(
        request: Request,
        principal: Allowed,
        *,
        study: str,
        series: str,
        sop: str,
        numbers: str,
    ) -> Response:
        wanted = listed(numbers)
        found = instances(door, principal, study, series, None)
        instance = next((one for one in found if one.sop_uid == sop), None)
        if instance is None:
            raise NotFound("this study holds no such series or object")
        door.opened(request, study, series, found)
        return send(door.frames, request, instance, wanted)

    return router


def listed(text: str) -> list[int]:
    """Read a frame list such as 1,2,5 (PS3.18 10.4.1.1.3); raises Invalid."""
    if not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9})*", text):
        raise Invalid("write frames as numbers with commas, such as 1,2,5", "frames")
    numbers = [int(part) for part in text.split(",")]
    if len(numbers) > MOST_FRAMES:
        raise Invalid(f"ask for at most {MOST_FRAMES} frames at once", "frames")
    return numbers


def send(
    read: Frames, request: Request, instance: Instance, numbers: Sequence[int]
) -> Response:
    """Answer with frames, as stored or uncompressed."""
    syntax = served(instance.transfer_syntax)
    choice = accept.for_frames(
        wished(request),
        syntax,
        single=len(numbers) == 1,
        encodable=lambda: read.encodable(instance),
    )
    if choice is None:
        raise NotAcceptable("accept these frames as stored: transfer-syntax=*")
    tag = sending.etag(instance.digest, repr((numbers, choice)).encode())
    if (same := sending.unchanged(request, tag)) is not None:
        return same
    where = read.map(instance)
    for number in numbers:
        where.ranges(number)  # refuses before the first byte is sent
    kind = f"{choice.media}; transfer-syntax={choice.syntax}"
    parts = (Part(kind, [_read(read, instance, number, choice)]) for number in numbers)
    headers = {**KEPT, "ETag": tag}
    if len(numbers) == 1:  # most of all that are asked for: one write, no stream
        return sending.whole(next(parts), choice.media if choice.multipart else "", headers)
    return sending.several(parts, choice.media, headers)


def _read(read: Frames, instance: Instance, number: int, choice: Choice) -> bytes:
    if choice.stored:
        return read.stored(instance, number)
    if choice.syntax == EXPLICIT:
        return read.native(instance, number)
    return read.encoded(instance, number, choice.syntax)
