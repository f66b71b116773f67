"""Give images to another patient, order or study.

The stored bytes stay as they came: what is said instead is kept beside them and said on every
way out. The caller owns the transaction.
"""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from confrere.imaging import store_corrections as store
from confrere.imaging import store_links
from confrere.imaging.coercion import Identity, of_moved
from confrere.imaging.coercion import of_study as coercion_of
from confrere.imaging.corrections import (
    LONGEST_REASON,
    SHORTEST_REASON,
    By,
    Correction,
    Placed,
    series_uid_in,
    uid_from,
)
from confrere.imaging.filing import name_key
from confrere.imaging.model import StudyCorrected
from confrere.jobs.events import publish
from confrere.kernel.errors import Conflict, Invalid, NotFound, Refused
from confrere.kernel.ids import GroupId, StudyId
from confrere.orders.model import Order, OrderChanged
from confrere.patients.model import Patient

REASSIGN, MOVE, SPLIT = "reassign", "move", "split"
SOURCE = "CONFRERE"
# what a whole study's correction changes of its row
OF_STUDY = (
    "patient_id",
    "patient_name",
    "patient_name_key",
    "mrn",
    "issuer",
    "birth_date",
    "sex",
    "accession",
    "coerced",
)
_COPIED = (
    "owner_group",
    "site_id",
    "study_id",
    "study_date",
    "study_time",
    "description",
    "referrer",
    "institution",
    "calling_aet",
    "first_at",
    "last_at",
    "acquired_at",
    "synthetic",
    "outside",
)


def reassign(
    conn: Connection, study_id: StudyId, patient: Patient, order: Order | None,
    reason: str, by: By, now: datetime,
) -> Correction:  # fmt: skip
    """Say that a whole study is another patient's, or answers another order.

    Without an order the study has no accession number. Images that come later follow.
    """
    why = said(reason)
    study = _locked(conn, study_id)
    _same_owner(study.owner_group, patient, order)
    before = {name: _plain(getattr(study, name)) for name in OF_STUDY}
    before["orders"] = store.ties(conn, study_id)
    identity = identity_of(patient, order)
    coercion = coercion_of(identity, study.calling_aet or SOURCE, now)
    store.change_study(
        conn, study_id, _identified(identity) | {"patient_id": patient.id, "coerced": coercion}
    )
    _retie(conn, study_id, study.owner_group, order, by, now)
    say_again(conn, study_id, now)
    return _kept(
        conn, study.owner_group, REASSIGN, study_id, study_id, study.instance_count,
        before, why, by, now,
    )  # fmt: skip


def move(
    conn: Connection, study_id: StudyId, images: Collection[UUID], to: StudyId,
    reason: str, by: By, now: datetime, kind: str = MOVE,
) -> Correction:  # fmt: skip
    """Put images of one study into another; all of them is a merge, and its orders follow."""
    why = said(reason)
    if study_id == to:
        raise Invalid("choose another study than the one the images are in", "to")
    locked = store.lock(conn, [study_id, to])
    if len(locked) != 2 or locked[study_id].owner_group != locked[to].owner_group:  # noqa: PLR2004
        raise NotFound("no such study of your group; reload the page")
    source, target = locked[study_id], locked[to]
    chosen = store.placed(conn, study_id, images)
    if not chosen or len(chosen) != len(set(images)):
        raise Conflict("some of these images are no longer in this study; reload the page")
    before: dict[str, Any] = {
        "images": [_where(one) for one in chosen],
        "orders": [],
        "to_orders": store.ties(conn, to),
    }
    _put(conn, chosen, source.study_uid, to, target.study_uid, now)
    if len(store.placed(conn, study_id)) == 0:
        before |= {"orders": store.ties(conn, study_id), "all": True}
        for order in store.untie(conn, study_id):
            store_links.add_order(conn, to, order, f"merged by hand: {by.name}", now)
    for one in (study_id, to):
        say_again(conn, one, now)
    return _kept(
        conn, source.owner_group, kind, study_id, to, len(chosen), before, why, by, now
    )


def split(
    conn: Connection, study_id: StudyId, images: Collection[UUID], patient: Patient,
    order: Order | None, reason: str, by: By, now: datetime,
) -> Correction:  # fmt: skip
    """Put images of a study into a new study of a patient, which may answer an order."""
    why = said(reason)
    study = _locked(conn, study_id)
    _same_owner(study.owner_group, patient, order)
    if len(set(images)) >= len(store.placed(conn, study_id)):
        raise Invalid("these are all its images: give the whole study instead", "images")
    uid = uid_from(f"{study.study_uid} split {now.isoformat()} {by.name}")
    if order and order.content.study_uid and not _taken(conn, order):
        uid = order.content.study_uid
    values = {name: getattr(study, name) for name in _COPIED}
    values |= _identified(identity_of(patient, order))
    values |= {
        "study_uid": uid, "patient_id": patient.id, "state": "closed", "closed_at": now,
        "modalities": list(study.modalities),
    }  # fmt: skip
    made = store.add_study(conn, values)
    if order:
        store_links.add_order(conn, made, order.id, f"split by hand: {by.name}", now)
    return move(conn, study_id, images, made, why, by, now, SPLIT)


