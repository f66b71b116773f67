"""The one table from what went wrong to an OperationOutcome. Pure.

Source: hl7.org/fhir/R4/operationoutcome.html, hl7.org/fhir/R4/http.html.
"""

from http import HTTPStatus

from confrere.fhir.elements import Json
from confrere.kernel.errors import (
    Conflict,
    DomainError,
    Invalid,
    NotFound,
    Refused,
    Unavailable,
)

# error -> status, issue type
TABLE: dict[type[DomainError], tuple[HTTPStatus, str]] = {
    NotFound: (HTTPStatus.NOT_FOUND, "not-found"),
    Conflict: (HTTPStatus.CONFLICT, "conflict"),
    Refused: (HTTPStatus.FORBIDDEN, "forbidden"),
    Invalid: (HTTPStatus.BAD_REQUEST, "invalid"),
    Unavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "transient"),
}
ISSUES = {
    HTTPStatus.UNAUTHORIZED: "login",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "not-supported",
    HTTPStatus.NOT_ACCEPTABLE: "not-supported",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "not-supported",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too-long",
}


class Unanswerable(Exception):
    """The request is not one that this door answers, whatever it asks for."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def of_error(error: DomainError) -> tuple[HTTPStatus, Json]:
    """Turn a domain error into a status and an OperationOutcome that names the field."""
    status, issue = next(found for kind, found in TABLE.items() if isinstance(error, kind))
    return status, outcome(issue, str(error), getattr(error, "field", ""))


def of_status(status: HTTPStatus, message: str) -> Json:
    """Write an OperationOutcome for a refusal of HTTP's own."""
    return outcome(ISSUES.get(status, "processing"), message)


def outcome(issue: str, message: str, field: str = "") -> Json:
    """Write an OperationOutcome with one issue."""
    one: Json = {"severity": "error", "code": issue, "diagnostics": message}
    if field:
        one["expression"] = [field]
    return {"resourceType": "OperationOutcome", "issue": [one]}
