"""Images from outside, as on a CD: what an import holds, and whose it says it is. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from confrere.imaging.head import Head
from confrere.kernel.ids import GroupId, SiteId

READING, READY, BROKEN = "reading", "ready", "broken"
STAGED, FILED, SAME, CONFLICT, BAD, SKIPPED = (
    "staged", "filed", "here already", "other bytes here", "bad", "skipped",
)  # fmt: skip
_SAID = {
    "name": "patient_name", "mrn": "patient_id", "issuer": "patient_id_issuer",
    "birth_date": "birth_date", "sex": "sex", "accession": "accession_number",
    "study_date": "study_date", "description": "study_description", "modality": "modality",
    "institution": "institution",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Import:
    """One CD, ZIP or folder that a person brought."""

    id: UUID
    owner_group: GroupId
    site_id: SiteId
    label: str
    digest: bytes | None  # of the ZIP; None: a folder that the command reads
    state: str
    trouble: str
    files: int  # how many there are to be read; 0 while that is unknown
    by_name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OutsideFile:
    """One file of an import, with what became of it and why."""

    id: UUID
    path: str  # as the medium names it: shown, never opened
    state: str
    reason: str
    digest: bytes | None
    size: int
    transfer_syntax: str
    study_uid: str
    sop_uid: str
    said: dict[str, str]


@dataclass(frozen=True, slots=True)
class OutsideStudy:
    """A study of an import: whose it says it is, and how far it is filed."""

    study_uid: str
    said: dict[str, str]
    modalities: tuple[str, ...]
    images: int
    waiting: int

    @property
    def filed(self) -> bool:
        """Say whether all of it has been taken in."""
        return self.waiting == 0


def said_by(head: Head) -> dict[str, str]:
    """What an object says of its patient and study, as the page shows it."""
    return {name: str(getattr(head, field))[:128] for name, field in _SAID.items()}


def studies_in(files: Iterable[OutsideFile]) -> list[OutsideStudy]:
    """Gather the readable files by study, in the order they were found."""
    found: dict[str, list[OutsideFile]] = {}
    for one in files:
        if one.study_uid:
            found.setdefault(one.study_uid, []).append(one)
    return [
        OutsideStudy(
            uid, each[0].said,
            tuple(sorted({one.said.get("modality", "") for one in each} - {""})),
            len(each), sum(one.state == STAGED for one in each),
        )
        for uid, each in found.items()
    ]  # fmt: skip
