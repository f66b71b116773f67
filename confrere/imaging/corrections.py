"""Corrections of whose images they are, and rejections of images. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from confrere.kernel.ids import GroupId, StudyId, UserId

LONGEST_REASON = 400
SHORTEST_REASON = 5
# Key Object Selection titles that reject (PS3.16 CID 7011; IHE RAD TF-1 section 34, IOCM)
QUALITY, SAFETY, WORKLIST_ENTRY, EXPIRED = "113001", "113037", "113038", "113039"
TITLES = {
    QUALITY: "Rejected for Quality Reasons",
    SAFETY: "Rejected for Patient Safety Reasons",
    WORKLIST_ENTRY: "Incorrect Modality Worklist Entry",
    EXPIRED: "Data Retention Policy Expired",
}
LABELS = {
    QUALITY: "Quality: a bad or repeated image",
    SAFETY: "Patient safety: it must not be seen, as of the wrong patient",
    WORKLIST_ENTRY: "Wrong worklist entry at the modality",
    EXPIRED: "Retention time is over",
}
BY_HAND = (QUALITY, SAFETY, WORKLIST_ENTRY)  # what a person may choose; expiry has its own way
EXPLAINED = (  # what a note says of patient and study
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex",
    "AccessionNumber", "StudyDate", "StudyTime", "StudyID", "StudyDescription",
    "ReferringPhysicianName",
)  # fmt: skip
NOTE = "note"  # what a rejection note itself is hidden as
_UIDS = UUID("3f6c0d6e-6b0e-5b7e-9d55-6d1b9d0c9f10")


@dataclass(frozen=True, slots=True)
class By:
    """Who does it."""

    name: str
    user: UserId | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """Images that a person gave to another patient, order or study.

    `kind` is `reassign` (a whole study to another patient or order), `move` (some or all
    images into another study) or `split` (images into a new study). `before` is what undoing
    needs.
    """

    id: UUID
    owner_group: GroupId
    kind: str
    from_study: StudyId
    to_study: StudyId
    images: int
    before: dict[str, Any]
    reason: str
    by_name: str
    at: datetime
    undone_at: datetime | None = None
    undone_by: str = ""
    undone_reason: str = ""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Images that a note, of a person here or from elsewhere, says must not be used."""

    id: UUID
    owner_group: GroupId
    study_uid: str
    note_uid: str
    digest: bytes
    code: str
    door: str
    reason: str
    by_name: str
    sop_uids: tuple[str, ...]
    at: datetime
    restored_at: datetime | None = None
    restored_by: str = ""
    restored_reason: str = ""

    @property
    def title(self) -> str:
        """The note's title in words."""
        return TITLES.get(self.code, self.code)


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an image is, and where its bytes say that it is where that differs."""

    id: UUID
    sop_uid: str
    sop_class: str
    number: int | None
    series_id: UUID
    series_uid: str
    modality: str
    description: str
    hidden: str
    came_study_uid: str | None
    came_series_uid: str | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Note:
    """What a rejection note says: its code, and the images by UID."""

    code: str
    reason: str
    sop_uids: tuple[str, ...] = field(default_factory=tuple)


def uid_from(name: str) -> str:
    """Make a UID that is always the same for a name (PS3.5 section B.2)."""
    return f"2.25.{uuid5(_UIDS, name).int}"


def series_uid_in(came_series_uid: str, study_uid: str) -> str:
    """Name the series that images of a series have in another study.

    A series lies in one study (PS3.3 A.1.2), so those that leave take a new UID: always the
    same one, so that images moved later join those moved before.
    """
    return uid_from(f"{came_series_uid} in {study_uid}")
