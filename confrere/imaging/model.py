"""Studies, series, instances, what arrives and what is kept aside. Pure."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any
from uuid import UUID

from confrere.imaging.head import Head
from confrere.kernel.ids import GroupId, OrderId, PatientId, SeriesId, SiteId, StudyId
from confrere.kernel.periods import Spans


@dataclass(frozen=True, slots=True)
class Arrival:
    """One instance whose bytes are durable in the blob store and that is not yet filed.

    The blob is the data set alone, without preamble and file meta information.
    """

    owner_group: GroupId
    site_id: SiteId | None
    head: Head
    sop_class: str
    transfer_syntax: str
    digest: bytes
    size: int
    calling_aet: str
    received_at: datetime
    issuer: str = ""  # taken when the data set names no issuer of its patient ID
    zone: tzinfo | None = None  # the site's, to place the acquisition; None: unknown
    synthetic: bool = False
    door: str = "dimse"


class Outcome(StrEnum):
    """What filing made of an arrival."""

    NEW = "new"
    SAME = "same"  # these very bytes were here already
    CONFLICT = "conflict"  # other bytes are here under this UID; these are kept aside


@dataclass(frozen=True, slots=True)
class Filed:
    """The answer to one arrival. `study_id` is where the UID is filed; None when only aside."""

    outcome: Outcome
    study_id: StudyId | None


@dataclass(frozen=True, slots=True)
class StudyArrived:
    """A study's first instance is filed."""

    owner_group: GroupId
    study_id: StudyId
    at: datetime


@dataclass(frozen=True, slots=True)
class ImagesArrived:
    """A batch added `count` instances to a study; `late` when the study was closed before."""

    owner_group: GroupId
    study_id: StudyId
    count: int
    at: datetime
    late: bool = False


@dataclass(frozen=True, slots=True)
class StudyClosed:
    """A study was quiet for its modality's and site's time."""

    owner_group: GroupId
    study_id: StudyId
    at: datetime


@dataclass(frozen=True, slots=True)
class StudyCorrected:
    """A person tied a study to an order, said its site, or corrected whose its images are.

    `cause` is the correction or rejection.
    """

    owner_group: GroupId
    study_id: StudyId
    at: datetime
    cause: UUID | None = None


@dataclass(frozen=True, slots=True)
class Study:
    """A study as listed. Dates and times are DICOM's DA and TM text, local to the site."""

    id: StudyId
    owner_group: GroupId
    site_id: SiteId | None
    patient_id: PatientId | None
    study_uid: str
    accession: str
    study_id: str
    study_date: str
    study_time: str
    description: str
    referrer: str
    modalities: tuple[str, ...]
    patient_name: str
    mrn: str
    issuer: str
    birth_date: str
    sex: str
    institution: str
    series_count: int
    instance_count: int
    state: str
    first_at: datetime
    last_at: datetime
    closed_at: datetime | None
    acquired_at: datetime | None
    synthetic: bool
    outside: bool = False  # brought from elsewhere, as on a CD: a prior, unless it is ordered

    @property
    def changed_at(self) -> datetime:
        """When it last grew or was closed."""
        return max(self.last_at, self.closed_at or self.last_at)


@dataclass(frozen=True, slots=True)
class Series:
    """A series as listed."""

    id: SeriesId
    owner_group: GroupId
    study_id: StudyId
    series_uid: str
    modality: str
    number: int | None
    description: str
    body_part: str
    series_date: str
    series_time: str
    instance_count: int
    edition: int = 0  # goes up when a person changes what is shown of it


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance and where its bytes are."""

    id: UUID
    owner_group: GroupId
    study_id: StudyId
    series_id: SeriesId
    sop_uid: str
    sop_class: str
    number: int | None
    rows: int | None
    columns: int | None
    frames: int
    transfer_syntax: str
    digest: bytes
    size: int
    received_at: datetime
    coerced: Mapping[str, Any] | None = None  # what is said otherwise on the way out
    hidden: str = ""  # the code it was rejected with


@dataclass(frozen=True, slots=True)
class Found:
    """One result of a search, with the levels above it."""

    study: Study
    series: Series | None = None
    instance: Instance | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose studies a caller may see: the code's wall, beside the database's own.

    `shared` holds studies of other groups that are open to these; `site` narrows a hospital
    client to the studies of that site.
    """

    groups: frozenset[GroupId]
    shared: frozenset[StudyId] = frozenset()
    site: SiteId | None = None


@dataclass(frozen=True, slots=True)
class StudyNumber:
    """A study's UID, or its accession number at one site or any; `value` None is any."""

    kind: str  # study_uid or accession
    value: str | None
    site: SiteId | None = None


@dataclass(frozen=True, slots=True)
class StudiesSought:
    """What a search by change asks; all must hold.

    None asks nothing; an empty collection fits none. Of each set in `numbers`, `modalities`
    and `orders` one must fit. `started` is compared with the acquisition, or with the study
    date where only that is known.
    """

    ids: frozenset[StudyId] | None = None
    patients: frozenset[PatientId] | None = None
    sites: frozenset[SiteId] | None = None
    numbers: tuple[frozenset[StudyNumber], ...] = ()
    modalities: tuple[frozenset[str], ...] = ()
    orders: tuple[frozenset[OrderId], ...] = ()
    started: Spans | None = None
    updated: Spans | None = None


@dataclass(frozen=True, slots=True)
class Aside:
    """Bytes that were received and could not be filed: why, and what would mend it."""

    owner_group: GroupId
    kind: str  # invalid | truncated | conflict | mismatch
    reason: str
    digest: bytes
    size: int
    at: datetime
    door: str = "dimse"
    field: str = ""
    remedy: str = ""
    calling_aet: str = ""
    sop_uid: str = ""
    study_uid: str = ""
    transfer_syntax: str = ""
    detail: dict[str, str] = dataclasses.field(default_factory=dict)  # what a replay needs
    id: UUID | None = None
    resolved_at: datetime | None = None
    resolution: str = ""


Quiet = Callable[[SiteId | None, str], timedelta]  # site, modality -> how long is quiet


def quiet_time(site: SiteId | None, modalities: Sequence[str], quiet: Quiet) -> timedelta:
    """Say how long a study must be quiet to be closed: as its slowest modality needs."""
    return max(quiet(site, modality) for modality in (modalities or ("",)))