def of_study(conn: Connection, study_id: StudyId) -> list[Correction]:
    """A study's corrections, newest first."""
    return store.of_study(conn, study_id)


def images_of(conn: Connection, study_id: StudyId) -> list[Placed]:
    """All images of a study, hidden ones too, by series."""
    return store.placed(conn, study_id)


def identity_of(patient: Patient, order: Order | None) -> Identity:
    """A patient as DICOM writes one (PS3.5 section 6.2.1), with the order's number."""
    d = patient.demographics
    name = "^".join(filter(None, (d.family, d.given.replace(" ", "^", 1))))
    born = d.birth_date.strftime("%Y%m%d") if d.birth_date else ""
    number = order.content.accession if order else ""
    return Identity(name, d.mrn, d.assigner, born, d.sex, number)


def said(reason: str) -> str:
    """Check a reason; raises Invalid."""
    text = " ".join(reason.split())
    if not SHORTEST_REASON <= len(text) <= LONGEST_REASON:
        raise Invalid(f"say why, in {SHORTEST_REASON} to {LONGEST_REASON} characters", "reason")
    return text


def _locked(conn: Connection, study_id: StudyId) -> Any:
    found = store.lock(conn, [study_id]).get(study_id)
    if found is None:
        raise NotFound("no such study of your group; reload the page")
    return found


def _same_owner(owner: GroupId, patient: Patient, order: Order | None) -> None:
    if patient.owner_group != owner or (order and order.owner_group != owner):
        raise Refused("patient and order must be of the group that owns the images")
    if order and order.patient != patient.id:
        raise Invalid("this order is another patient's: choose one of the patient's", "order")


def _identified(identity: Identity) -> dict[str, Any]:
    values = asdict(identity)
    name = values.pop("name")
    return values | {"patient_name": name, "patient_name_key": name_key(name)}


def _retie(
    conn: Connection, study_id: StudyId, owner: GroupId, order: Order | None,
    by: By, now: datetime,
) -> None:  # fmt: skip
    cut = set(store.untie(conn, study_id))
    if order:
        store_links.add_order(conn, study_id, order.id, f"corrected by hand: {by.name}", now)
    for one in cut - ({order.id} if order else set()):
        publish(conn, OrderChanged(owner, one, now))


def _taken(conn: Connection, order: Order) -> bool:
    return store.id_of(conn, order.owner_group, order.content.study_uid) is not None


def _put(
    conn: Connection, chosen: list[Placed], from_uid: str, to: StudyId, to_uid: str,
    now: datetime,
) -> None:  # fmt: skip
    """Put images into another study; those that came in it go back to their own series."""

    def came(one: Placed) -> tuple[str, str, str]:
        series_uid = one.came_series_uid or one.series_uid
        return one.came_study_uid or from_uid, series_uid, str(one.series_id)

    for (study_uid, series_uid, _), each in groupby(sorted(chosen, key=came), key=came):
        members = list(each)
        home = study_uid == to_uid
        uid = series_uid if home else series_uid_in(series_uid, to_uid)
        series_id = store.series_in(conn, to, members[0].series_id, uid)
        origin = None if home else (study_uid, series_uid)
        store.place(conn, [one.id for one in members], to, series_id, origin, now)


def say_again(conn: Connection, study_id: StudyId, now: datetime) -> None:
    """Bring what is said of a study's images, and their counts, up to date."""
    study = _locked(conn, study_id)
    source = study.calling_aet or SOURCE
    store.coerce(conn, study_id, study.coerced)
    for series_id, uid in store.series_moved_into(conn, study_id):
        store.coerce(conn, study_id, of_moved(study, uid, source, now), series_id)
    store.recount(conn, [study_id])


def _kept(
    conn: Connection, owner: GroupId, kind: str, source: StudyId, to: StudyId, images: int,
    before: dict[str, Any], reason: str, by: By, now: datetime,
) -> Correction:  # fmt: skip
    made = store.add(conn, {
        "owner_group": owner, "kind": kind, "from_study": source, "to_study": to,
        "images": images, "before": before, "reason": reason, "by_name": by.name,
        "by_user": by.user, "at": now,
    })  # fmt: skip
    for one in dict.fromkeys((source, to)):
        publish(conn, StudyCorrected(owner, one, now, made.id))
    return made


def _where(one: Placed) -> list[Any]:
    return [str(one.id), str(one.series_id), one.came_study_uid, one.came_series_uid]


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value
