"""Take a correction back: images, identity and orders as they were. The caller owns the transaction."""

from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from confrere.imaging import store_corrections as store
from confrere.imaging import store_links
from confrere.imaging.correcting import OF_STUDY, REASSIGN, SPLIT, said, say_again
from confrere.imaging.corrections import By, Correction
from confrere.imaging.model import StudyCorrected
from confrere.jobs.events import publish
from confrere.kernel.errors import Conflict, NotFound
from confrere.kernel.ids import OrderId, StudyId
from confrere.orders.model import OrderChanged


def undo(conn: Connection, key: UUID, reason: str, by: By, now: datetime) -> Correction:
    """Take a correction back; later ones of the same studies first, else Conflict."""
    why = said(reason)
    found = store.get(conn, key)
    if found is None:
        raise NotFound("no such correction; reload the page")
    if found.undone_at is not None:
        raise Conflict("this was undone already; reload the page")
    touched = sorted({found.from_study, found.to_study})
    locked = store.lock(conn, touched)
    later = [o for s in touched for o in store.of_study(conn, s) if o.at > found.at]
    if any(one.undone_at is None for one in later):
        raise Conflict("these images were corrected again later: undo that first")
    if found.kind == REASSIGN:
        _restore_study(conn, found)
    else:
        _restore_images(conn, found, locked, now)
    for one in touched:
        say_again(conn, one, now)
    store.mark_undone(conn, key, by.name, why, now)
    for one in touched:
        publish(conn, StudyCorrected(found.owner_group, one, now, found.id))
    return found


def _restore_study(conn: Connection, found: Correction) -> None:
    values = {name: found.before[name] for name in OF_STUDY}
    patient = values["patient_id"]
    values["patient_id"] = UUID(patient) if patient else None
    store.change_study(conn, found.from_study, values)
    _tie_again(conn, found.from_study, found.before["orders"])


def _restore_images(
    conn: Connection, found: Correction, locked: dict[StudyId, Any], now: datetime
) -> None:
    def place(one: list[Any]) -> list[Any]:
        return [str(part or "") for part in one[1:]]

    if found.from_study not in locked:
        raise Conflict("the study that they came from was deleted: they stay where they are")
    for _, each in groupby(sorted(found.before["images"], key=place), key=place):
        members = list(each)
        _, series_id, study_uid, series_uid = members[0]
        came = (study_uid, series_uid) if study_uid else None
        ids = [UUID(one[0]) for one in members]
        store.place(conn, ids, found.from_study, UUID(series_id), came, now)
    if found.kind == SPLIT:
        for order in store.untie(conn, found.to_study):
            publish(conn, OrderChanged(found.owner_group, order, now))
    if found.before["orders"]:
        _tie_again(conn, found.from_study, found.before["orders"])
        _tie_again(conn, found.to_study, found.before["to_orders"])


def _tie_again(conn: Connection, study: StudyId, ties: list[dict[str, str]]) -> None:
    cut = set(store.untie(conn, study))
    for tie in ties:
        order, at = OrderId(UUID(tie["order"])), datetime.fromisoformat(tie["at"])
        cut.discard(order)
        store_links.add_order(conn, study, order, tie["how"], at)
