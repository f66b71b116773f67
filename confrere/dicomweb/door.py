"""What every DICOMweb route needs, and how an error becomes an answer."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from fastapi import Request, Response
from fastapi.routing import APIRoute

from confrere.files.folder import BlobStore
from confrere.imaging import finding
from confrere.imaging.frames import Frames
from confrere.imaging.head import Head
from confrere.imaging.model import Instance, Scope, Study
from confrere.kernel.errors import (
    Conflict,
    DomainError,
    Invalid,
    NotFound,
    Refused,
    Unavailable,
)
from confrere.kernel.ids import GroupId, PatientId, SiteId, StudyId
from confrere.kernel.principal import Principal

VIEW, STORE = "see images", "store images"  # what `allow` is asked for
PRIVATE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
STATUSES: dict[type[DomainError], int] = {
    NotFound: 404,
    Conflict: 409,
    Refused: 403,
    Invalid: 400,
    Unavailable: 503,
}


class NotAcceptable(Exception):
    """Nothing that the client accepts can be made of this (406)."""


class NoteAccess(Protocol):
    """Writes into the audit trail, once an access and session, that patient data was shown."""

    def __call__(
        self,
        conn: Any,
        principal: Principal,
        kind: str,
        study_id: StudyId | None,
        patient_id: PatientId | None,
        owner_group: GroupId | None,
    ) -> None:
        """Note it; `kind` is `search`, `view` or `store`."""


Place = tuple[GroupId, SiteId | None]


@dataclass(frozen=True, slots=True)
class Door:
    """The dependencies of the routes."""

    engine: Any
    blobs: BlobStore
    allow: Callable[[str], Callable[..., Principal]]
    note_access: NoteAccess
    now: Callable[[], datetime]
    resolve_store: Callable[[Principal, Head], Place]
    shared: Callable[[Any, Principal], frozenset[StudyId]]
    frames: Frames
    opened: Callable[[Request, str, str, Sequence[Instance]], None]

    def scope(self, conn: Any, principal: Principal) -> Scope:
        """Say whose studies this principal may see."""
        return Scope(principal.groups, self.shared(conn, principal), principal.site)

    def note(self, conn: Any, principal: Principal, kind: str, study: Study) -> None:
        """Note that a study's data is shown."""
        self.note_access(conn, principal, kind, study.id, study.patient_id, study.owner_group)


class DicomRoute(APIRoute):
    """A route whose errors become a small JSON body without patient data."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Wrap the handler."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except NotAcceptable as error:
                return problem(406, str(error))
            except DomainError as error:
                field = error.field if isinstance(error, Invalid) else ""
                return problem(status_of(error), str(error), field)

        return answer


def base_url(request: Request) -> str:
    """Return the absolute address of this service, as the client wrote it."""
    return f"{request.url.scheme}://{request.url.netloc}{finding.BASE}"


def status_of(error: DomainError) -> int:
    """Look up an error's HTTP status."""
    return next((code for kind, code in STATUSES.items() if isinstance(error, kind)), 400)


def problem(status: int, message: str, field: str = "") -> Response:
    """Write an error."""
    body = {"message": message, **({"field": field} if field else {})}
    return Response(json.dumps(body), status, headers=PRIVATE, media_type="application/json")
