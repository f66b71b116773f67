"""One act of a reader on an exam: its transaction, and what is noted of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from fastapi import Request

from confrere.audit.model import NO_DETAIL, Agent, Detail, Event
from confrere.audit.service import note
from confrere.database.engine import transaction
from confrere.kernel.errors import Refused
from confrere.kernel.principal import Principal
from confrere.network.model import Directory, Reader
from confrere.reading.service import Hold
from confrere.web.context import WebContext, context_of
from confrere.web.study_exam import look, reader_of
from confrere.worklist.model import Item

if TYPE_CHECKING:
    from sqlalchemy import Connection

DOOR = "web"


@dataclass(frozen=True, slots=True)
class Act:
    """One act of a reader, in its transaction."""

    conn: "Connection"
    context: WebContext
    me: Principal
    reader: Reader
    directory: Directory
    item: Item
    now: datetime
    door: str = DOOR

    @property
    def lease(self) -> timedelta:
        """How long a hold lasts without activity."""
        return timedelta(minutes=self.context.settings.claim_minutes)

    def hold(self, token: UUID) -> Hold:
        """The hold that the request claims to have."""
        return Hold(self.item.id, self.reader, token)

    def note(self, action: str, kind: str, object_id: UUID, detail: Detail = NO_DETAIL) -> None:
        """Note it in the audit trail, as the last step."""
        event = act_event(
            self.me, self.item, self.now, action, kind, object_id, detail, door=self.door
        )
        note(self.conn, self.context.audit_key, event)


@contextmanager
def acting(
    request: Request, me: Principal, item_id: UUID, what: str, door: str = DOOR
) -> Iterator[Act]:
    """Open an act's transaction; a rule that refuses it is noted in one of its own."""
    context = context_of(request)
    now = context.now()
    seen: Item | None = None
    try:
        with transaction(context.engine, me.groups) as conn:
            found = look(conn, me, item_id, now)
            seen = found.standing.item
            yield Act(conn, context, me, reader_of(found), found.directory, seen, now, door)
    except Refused:
        if seen is not None:
            refused = act_event(me, seen, now, "E", what, seen.id, outcome="refused", door=door)
            with transaction(context.engine, me.groups) as conn:
                note(conn, context.audit_key, refused)
        raise


def act_event(
    me: Principal, item: Item, now: datetime, action: str, kind: str, object_id: UUID,
    detail: Detail = NO_DETAIL, outcome: str = "success", door: str = DOOR,
) -> Event:  # fmt: skip
    """What the audit trail keeps of an act."""
    return Event(
        owner_group=item.owner_group, at=now, action=action, kind=kind, door=door,
        agent=Agent.of(me), outcome=outcome, patient_id=item.patient, study_id=item.study,
        object_id=object_id, detail=detail,
    )  # fmt: skip
