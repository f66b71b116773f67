"""A report and its signed versions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from confrere.kernel.ids import (
    GroupId,
    ItemId,
    OrderId,
    PatientId,
    ReaderId,
    ReportId,
    SiteId,
    StudyId,
)
from confrere.kernel.periods import Spans

DRAFT, PRELIMINARY, FINAL = "draft", "preliminary", "final"
ADDENDUM, AMENDED = "addendum", "amended"
HERE, ELSEWHERE = "confrere", "external"
SECTIONS = ("technique", "comparison", "findings", "impression")


@dataclass(frozen=True, slots=True)
class Report:
    """One reading; it may answer several orders. `draft` maps section name to text."""

    id: ReportId
    owner_group: GroupId
    reader_group: GroupId | None
    item: ItemId | None
    site: SiteId | None
    patient: PatientId | None
    study: StudyId | None
    orders: tuple[OrderId, ...]
    author: ReaderId | None
    author_name: str
    origin: str  # HERE or ELSEWHERE
    state: str  # draft, preliminary, final
    title: str
    draft: dict[str, str]
    draft_at: datetime | None
    version: int  # of the draft, for optimistic saving
    exam_at: datetime | None
    final_at: datetime | None
    updated_at: datetime
    backload: UUID | None = None  # the file of earlier reports that brought it


@dataclass(frozen=True, slots=True)
class Version:
    """What was signed, once: never changed afterwards."""

    report: ReportId
    number: int
    kind: str  # preliminary, final, addendum
    sections: dict[str, str]
    text: str
    signer: ReaderId | None
    signer_name: str
    signed_at: datetime
    provenance: str = ""  # where it was signed, when not here: "read in downtime at ..."


@dataclass(frozen=True, slots=True)
class ReportsSought:
    """What a search of signed reports asks; all must hold.

    None asks nothing; an empty collection fits none. Of each set in `orders` the report must
    answer one. `states` holds preliminary, final and AMENDED.
    """

    ids: frozenset[ReportId] | None = None
    patients: frozenset[PatientId] | None = None
    sites: frozenset[SiteId] | None = None
    readers: frozenset[ReaderId] | None = None
    orders: tuple[frozenset[OrderId], ...] = ()
    states: frozenset[str] | None = None
    exam: Spans | None = None
    signed: Spans | None = None  # of the last signature
    updated: Spans | None = None


def state_of(report: Report, versions: Sequence[Version]) -> str:
    """Tell whether a report is preliminary, final, or final and AMENDED since."""
    finals = [one for one in versions if one.kind != PRELIMINARY]
    return AMENDED if report.state == FINAL and len(finals) > 1 else report.state


@dataclass(frozen=True, slots=True)
class DoubleRead:
    """An exam that was read, or begun, here and at the site, for a person to compare."""

    id: UUID
    owner_group: GroupId
    site: SiteId | None
    item: ItemId
    here: ReportId | None
    elsewhere: ReportId
    kind: str  # second report, while read here
    holder: str  # who read, or reads, it here
    at: datetime


@dataclass(frozen=True, slots=True)
class ReportSigned:
    """Event: a preliminary, final or addendum was signed here."""

    owner_group: GroupId
    report_id: ReportId
    number: int
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReportReceived:
    """Event: a report came from the site's own dictation system, or as a prior."""

    owner_group: GroupId
    report_id: ReportId
    at: datetime
