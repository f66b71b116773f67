"""WADO-RS: rendered frames and thumbnails (PS3.18 section 10.4.1.1.4)."""

import re
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, Request, Response

from confrere.dicomweb import accept, sending
from confrere.dicomweb.door import VIEW, DicomRoute, Door, NotAcceptable
from confrere.dicomweb.frames import OBJECT, listed
from confrere.dicomweb.sending import KEPT
from confrere.dicomweb.wado import instances, wished
from confrere.imaging.model import Instance
from confrere.imaging.rendering import LARGEST_SIDE, Look
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.principal import Principal

THUMBNAIL = (256, 256)


def routes(door: Door) -> APIRouter:
    """Make the routes."""
    router = APIRouter(route_class=DicomRoute)
    Allowed: TypeAlias = Annotated[Principal, Depends(door.allow(VIEW))]

    @router.get(OBJECT + "/frames/{numbers}/rendered")
    @router.get(OBJECT + "/rendered")
    def rendered(
        request: Request,
        principal: Allowed,
        *,
        study: str,
        series: str,
        sop: str,
        numbers: str = "1",
    ) -> Response:
        (instance,) = instances(door, principal, study, series, sop)
        return _picture(door, request, instance, listed(numbers)[0], None)

    @router.get(OBJECT + "/frames/{numbers}/thumbnail")
    @router.get(OBJECT + "/thumbnail")
    @router.get("/studies/{study}/series/{series}/thumbnail")
    @router.get("/studies/{study}/thumbnail")
    def thumbnail(
        request: Request,
        principal: Allowed,
        *,
        study: str,
        series: str | None = None,
        sop: str | None = None,
        numbers: str = "1",
    ) -> Response:
        found = instances(door, principal, study, series, sop)
        shown = [one for one in found if one.rows]
        if not shown:
            raise NotFound("nothing here has pixels to show")
        middle = shown[len(shown) // 2]
        return _picture(door, request, middle, listed(numbers)[0], THUMBNAIL)

    return router


def _picture(
    door: Door,
    request: Request,
    instance: Instance,
    number: int,
    viewport: tuple[int, int] | None,
) -> Response:
    media = accept.for_picture(wished(request))
    if media is None:
        raise NotAcceptable("pictures come as image/jpeg or image/png: accept one")
    look = _look(request, media, viewport)
    tag = sending.etag(instance.digest, repr((number, look)).encode())
    if (same := sending.unchanged(request, tag)) is not None:
        return same
    content = door.frames.picture(instance, number, look)
    return Response(content, headers={**KEPT, "ETag": tag}, media_type=media)


def _look(request: Request, media: str, viewport: tuple[int, int] | None) -> Look:
    """Read window, viewport and quality (PS3.18 8.3.5.1); raises Invalid naming which."""
    asked = request.query_params
    window = None
    if "window" in asked:
        found = re.fullmatch(
            r"(-?[0-9]{1,7}(?:\.[0-9]{1,6})?),([0-9]{1,7}(?:\.[0-9]{1,6})?)(,[a-z-]+)?",
            asked["window"],
        )
        if found is None:
            raise Invalid("write it as window=centre,width,linear", "window")
        window = (float(found[1]), float(found[2]))
    if "viewport" in asked:
        found = re.fullmatch(r"([1-9][0-9]{0,4}),([1-9][0-9]{0,4})(,.*)?", asked["viewport"])
        if found is None or max(int(found[1]), int(found[2])) > LARGEST_SIDE:
            raise Invalid("write it as viewport=columns,rows", "viewport")
        viewport = (int(found[1]), int(found[2]))
    quality = asked.get("quality", "90")
    if not re.fullmatch(r"[1-9][0-9]?|100", quality):
        raise Invalid("quality is 1 to 100", "quality")
    return Look(media, window, viewport, int(quality))
