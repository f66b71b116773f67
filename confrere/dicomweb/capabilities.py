"""The capabilities resource: what this service answers, as WADL (PS3.18 section 8.9, annex H).

It is made of the routes that are served and of the tables that answers are chosen from.
"""

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute

from confrere.dicomweb import accept
from confrere.dicomweb.door import PRIVATE, VIEW, DicomRoute, Door, NotAcceptable, base_url
from confrere.dicomweb.wado import wished
from confrere.imaging.attributes import ATTRIBUTES, Level

WADL = "application/vnd.sun.wadl+xml"
NAMESPACE = "http://wadl.dev.java.net/2009/02"
TAKEN = (WADL, "application/xml", "application/*", "*/*")
LEVELS = {"studies": Level.STUDY, "series": Level.SERIES, "instances": Level.INSTANCE}
CONTROLS = ("limit", "offset", "includefield", "fuzzymatching")
STORED = f'{accept.PARTS}; type="{accept.DICOM}"'


def routes(door: Door, described: Iterable[APIRoute]) -> APIRouter:
    """Make the route; `described` are all others beneath the same address."""
    router = APIRouter(route_class=DicomRoute)
    known = list(described)

    @router.api_route("/", methods=["OPTIONS", "GET"], dependencies=[Depends(door.allow(VIEW))])
    def capabilities(request: Request) -> Response:
        if not any(wish.media in TAKEN for wish in wished(request)):
            raise NotAcceptable(f"capabilities come as {WADL}: accept that")
        content = describe(known, base_url(request))
        return Response(content, headers=PRIVATE, media_type=WADL)

    return router


def describe(known: Iterable[APIRoute], base: str) -> bytes:
    """Write the document: one resource for each segment of an address, in their order."""
    ET.register_namespace("", NAMESPACE)
    root = ET.Element(f"{{{NAMESPACE}}}application")
    top = ET.SubElement(root, f"{{{NAMESPACE}}}resources", base=base)
    places: dict[tuple[str, ...], ET.Element] = {(): top}
    offered = (one for one in known if one.include_in_schema)
    for route in sorted(offered, key=lambda one: one.path):
        segments = tuple(route.path.strip("/").split("/"))
        for depth in range(1, len(segments) + 1):
            if segments[:depth] not in places:
                parent = places[segments[: depth - 1]]
                path = segments[depth - 1].replace(":path", "")
                places[segments[:depth]] = _resource(parent, path)
        for method in sorted(route.methods or ()):
            _method(places[segments], route, method)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _resource(parent: ET.Element, path: str) -> ET.Element:
    made = ET.SubElement(parent, f"{{{NAMESPACE}}}resource", path=path)
    if path.startswith("{"):
        ET.SubElement(
            made,
            f"{{{NAMESPACE}}}param",
            name=path.strip("{}"),
            style="template",
            required="true",
        )
    return made


def _method(place: ET.Element, route: APIRoute, method: str) -> None:
    made = ET.SubElement(place, f"{{{NAMESPACE}}}method", name=method, id=route.name)
    asked = ET.SubElement(made, f"{{{NAMESPACE}}}request")
    for name in _keys(route, method):
        ET.SubElement(asked, f"{{{NAMESPACE}}}param", name=name, style="query")
    if method in ("POST", "PUT") and "workitems" not in route.path:
        ET.SubElement(asked, f"{{{NAMESPACE}}}representation", mediaType=STORED)
    answer = ET.SubElement(made, f"{{{NAMESPACE}}}response")
    bare = "workitems" in route.path and method != "GET"  # a status and nothing more
    for media in () if bare else answered(route.path, method):
        ET.SubElement(answer, f"{{{NAMESPACE}}}representation", mediaType=media)


def _keys(route: APIRoute, method: str) -> list[str]:
    last = route.path.rsplit("/", 1)[-1]
    if method != "GET" or last not in LEVELS:
        return list((route.openapi_extra or {}).get("x-search-keys", ()))
    keys = [one.keyword for one in ATTRIBUTES if one.level <= LEVELS[last]]
    return [*keys, *CONTROLS]


def answered(path: str, method: str = "GET") -> list[str]:
    """Say which media types a path's answers can have, the usual first."""
    last = path.rsplit("/", 1)[-1]
    if method == "POST":
        return [accept.JSON]
    if last in ("rendered", "thumbnail"):
        return list(accept.PICTURES)
    if last in ("{study}", "{series}", "{sop}"):
        return [STORED, accept.DICOM] if last == "{sop}" else [STORED]
    if last == "{numbers}" or "bulkdata" in path:
        bare = [accept.OCTETS, *accept.FRAME_TYPES] if last == "{numbers}" else [accept.OCTETS]
        return [*(f'{accept.PARTS}; type="{one}"' for one in bare), *bare]
    return [accept.JSON]
