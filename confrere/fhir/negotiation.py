"""What a request carries beside its address: format, handling, form, and our own address."""

import json
from http import HTTPStatus

from fastapi import Request

from confrere.fhir.elements import Json
from confrere.fhir.outcome import Unanswerable
from confrere.fhir.query import JSON_FORMATS, Pairs, pairs
from confrere.kernel.errors import Invalid

LONGEST_FORM = 65_536  # bytes
FORM = "application/x-www-form-urlencoded"
ANY = ("*/*", "application/*", "")


def base_of(request: Request, address: str) -> str:
    """The address that our links begin with: the one configured, else the request's own."""
    return (address or str(request.base_url)).rstrip("/") + "/fhir"


def is_strict(request: Request) -> bool:
    """Say whether unknown parameters are errors: `Prefer: handling=strict`."""
    return "handling=strict" in request.headers.get("prefer", "").lower().replace(" ", "")


def require_json(request: Request) -> None:
    """Raise Unanswerable when the client takes only what we do not write."""
    asked = request.query_params.get("_format")
    wanted = [asked] if asked else request.headers.get("accept", "").split(",")
    plain = [one.partition(";")[0].strip().lower() for one in wanted]
    if not any(one in (*JSON_FORMATS, *ANY) for one in plain):
        raise Unanswerable(
            HTTPStatus.NOT_ACCEPTABLE, "This server writes application/fhir+json only."
        )


async def form_of(request: Request) -> Pairs:
    """Read a search's form; raises Unanswerable when it is another kind of body, or too long."""
    body = await _body_of(request, "A form")
    if body and _kind_of(request) != FORM:
        raise Unanswerable(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Send the search as {FORM}.")
    return pairs(body.decode("utf-8", "replace"))


async def parameters_of(request: Request) -> Json:
    """Read what an operation is called with: a Parameters resource, or the address's strings.

    Raises Unanswerable when the body is another kind or too long, Invalid when it is no JSON.
    """
    if request.method == "GET":
        given = [{"name": n, "valueString": v} for n, v in pairs(request.url.query)]
        return {"resourceType": "Parameters", "parameter": given}
    body = await _body_of(request, "A Parameters resource")
    if _kind_of(request) not in JSON_FORMATS:
        raise Unanswerable(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send application/fhir+json.")
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise Invalid("Parameters: send one JSON object", "Parameters")
    return read


async def _body_of(request: Request, what: str) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_FORM:
            raise Unanswerable(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{what} has at most {LONGEST_FORM} bytes."
            )
    return bytes(body)


def _kind_of(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
