"""A report and its signed versions."""

from dataclasses import dataclass
from datetime import datetime

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

DRAFT, PRELIMINARY, FINAL = "draft", "preliminary", "final"
ADDENDUM = "addendum"
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
