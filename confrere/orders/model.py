"""Orders and what kind of exam they ask for."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from confrere.kernel.ids import GroupId, OrderId, PatientId, SiteId
from confrere.kernel.periods import Spans

ORDERED, IN_PROGRESS, COMPLETE, CANCELLED, REPORTED = (
    "ordered", "in progress", "complete", "cancelled", "reported",
)  # fmt: skip


TOLD = "order status"  # who says when the exam was complete
# the sender's clock is so far ahead that the exam would be complete in the future
PERFORMED = "performed step"  # the modality, by MPPS
BACKLOADED = "earlier report"  # the order of a prior that came from a file
AHEAD = "message received, the site's clock is ahead"


@dataclass(frozen=True, slots=True)
class Procedure:
    """One line of a site's procedure map: what a code of that site means.

    `advanced` exams may wait for a subspecialist; `certificates` are what a reader must hold
    besides (as MQSA for mammography). A patient younger than `child_below` years is
    `child_subspecialty`'s.
    """

    owner_group: GroupId
    site: SiteId
    code: str
    text: str
    modality: str
    body_region: str
    subspecialty: str
    advanced: bool = False
    minutes: int = 8
    wrvu: Decimal | None = None
    contrast: str = ""  # without, with, both; empty where it has no meaning or is not known
    certificates: tuple[str, ...] = ()
    child_below: int = 0
    child_subspecialty: str = ""

    def subspecialty_of(self, age: int | None) -> str:
        """Who reads this exam of a patient of `age` whole years; None is not known."""
        if age is not None and age < self.child_below and self.child_subspecialty:
            return self.child_subspecialty
        return self.subspecialty


@dataclass(frozen=True, slots=True)
class OrderContent:
    """What an order message says, in our words; absent is empty or None."""

    accession: str
    placer_number: str = ""
    filler_number: str = ""
    procedure_code: str = ""
    procedure_text: str = ""
    requested_priority: str = ""  # S, A, R, T ... of ORC-7/TQ1-9
    clinical_question: str = ""
    notes: str = ""
    allergies: str = ""
    diagnoses: tuple[str, ...] = ()
    patient_class: str = ""  # E, I, O (HL7 table 0004)
    location: str = ""
    referrer_name: str = ""
    referrer_id: str = ""
    study_uid: str = ""
    status: str = ORDERED
    ordered_at: datetime | None = None
    exam_complete_at: datetime | None = None
    payer_class: str = ""  # medicare, medicaid, ...; empty is not told
    said_at: datetime | None = None  # MSH-7, by the clock of `said_by`
    said_by: str = ""  # MSH-3
    heard_at: datetime | None = None  # when the message came, by our clock


@dataclass(frozen=True, slots=True)
class Order:
    """One requested procedure under one accession number of one site."""

    id: OrderId
    owner_group: GroupId
    site: SiteId
    patient: PatientId
    content: OrderContent
    modality: str
    body_region: str
    subspecialty: str  # empty while the code is not in the site's procedure map
    mapped: bool
    priority: str
    clock_source: str
    synthetic: bool
    updated_at: datetime
    contrast: str = ""
    advanced: bool = False
    minutes: int | None = None  # expected to read it; None while the code has no meaning
    wrvu: Decimal | None = None
    certificates: tuple[str, ...] = ()
    said: dict[str, str] = field(default_factory=dict)  # system -> when it last spoke of it


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a site's last orders its procedure map types."""

    site: SiteId
    orders: int
    mapped: int

    @property
    def share(self) -> float | None:
        """Mapped orders among all, 0 to 1; None without orders."""
        return self.mapped / self.orders if self.orders else None


@dataclass(frozen=True, slots=True)
class Number:
    """One of an order's numbers, at one site or at any (None); `value` None is any."""

    kind: str  # accession, placer_number or filler_number
    value: str | None
    site: SiteId | None = None


@dataclass(frozen=True, slots=True)
class OrdersSought:
    """What a search asks; all must hold. None asks nothing; an empty collection fits none.

    Of each set in `numbers` one must fit.
    """

    ids: frozenset[OrderId] | None = None
    patients: frozenset[PatientId] | None = None
    sites: frozenset[SiteId] | None = None
    statuses: frozenset[str] | None = None
    priorities: frozenset[str] | None = None
    numbers: tuple[frozenset[Number], ...] = ()
    ordered: Spans | None = None
    updated: Spans | None = None


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A code of a site that its procedure map lacks, and how many orders wait for it."""

    site: SiteId
    code: str
    text: str
    count: int
    since: datetime
    sample: OrderId | None = None  # one of them, whose images may tell more


EXAM_COMPLETE, REPORT_FINAL = "exam complete", "report final"


@dataclass(frozen=True, slots=True)
class ToldTime:
    """What time a site told of a step of an order, and when we heard of it first."""

    order: OrderId
    what: str
    said_at: datetime
    heard_at: datetime


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """Event: an order was placed, changed, completed or cancelled."""

    owner_group: GroupId
    order_id: OrderId
    at: datetime
