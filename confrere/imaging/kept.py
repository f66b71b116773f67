"""Where a study's images lie, as the stores of keeping see it. Pure."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from confrere.kernel.ids import GroupId, PatientId, SiteId, StudyId

MAIN, COLD, AWAY, REMOVED = "main", "cold", "away", "removed"


@dataclass(frozen=True, slots=True)
class Kept:
    """A study with where its images are and when they were last of use."""

    study: StudyId
    owner_group: GroupId
    site: SiteId | None
    patient: PatientId | None
    study_uid: str
    study_date: str
    birth_date: str
    mrn: str
    modalities: tuple[str, ...]
    outside: bool
    place: str
    used_at: datetime  # the last view, else when its last image came


@dataclass(frozen=True, slots=True)
class Stored:
    """One image's bytes, as a certificate names them."""

    id: UUID
    sop_uid: str
    digest: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Held:
    """How much of a group's lies where."""

    owner_group: GroupId
    site: SiteId | None
    place: str
    studies: int
    images: int
    size: int
