"""Reject images by a note, of a person here or from elsewhere, and show them again.

What is rejected stays stored; searches, retrieval, the viewer and counts no longer show it,
nor the note. The caller owns the transaction.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from confrere.files.folder import BlobStore
from confrere.imaging import store_corrections, store_rejections
from confrere.imaging.correcting import said
from confrere.imaging.corrections import BY_HAND, By, Rejection
from confrere.imaging.model import Instance, StudyCorrected
from confrere.imaging.part10 import part10_prefix
from confrere.imaging.rejection_notes import (
    KEY_OBJECTS,
    head_of,
    make_note,
    named_as_they_came,
    read_note,
)
from confrere.imaging.syntaxes import EXPLICIT
from confrere.jobs.events import publish
from confrere.kernel.errors import Conflict, Invalid, NotFound
from confrere.kernel.ids import GroupId, StudyId


def reject(
    conn: Connection, blobs: BlobStore, study_id: StudyId, images: Collection[UUID],
    code: str, reason: str, by: By, now: datetime,
) -> Rejection:  # fmt: skip
    """Reject images of a study for a person; makes the note that other holders are to get."""
    why = said(reason)
    if code not in BY_HAND:
        raise Invalid("choose why they are rejected", "code")
    study = store_corrections.lock(conn, [study_id]).get(study_id)
    if study is None:
        raise NotFound("no such study of your group; reload the page")
    chosen = store_corrections.placed(conn, study_id, images)
    if not chosen or len(chosen) != len(set(images)):
        raise Conflict("some of these images are no longer in this study; reload the page")
    if any(one.hidden for one in chosen):
        raise Conflict("some of these images are rejected already; reload the page")
    (first,) = store_rejections.stored(conn, [chosen[0].id])
    named = named_as_they_came(chosen, study.study_uid)
    uid, content = make_note(head_of(blobs, first), named, code, why, now)
    made = store_rejections.add(conn, {
        "owner_group": study.owner_group, "study_uid": study.study_uid, "note_uid": uid,
        "digest": blobs.put(content), "code": code, "door": "web", "reason": why,
        "by_name": by.name, "by_user": by.user,
        "sop_uids": [one.sop_uid for one in chosen], "at": now,
    })  # fmt: skip
    if made is None:
        raise Conflict("these images were rejected just now; reload the page")
    _follow(conn, study.owner_group, made, now)
    return made


@dataclass(frozen=True, slots=True)
class Obeyed:
    """What became of the notes that came with a study.

    `to_look_at`: something came that a reader has to see; a note alone is nothing to read.
    """

    notes: tuple[Instance, ...]
    to_look_at: bool


def obey(conn: Connection, blobs: BlobStore, study_id: StudyId, now: datetime) -> Obeyed:
    """Read the rejection notes that came with a study, and hide what is rejected. Idempotent.

    Also hides images that came after the note that rejects them.
    """
    heard = [
        found
        for one in store_rejections.notes_unread(conn, study_id, KEY_OBJECTS)
        if (found := _heard(conn, blobs, one, now))
    ]
    if heard:
        store_corrections.recount(conn, list(store_corrections.lock(conn, [study_id])))
    elif store_rejections.touched(conn, study_id):
        _hide(conn, [study_id], now)
    earliest = min((one.received_at for one in heard), default=None)
    shown = earliest is None or store_rejections.shown_since(conn, study_id, earliest)
    return Obeyed(tuple(heard), shown)


def restore(
    conn: Connection, key: UUID, owner: GroupId, reason: str, by: By, now: datetime
) -> Rejection:
    """Show again what a rejection hid; another rejection of the same images still holds."""
    why = said(reason)
    found = store_rejections.get(conn, key)
    if found is None or found.owner_group != owner:
        raise NotFound("no such rejection; reload the page")
    if found.restored_at is not None:
        raise Conflict("these images were restored already; reload the page")
    store_rejections.mark_restored(conn, key, by.name, why, now)
    _follow(conn, owner, found, now)
    return found


def naming(conn: Connection, owner: GroupId, sop_uids: Sequence[str]) -> list[Rejection]:
    """The rejections that name any of these images, newest first."""
    return store_rejections.naming(conn, owner, sop_uids)


def note_file(conn: Connection, blobs: BlobStore, key: UUID, owner: GroupId) -> bytes:
    """A note as a file (PS3.10), to be handed to another archive."""
    found = store_rejections.get(conn, key)
    if found is None or found.owner_group != owner:
        raise NotFound("no such rejection; reload the page")
    with blobs.open(found.digest) as stream:
        return part10_prefix(KEY_OBJECTS, found.note_uid, EXPLICIT, "") + stream.read()


def _heard(
    conn: Connection, blobs: BlobStore, instance: Instance, now: datetime
) -> Instance | None:
    """Obey one key object selection; None where it rejects nothing or can't be read."""
    try:
        note = read_note(blobs, instance)
    except Invalid:
        return None  # stays shown as what it is: a document that no one can read
    if note is None:
        return None
    made = store_rejections.add(conn, {
        "owner_group": instance.owner_group, "study_uid": "", "note_uid": instance.sop_uid,
        "digest": instance.digest, "code": note.code, "door": "dicom", "reason": note.reason,
        "by_name": "", "sop_uids": list(note.sop_uids), "at": now,
    })  # fmt: skip
    if made is None:
        return None
    store_rejections.hide_note(conn, instance.id)
    _follow(conn, instance.owner_group, made, now)
    return instance


def _follow(conn: Connection, owner: GroupId, cause: Rejection, now: datetime) -> None:
    _hide(conn, store_rejections.studies_of(conn, owner, cause.sop_uids), now, cause.id)


def _hide(
    conn: Connection, ids: Sequence[StudyId], now: datetime, cause: UUID | None = None
) -> None:
    for key, study in store_corrections.lock(conn, ids).items():
        if store_rejections.hide(conn, key):
            store_corrections.recount(conn, [key])
            publish(conn, StudyCorrected(study.owner_group, key, now, cause))
