"""The FHIR door: routes of all resources, each with its permission, transaction and audit."""

import json
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from confrere.audit.model import COLLABORATIVE
from confrere.database.engine import transaction
from confrere.fhir import outcome, pages
from confrere.fhir.bundle import searchset
from confrere.fhir.capability import statement
from confrere.fhir.diagnostic_report import DIAGNOSTIC_REPORT
from confrere.fhir.elements import Json
from confrere.fhir.imaging_study import IMAGING_STUDY
from confrere.fhir.negotiation import base_of, form_of, is_strict, parameters_of, require_json
from confrere.fhir.organization import ORGANIZATION
from confrere.fhir.outcome import Unanswerable
from confrere.fhir.patients import PATIENT
from confrere.fhir.practitioner import PRACTITIONER
from confrere.fhir.query import Pairs, Query, pairs, read
from confrere.fhir.resource import Access, Caller, Found, NoteAccess, Operation, Resource
from confrere.fhir.service_request import SERVICE_REQUEST
from confrere.identity.permissions import Permission, may
from confrere.kernel.errors import DomainError, NotFound
from confrere.kernel.principal import Principal

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

MEDIA_TYPE = "application/fhir+json"
PUBLIC = "/fhir/metadata"  # the one route without a permission; it holds no data
DOOR = "fhir"
RESOURCES = {
    one.type: one
    for one in (
        PATIENT,
        SERVICE_REQUEST,
        IMAGING_STUDY,
        DIAGNOSTIC_REPORT,
        PRACTITIONER,
        ORGANIZATION,
    )
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]

Allow = Callable[[Permission], Callable[..., Principal]]


class FhirRoute(APIRoute):
    """A route whose refusals are OperationOutcomes."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler in the table of errors."""
        inner = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await inner(request)
            except DomainError as error:
                status, body = outcome.of_error(error)
            except Unanswerable as error:
                status, body = error.status, outcome.of_status(error.status, str(error))
            except HTTPException as error:
                status = HTTPStatus(error.status_code)
                body = outcome.of_status(status, error.detail)
            return _json(body, status)

        return answered


@dataclass(frozen=True, slots=True)
class Door:
    """What the routes need."""

    engine: "Engine"
    note_access: NoteAccess
    now: Callable[[], datetime]
    address: str

    def read(self, resource: Resource, principal: Principal, key: str) -> Json:
        """Read one resource; NotFound, also when the caller may not see it."""
        caller = Caller(principal, self.now())
        wanted = _uuid(key)
        with transaction(self.engine, principal.groups) as conn:
            found = resource.load(conn, caller, [wanted]) if wanted else []
            if not found:
                raise NotFound(f"no such {resource.type}")
            self._note(conn, caller, [one.access for one in found])
            return found[0].body

    def search(
        self, resource: Resource, principal: Principal, query: Query, token: str, *, form: bool
    ) -> Json:
        """Search one type; returns a Bundle."""
        caller = Caller(principal, self.now())
        with transaction(self.engine, principal.groups) as conn:
            page = resource.find(conn, caller, query.criteria, query.count, query.after)
            included = _included(conn, caller, query, page.found)
            asked = (
                [Access(f"search {resource.type}", principal.group or COLLABORATIVE, None)]
                if resource.permission is Permission.READ_REPORTS
                else []
            )
            shown = [one.access for one in (*page.found, *included)]
            self._note(conn, caller, [*asked, *shown])
        return searchset(resource.type, query, page, included, token, form=form)

    def call(self, operation: Operation, principal: Principal, asked: Json) -> Json:
        """Call an operation; that it was called is noted beside what it showed."""
        caller = Caller(principal, self.now())
        called = Access(operation.name, principal.group or COLLABORATIVE, None)
        with transaction(self.engine, principal.groups) as conn:
            answer = operation.run(conn, caller, asked)
            self._note(conn, caller, [called, *answer.seen])
        return answer.body

    def _note(
        self, conn: "Connection", caller: Caller, accesses: Iterable[Access | None]
    ) -> None:
        """Note them; chains are taken in one order, so that two searches never cross."""
        noted = [one for one in accesses if one is not None]
        for one in sorted(noted, key=lambda access: access.owner_group):
            self.note_access(
                conn,
                caller.principal,
                door=DOOR,
                kind=one.kind,
                owner_group=one.owner_group,
                object_id=one.object_id,
                now=caller.now,
                patient_id=one.patient_id,
                study_id=one.study_id,
            )


