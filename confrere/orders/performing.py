"""Keep performed procedure steps. The caller owns the transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from confrere.jobs.events import publish
from confrere.kernel.errors import NotFound
from confrere.kernel.ids import GroupId, PeerId, SiteId
from confrere.orders import service as orders
from confrere.orders import store_performed as store
from confrere.orders.merging import AHEAD_OF_US
from confrere.orders.model import AHEAD, COMPLETE, ORDERED, PERFORMED, Order
from confrere.orders.model import IN_PROGRESS as ORDER_IN_PROGRESS
from confrere.orders.performed import (
    COMPLETED,
    IN_PROGRESS,
    Change,
    Kept,
    Step,
    StepExists,
    begin,
    changed,
)


@dataclass(frozen=True, slots=True)
class StepChanged:
    """A modality began, completed or discontinued a performed procedure step."""

    step_id: UUID
    owner_group: GroupId
    at: datetime


def create(
    conn: Connection, owner: GroupId, site: SiteId, peer: PeerId, step: Step, now: datetime
) -> UUID:
    """Keep a new step (N-CREATE); raises StepExists or Invalid."""
    added = store.add(conn, owner, site, peer, begin(step), now)
    if added is None:
        raise StepExists("a step of this UID exists")
    publish(conn, StepChanged(added, owner, now))
    return added


def change(
    conn: Connection, owner: GroupId, peer: PeerId, step_uid: str, told: Change, now: datetime
) -> Kept:
    """Apply an N-SET; raises NotFound, StepIsOver or Invalid.

    Only the machine that created a step knows it; to others it is not there.
    """
    kept = store.lock(conn, owner, step_uid)
    if kept is None or kept.peer != peer:
        raise NotFound("no step of this UID")
    after = changed(kept.step, told)
    store.save(conn, kept.id, after, now)
    if after.state != kept.step.state or after.ended_at != kept.step.ended_at:
        publish(conn, StepChanged(kept.id, owner, now))
    return kept


def get(conn: Connection, step_id: UUID) -> Kept:
    """One step; NotFound."""
    found = store.get(conn, step_id)
    if found is None:
        raise NotFound("no such step")
    return found


def site_of(conn: Connection, owner: GroupId, step_uid: str) -> SiteId | None:
    """The site of a step; None when there is no such step."""
    kept = store.lock(conn, owner, step_uid)
    return kept.site if kept else None


def of_exam(
    conn: Connection, owner: GroupId, site: SiteId, accessions: Sequence[str],
    study_uids: Sequence[str],
) -> list[Kept]:  # fmt: skip
    """The steps of an exam, by its studies' UIDs or accession numbers, first begun first."""
    return store.of_exam(conn, owner, site, accessions, study_uids)


def follow(conn: Connection, step_id: UUID, now: datetime) -> None:
    """Bring the orders of a step in step with it: begun, complete, or waiting again. Idempotent.

    Several steps may make one exam: it is complete when none of them is in progress and one
    was completed, by the end of the last. A time that the site's own message tells counts
    before the modality's (`merging`). A discontinued step gives its order back to the
    worklist, unless another was completed.
    """
    kept = get(conn, step_id)
    step = kept.step
    names = step.accessions or ("",)
    found = {
        order.id: order
        for name in names
        for order in orders.match(conn, kept.owner_group, kept.site, name, step.study_uid)
    }
    for order in found.values():
        values = _after(order, _steps_of(conn, kept, order), now)
        if values:
            orders.note_performed(conn, order, values, now)


def _steps_of(conn: Connection, kept: Kept, order: Order) -> list[Step]:
    uids = [order.content.study_uid] if order.content.study_uid else []
    numbers = [order.content.accession] if order.content.accession else []
    found = of_exam(conn, kept.owner_group, kept.site, numbers, uids)
    return [one.step for one in found] or [kept.step]


def _after(order: Order, steps: Sequence[Step], now: datetime) -> dict[str, Any]:
    """What changes of an order by its steps as they stand."""
    states = {one.state for one in steps}
    status = order.content.status
    if IN_PROGRESS in states:
        return {"status": ORDER_IN_PROGRESS} if status == ORDERED else {}
    if COMPLETED not in states:
        return {"status": ORDERED} if status == ORDER_IN_PROGRESS else {}
    if order.content.exam_complete_at and order.clock_source != PERFORMED:
        return {}
    at = max(one.ended_at or now for one in steps if one.state == COMPLETED)
    source = PERFORMED
    if at > now + AHEAD_OF_US:  # a due time must not rest on a clock that is plainly wrong
        at, source = now, AHEAD
    values: dict[str, Any] = {"exam_complete_at": at, "clock_source": source}
    if status in (ORDERED, ORDER_IN_PROGRESS):
        values["status"] = COMPLETE
    elif order.content.exam_complete_at == at:
        return {}
    return values
