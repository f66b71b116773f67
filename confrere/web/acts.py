"""What a person does on a page: noted in the audit trail, and said back to them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from confrere.audit.model import COLLABORATIVE, Agent, Event
from confrere.audit.service import note, note_access
from confrere.kernel.ids import GroupId, PatientId, StudyId
from confrere.kernel.principal import Principal
from confrere.web.context import context_of
from confrere.web.rendering import render


def show(
    request: Request, page: str, part: str, *, said: str = "", trouble: str = "", **values: Any
) -> HTMLResponse:
    """Show a page whose changing half is the template `part`.

    To htmx goes that half alone, with what was done (or what is the trouble) beside it for
    the page's status line.
    """
    is_fragment = "hx-request" in request.headers
    template = "parts/answer.html" if is_fragment else page
    return render(request, template, part=part, said=said, trouble=trouble, **values)


def note_act(
    conn: Connection, request: Request, me: Principal, kind: str, *,
    object_id: UUID | None = None, owner: GroupId | None = None, action: str = "U",
    patient: PatientId | None = None, study: StudyId | None = None, **detail: str | int,
) -> None:  # fmt: skip
    """Note that something was changed; as the last step, because it locks the chain."""
    context = context_of(request)
    event = Event(
        owner_group=owner or me.group or COLLABORATIVE, at=context.now(), action=action,
        kind=kind, door="web", agent=Agent.of(me), patient_id=patient, study_id=study,
        object_id=object_id, detail=detail,
    )  # fmt: skip
    note(conn, context.audit_key, event)


def note_seen(
    conn: Connection, request: Request, me: Principal, kind: str, *, now: datetime,
    object_id: UUID | None = None, owner: GroupId | None = None,
    patient: PatientId | None = None, study: StudyId | None = None, **detail: str | int,
) -> None:  # fmt: skip
    """Note that patient data were seen: an object once a session, a list each time."""
    note_access(
        conn, context_of(request).audit_key, me, door="web", kind=kind,
        owner_group=owner or me.group or COLLABORATIVE, object_id=object_id, now=now,
        patient_id=patient, study_id=study, detail=detail,
    )  # fmt: skip
