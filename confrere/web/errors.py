"""The one table from what went wrong to an answer, and the handler of last resort.

Pages get a page, htmx a fragment, programs JSON (`{error, field, remedy}`). Nothing that is
logged holds an exception's message: it may quote a row.
"""

import logging
import traceback
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlencode

from anyio.to_thread import run_sync
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from confrere.kernel.errors import (
    Conflict,
    DomainError,
    Invalid,
    NotFound,
    Refused,
    Unavailable,
)
from confrere.web.access import identify
from confrere.web.context import context_of
from confrere.web.rendering import render

LOG = logging.getLogger("confrere.web")
PROGRAMS = ("/api/", "/dicom-web/", "/fhir/", "/cds-services", "/events")
# error -> status, and what helps in general where the message is not enough
TABLE: dict[type[DomainError], tuple[HTTPStatus, str]] = {
    NotFound: (HTTPStatus.NOT_FOUND, "Check the address, or go back to the list."),
    Conflict: (HTTPStatus.CONFLICT, "Reload the page to see the present state."),
    Refused: (HTTPStatus.FORBIDDEN, "Ask an administrator if you need this."),
    Invalid: (HTTPStatus.UNPROCESSABLE_ENTITY, "Correct the field and send it again."),
    Unavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "Try again in a minute."),
}
ROUTING = {
    HTTPStatus.NOT_FOUND: (
        "No page has this address.",
        "Check it, or start from the start page.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "This address does not take that kind of request.",
        "Use the page's own buttons.",
    ),
}


def is_program(request: Request) -> bool:
    """Say whether a program asks, which wants JSON and no redirect."""
    return (
        request.url.path.startswith(PROGRAMS)
        or "authorization" in request.headers
        or "json" in request.headers.get("accept", "")
    )


def answer(request: Request, error: DomainError) -> Response:
    """Turn a domain error into an answer."""
    status, remedy = next(found for kind, found in TABLE.items() if isinstance(error, kind))
    return plain_answer(request, status, str(error), remedy, getattr(error, "field", ""))


def plain_answer(
    request: Request, status: HTTPStatus, error: str, remedy: str = "", field: str = ""
) -> Response:
    """Answer with a status, what is wrong, and what to do next."""
    if is_program(request):
        content = {"error": error, "field": field, "remedy": remedy}
        return JSONResponse(content, status)
    values = {
        "status": int(status),
        "phrase": _headline(status),
        "error": error,
        "remedy": remedy,
    }
    if "hx-request" in request.headers:
        made = render(request, "parts/error.html", status=status, problem=values)
        made.headers["hx-retarget"] = "#notices"
        made.headers["hx-reswap"] = "innerHTML"
        made.headers["hx-reselect"] = ".notice"
        return made
    return render(request, "error.html", status=status, problem=values)


def needs_sign_in(request: Request) -> Response:
    """Send a person to the sign-in page, and tell a program to authenticate."""
    if is_program(request):
        made = plain_answer(
            request, HTTPStatus.UNAUTHORIZED, "Sign in, or send a bearer token that holds."
        )
        made.headers["www-authenticate"] = "Bearer"
        return made
    if "hx-request" in request.headers:
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"hx-redirect": "/login"})
    url = request.url
    back = url.path + (f"?{url.query}" if url.query else "")
    if request.method not in {"GET", "HEAD"} or back == "/":
        return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    return RedirectResponse(f"/login?{urlencode({'next': back})}", HTTPStatus.SEE_OTHER)


def from_http(request: Request, error: HTTPException) -> Response:
    """Answer for what routing refuses: an unknown address, a wrong method."""
    status = HTTPStatus(error.status_code)
    if not is_program(request) and not hasattr(request.state, "principal"):
        request.state.principal = identify(context_of(request), request)
    what, remedy = ROUTING.get(status, (f"{_headline(status)}.", ""))
    made = plain_answer(request, status, what, remedy)
    made.headers.update(error.headers or {})
    return made


def from_validation(request: Request, error: RequestValidationError) -> Response:
    """Name the first field that does not fit; what was sent is not repeated."""
    first = error.errors()[0]
    field = str(first["loc"][-1]) if first.get("loc") else ""
    return answer(request, Invalid(f"{field}: {first['msg']}", field))


class LastResort:
    """Answer for a bug: a number that leads to the log, where there are no patient data."""

    def __init__(self, app: ASGIApp, random: Callable[[int], bytes]) -> None:
        self.app = app
        self.random = random

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Catch whatever the app did not."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 - the last resort
            incident = self.random(4).hex()
            LOG.error("incident %s: %s", incident, describe(error))  # noqa: TRY400 - see above
            if started:
                raise ConnectionAbortedError("answer cut off") from None
            refusal = await run_sync(_incident_answer, Request(scope), incident)
            await refusal(scope, receive, send)


def describe(error: BaseException) -> str:
    """Write an exception, and what caused it, as types and places, without messages."""
    parts: list[str] = []
    link: BaseException | None = error
    while link is not None:
        parts.append(f"{type(link).__module__}.{type(link).__qualname__}{_places(link)}")
        link = link.__cause__ or link.__context__
    return " < ".join(parts)


def _incident_answer(request: Request, incident: str) -> Response:
    error = f"Something went wrong here; nothing of this request was kept. Incident {incident}."
    remedy = "Try again; if it stays, give the incident's number to your IT."
    try:
        return plain_answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, error, remedy)
    except Exception as second:  # noqa: BLE001 - what broke the page may break this one too
        LOG.error("incident %s, its page: %s", incident, describe(second))  # noqa: TRY400
        return PlainTextResponse(f"{error} {remedy}\n", HTTPStatus.INTERNAL_SERVER_ERROR)


def _places(error: BaseException) -> str:
    return "".join(
        f" at {frame.filename}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)[-12:]
    )


def _headline(status: HTTPStatus) -> str:
    return {
        HTTPStatus.NOT_FOUND: "There is nothing here",
        HTTPStatus.FORBIDDEN: "Not allowed",
        HTTPStatus.CONFLICT: "Changed in the meantime",
        HTTPStatus.UNPROCESSABLE_ENTITY: "That does not fit",
        HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong",
        HTTPStatus.SERVICE_UNAVAILABLE: "Not available just now",
    }.get(status, status.phrase)
