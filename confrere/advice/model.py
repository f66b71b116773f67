"""What is asked about an order, what is advised, and what became of it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from confrere.kernel.ids import GroupId, OrderId, PatientId, ReportId, SiteId, StudyId
from confrere.network.agreements import IN_FORCE
from confrere.network.model import Agreement
from confrere.orders.appropriateness import Circumstances
from confrere.orders.duplicates import Exam

DUPLICATE, APPROPRIATENESS = "duplicate", "appropriateness"
CDS_HOOKS, HL7 = "cds hooks", "hl7"
ACCEPTED, OVERRIDDEN = "accepted", "overridden"
GO_ON, CHANGED, CANCELLED = "go on", "changed", "cancelled"
DECISIONS = (GO_ON, CHANGED, CANCELLED)
# why advice is not followed; CDS Hooks 2.0 `overrideReasons`
REASONS = {
    "new-findings": "New or changed symptoms since the earlier exam",
    "not-available": "The earlier images or report cannot be used",
    "other-question": "Another clinical question",
    "planned": "Planned follow-up",
    "specialist": "Asked for by a specialist",
    "other": "Another reason",
}
REASON_SYSTEM = "urn:confrere:advice:override-reason"


@dataclass(frozen=True, slots=True)
class Asked:
    """One order that is being made, or was made, for a patient of a site."""

    owner_group: GroupId
    site: SiteId
    patient: PatientId
    exam: Exam
    known: Circumstances
    request: str  # names the order among what is asked: asking again shows nothing twice
    channel: str
    order: OrderId | None = None
    accession: str = ""
    placer_number: str = ""
    procedure_code: str = ""


@dataclass(frozen=True, slots=True)
class Prior:
    """An earlier exam of the person, with what may be opened of it."""

    exam: Exam
    owner_group: GroupId
    site: SiteId | None
    order: OrderId | None
    study: StudyId | None
    report: ReportId | None
    impression: str = ""
    waiting: bool = False  # ordered, not made yet


@dataclass(frozen=True, slots=True)
class Card:
    """One piece of advice. It never stops an order."""

    kind: str
    rule: str
    version: int
    summary: str
    detail: str
    cites: str
    about: str
    window_days: int = 0
    days: int = 0
    prior: Prior | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """Advice as it was shown, and what became of it."""

    id: UUID
    owner_group: GroupId
    site: SiteId
    patient: PatientId
    order: OrderId | None
    channel: str
    kind: str
    rule: str
    rule_version: int
    window_days: int
    summary: str
    detail: str
    cites: str
    procedure_code: str
    procedure_text: str
    modality: str
    region: str
    prior_group: GroupId | None
    prior_site: SiteId | None
    prior_order: OrderId | None
    prior_study: StudyId | None
    prior_report: ReportId | None
    prior_on: date | None
    days: int
    across_sites: bool
    shown_at: datetime
    outcome: str
    reason: str
    decided_at: datetime | None
    decided_by: str
    fate: str


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the advice of one kind and month."""

    month: date
    kind: str
    channel: str
    shown: int
    accepted: int
    overridden: int
    undecided: int
    cancelled: int
    changed: int


@dataclass(frozen=True, slots=True)
class Repeats:
    """Repeats within a window: see `orders.duplicates.Rate`."""

    days: int
    eligible: int
    repeated: int
    across_sites: int
    report_at_hand: int

    @property
    def share(self) -> float | None:
        """Repeats among eligible exams; None where none is eligible."""
        return self.repeated / self.eligible if self.eligible else None


@dataclass(frozen=True, slots=True)
class Effect:
    """The measured effect over a period; None is: not measured here."""

    tallies: tuple[Tally, ...]
    reasons: tuple[tuple[str, int], ...]
    repeats: tuple[Repeats, ...]
    data_end: date | None
    not_measured: tuple[str, ...] = field(default=())


def may_see(owner: GroupId, to: GroupId, agreements: Sequence[Agreement]) -> bool:
    """Say whether a group may see another's priors at order time.

    Only where an agreement in force between the two shares priors; for treatment,
    45 CFR 164.506(c)(2).
    """
    return owner == to or any(
        one.state == IN_FORCE
        and one.shares_priors
        and {one.owner_group, one.reading_group} == {owner, to}
        for one in agreements
    )