def router(
    engine: "Engine",
    allow: Allow,
    note_access: NoteAccess,
    now: Callable[[], datetime],
    *,
    address: str = "",
) -> APIRouter:
    """Make the routes under /fhir. Every one but `PUBLIC` declares a permission.

    `address` is the public root that links begin with (https://reads.example); empty: the
    one that each request came to.
    """
    made = APIRouter(prefix="/fhir", route_class=FhirRoute)
    door = Door(engine, note_access, now, address)

    @made.get("/metadata")
    def metadata(request: Request) -> Response:
        """Say what this server does."""
        require_json(request)
        base = base_of(request, address)
        return _json(statement(list(RESOURCES.values()), base, now()))

    for resource in RESOURCES.values():
        _add(made, door, resource, allow(resource.permission))
    _add_the_rest(made, allow(Permission.OWN_ACCOUNT))
    return made


def _add(
    made: APIRouter, door: Door, resource: Resource, allowed: Callable[..., Principal]
) -> None:
    permitted, form = Depends(allowed), Depends(form_of)

    def search(request: Request, principal: Principal = permitted) -> Response:
        """Search by the address's parameters."""
        return _searched(door, resource, principal, request, None)

    def search_form(
        request: Request, principal: Principal = permitted, sent: Pairs = form
    ) -> Response:
        """Search by a form, which keeps patient data out of the address."""
        return _searched(door, resource, principal, request, sent)

    def read_one(request: Request, key: str, principal: Principal = permitted) -> Response:
        """Read one resource."""
        require_json(request)
        return _json(door.read(resource, principal, key))

    for operation in resource.operations:
        _add_operation(made, door, resource, operation, permitted)
    made.add_api_route(f"/{resource.type}", search, methods=["GET"])
    made.add_api_route(f"/{resource.type}/_search", search, methods=["GET"])
    made.add_api_route(f"/{resource.type}/_search", search_form, methods=["POST"])
    made.add_api_route(f"/{resource.type}/{{key}}", read_one, methods=["GET"])


def _add_operation(
    made: APIRouter, door: Door, resource: Resource, operation: Operation, permitted: Any
) -> None:
    sent = Depends(parameters_of)

    def call(
        request: Request, principal: Principal = permitted, asked: Json = sent
    ) -> Response:
        """Call an operation of a type."""
        require_json(request)
        return _json(door.call(operation, principal, asked))

    methods = ["POST", "GET"] if operation.by_get else ["POST"]
    made.add_api_route(f"/{resource.type}/${operation.name}", call, methods=methods)


def _add_the_rest(made: APIRouter, allowed: Callable[..., Principal]) -> None:
    @made.api_route("/{path:path}", methods=METHODS, dependencies=[Depends(allowed)])
    def anything_else(request: Request, path: str) -> Response:
        """Say what is not here."""
        if path.partition("/")[0] not in RESOURCES:
            raise Unanswerable(
                HTTPStatus.NOT_FOUND, "There is no such type here; see the CapabilityStatement."
            )
        if request.method == "GET":
            raise Unanswerable(HTTPStatus.NOT_FOUND, "There is nothing at this address.")
        raise Unanswerable(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "This server reads and searches by GET and POST only.",
        )


def _searched(
    door: Door, resource: Resource, principal: Principal, request: Request, sent: Pairs | None
) -> Response:
    require_json(request)
    form = sent is not None
    given = (*pairs(request.url.query), *(sent or ()))
    base = base_of(request, door.address)
    query = read(resource, given, base, strict=is_strict(request), form=form)
    token = next((value for name, value in given if name == pages.NAME), "")
    return _json(door.search(resource, principal, query, token, form=form))


def _included(
    conn: "Connection", caller: Caller, query: Query, matches: Sequence[Found]
) -> list[Found]:
    """Load what the matches refer to, as far as the caller may see it, each once."""
    already = {(one.body["resourceType"], one.body["id"]) for one in matches}
    wanted: dict[str, set[UUID]] = {}
    for parameter in query.includes:
        for kind, key in (
            ref for one in matches for ref in _references(one, parameter.element)
        ):
            if (kind, key) not in already and (found := _uuid(key)) is not None:
                wanted.setdefault(kind, set()).add(found)
    return [
        one
        for kind, keys in sorted(wanted.items())
        if may(caller.principal, RESOURCES[kind].permission)
        for one in RESOURCES[kind].load(conn, caller, sorted(keys))
    ]


def _references(found: Found, element: str) -> Iterable[tuple[str, str]]:
    value = found.body.get(element, [])
    for one in value if isinstance(value, list) else [value]:
        kind, _, key = str(one.get("reference", "")).partition("/")
        if kind in RESOURCES:
            yield kind, key


def _uuid(text: str) -> UUID | None:
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None


def _json(body: Json, status: HTTPStatus = HTTPStatus.OK) -> Response:
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(raw, status, {"cache-control": "no-store"}, MEDIA_TYPE)
