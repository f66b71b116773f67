"""What holders of an image were told of it: editions, each with UIDs of its own. Pure.

Edition 0 is the image as it came. Whoever holds copies goes by their UIDs, and what a note
rejected stays rejected there, so that each correction makes an edition with a new SOP Instance
UID, and with series and study UIDs of its own where it belongs to another patient or order:
a series lies in one study, a study is one patient's (PS3.3 A.1.2). Source: IHE RAD TF-1
section 34, Image Object Change Management.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from confrere.imaging.corrections import SAFETY, WORKLIST_ENTRY, series_uid_in, uid_from
from confrere.kernel.ids import PeerId

SOURCE, MOVED, GOT, SENT_TO, KEEPS_ALL = "source", "C-MOVE", "C-GET", "sent", "archive"
HOW = {
    SOURCE: "sent it to us",
    MOVED: "fetched it (C-MOVE)",
    GOT: "fetched it (C-GET)",
    SENT_TO: "was sent it",
    KEEPS_ALL: "is the site's archive",
}
TOOK_OURS = (MOVED, GOT, SENT_TO)  # got it from us, corrected as it then was


@dataclass(frozen=True, slots=True)
class Image:
    """An image as it stands here; UIDs as its bytes say them."""

    id: UUID
    sop_uid: str
    sop_class: str
    series_uid: str
    study_uid: str
    shown: bool
    says: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Edition:
    """An image as holders know it; `says` is what differs from its bytes."""

    number: int
    sop_uid: str
    series_uid: str
    study_uid: str
    shown: bool
    says: Mapping[str, str | None] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """A machine that has a copy of a study."""

    peer: PeerId
    how: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """What a holder is to be told: which editions to forget, and which to keep instead."""

    stale: tuple[tuple[Image, Edition], ...]
    fresh: tuple[tuple[Image, Edition], ...]
    last: Mapping[UUID, int]  # the edition that it knows of each image afterwards


def as_it_came(image: Image) -> Edition:
    """An image's edition 0."""
    return Edition(0, image.sop_uid, image.series_uid, image.study_uid, shown=True)


def study_uid_out(study_uid: str, says: Mapping[str, str | None], ordered_uid: str) -> str:
    """The Study Instance UID of a study that was given to another patient or order.

    That of the order, which the worklist gave out, where it has one; else always the same.
    """
    whose = [str(says.get(w) or "") for w in ("PatientID", "IssuerOfPatientID")]
    number = str(says.get("AccessionNumber") or "")
    return ordered_uid or uid_from("\\".join([study_uid, *whose, number]))


def next_edition(image: Image, known: Edition, study_uid: str, now: datetime) -> Edition | None:
    """Make the edition of an image as it stands now; None where holders know it so.

    `study_uid` is the study that it goes out in.
    """
    home = study_uid == image.study_uid
    series_uid = image.series_uid if home else series_uid_in(image.series_uid, study_uid)
    if known.shown == image.shown and (
        not image.shown
        or (dict(known.says), known.study_uid, known.series_uid)
        == (dict(image.says), study_uid, series_uid)
    ):
        return None
    number = known.number + 1
    return Edition(
        number, uid_from(f"{image.sop_uid} edition {number}"), series_uid, study_uid,
        image.shown, dict(image.says), now,
    )  # fmt: skip


def to_tell(
    images: Sequence[Image], newest: Mapping[UUID, Edition],
    known: Mapping[UUID, Edition], holder: Holder,
) -> Told:  # fmt: skip
    """What a holder is to be told; `known` are the editions it was told of, if of any.

    One that fetched from us after the newest edition got its content, under the first UIDs.
    """
    stale, fresh, last = [], [], {}
    for image in images:
        new, old = newest.get(image.id), known.get(image.id)
        if new is None or new.number == (old.number if old else 0):
            continue
        if old is None and holder.how in TOOK_OURS and new.at and holder.at > new.at:
            continue
        last[image.id] = new.number
        before = old or as_it_came(image)
        if before.shown:
            stale.append((image, before))
        if new.shown:
            fresh.append((image, new))
    return Told(tuple(stale), tuple(fresh), last)


def code_of(told: Told, patient_id: str) -> str:
    """Why the stale ones are rejected: they are another patient's, or of another order.

    `patient_id` is what the first one's bytes say. What nothing takes the place of is
    rejected by its own note.
    """
    if not told.stale or not told.fresh:
        return SAFETY
    was = str(told.stale[0][1].says.get("PatientID", patient_id) or "")
    becomes = str(told.fresh[0][1].says.get("PatientID", patient_id) or "")
    return WORKLIST_ENTRY if was == becomes else SAFETY


def words_of(told: Told) -> str:
    """What is sent, for people."""
    parts = []
    if told.stale:
        parts.append(f"a rejection note naming {len(told.stale)}")
    if told.fresh:
        parts.append(f"{len(told.fresh)} corrected image{'s' if len(told.fresh) != 1 else ''}")
    return " and ".join(parts)
