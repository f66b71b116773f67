"""What waits to be read: one item per study (or per order without images), and its state."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from confrere.kernel.ids import (
    AgreementId,
    GroupId,
    ItemId,
    OrderId,
    PatientId,
    ReaderId,
    SiteId,
    StudyId,
)


class State(StrEnum):
    """Where an item stands. Offered is not exclusive; held is."""

    WAITING = "waiting"  # nobody has been offered it
    OFFERED = "offered"
    HELD = "held"
    PRELIMINARY = "preliminary"
    FINAL = "final"
    EXTERNAL = "external"  # reported by the site's own dictation system
    CANCELLED = "cancelled"


UNMATCHED, UNMAPPED, ARRIVING, NO_IMAGES, NOBODY, OFF_DUTY, LATE = (
    "unmatched", "unmapped", "images arriving", "no images", "nobody eligible",
    "nobody on duty", "late images",
)  # fmt: skip
ATTESTED = "assigned by attestation"
PUT_ASIDE, NO_ANSWER = "read it first", "no answer before"
ASSIGNED = "assigned by the lead"
SILENT = "no news from the site"  # it said that it reads the exam, long ago
WRONG_CLOCK = "the site's clock is ahead"
DOWNTIME = "read in downtime"  # at a gateway too: a person must say which read counts
READ, ADDENDUM = "read", "addendum"
# minutes that an exam takes to read, by modality, where nothing better is known
READING_MINUTES = {"CR": 3, "DX": 3, "MG": 5, "US": 6, "NM": 8, "CT": 9, "MR": 12, "PT": 20}


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a worklist. Times are UTC."""

    id: ItemId
    owner_group: GroupId
    site: SiteId
    patient: PatientId | None
    study: StudyId | None
    orders: tuple[OrderId, ...]
    accessions: tuple[str, ...]
    kind: str
    state: State
    priority: str
    modality: str
    body_region: str
    subspecialty: str
    flags: tuple[str, ...]
    description: str
    clinical_question: str
    patient_name: str
    mrn: str
    sex: str
    birth_date: date | None
    site_name: str
    site_state: str
    image_count: int
    images_complete: bool
    prior_count: int
    ordered_at: datetime | None
    clock_at: datetime | None
    clock_source: str
    due_at: datetime | None
    offered_to: ReaderId | None
    offered_group: GroupId | None
    offered_at: datetime | None
    offer_reason: str
    held_by: ReaderId | None
    held_group: GroupId | None
    held_name: str
    hold_token: UUID | None
    held_at: datetime | None
    lease_until: datetime | None
    preliminary_at: datetime | None
    finished_at: datetime | None
    finished_by: ReaderId | None
    finished_group: GroupId | None
    version: int
    synthetic: bool
    created_at: datetime
    updated_at: datetime
    contrast: str = ""
    advanced: bool = False
    minutes: int | None = None  # expected to read it; None where the code has no meaning
    wrvu: Decimal | None = None
    certificates: tuple[str, ...] = ()
    payer_class: str = ""
    orderers: tuple[str, ...] = ()  # NPIs of who ordered it

    drafted_at: datetime | None = None  # when the holder last saved a draft that says something
    shadow: bool = False  # its site only compares records: nothing is read here
    outside_word: str = ""  # what the site's own system last said of a read there
    outside_by: str = ""
    outside_since: datetime | None = None  # None: nobody reads it there, as far as we know

    @property
    def began_at(self) -> datetime:
        """When its clock started: its exam was complete, or it came to be known."""
        return self.clock_at or self.created_at

    @property
    def at_risk_at(self) -> datetime | None:
        """From when on the due time is in danger: three quarters of the time are gone."""
        if self.due_at is None or self.clock_at is None:
            return self.due_at
        return self.due_at - (self.due_at - self.clock_at) / 4

    @property
    def reading_time(self) -> timedelta:
        """How long it takes to read, where the map does not say it by modality."""
        return timedelta(minutes=self.minutes or READING_MINUTES.get(self.modality, 8))

    @property
    def is_read_outside(self) -> bool:
        """Say whether the site reads it itself now: it is not offered, and cannot be claimed."""
        return self.outside_since is not None and SILENT not in self.flags

    def is_attested_to(self, reader: ReaderId) -> bool:
        """Say whether a chief gave it to this reader although a rule stands in the way."""
        return ATTESTED in self.flags and reader in (self.offered_to, self.held_by)

    def held_at_instant(self, at: datetime) -> bool:
        """Say whether somebody's lease runs at `at`."""
        return bool(self.held_by and self.lease_until and self.lease_until > at)


def shared_objects(item: Item) -> list[tuple[str, UUID]]:
    """What a group must see to read an exam: the item, its patient, orders and images."""
    found: list[tuple[str, UUID]] = [("item", item.id)]
    found += [("order", order) for order in item.orders]
    if item.patient:
        found.append(("patient", item.patient))
    if item.study:
        found.append(("study", item.study))
    return found


class Outcome(StrEnum):
    """What a rule says of a reader."""

    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "unknown"  # nothing on record


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one rule for one reader, kept as proof with the read."""

    rule: str  # e.g. LIC_PATIENT
    outcome: Outcome
    because: str  # for people
    remedy: str = ""
    cites: str = ""
    billing_hold: bool = False  # offered all the same; the charge waits

    @property
    def holds(self) -> bool:
        """Say whether the rule lets the reader read."""
        return self.outcome is Outcome.HOLDS or self.billing_hold


@dataclass(frozen=True, slots=True)
class Proof:
    """All verdicts for one reader and item at one act, as they were then."""

    item: ItemId
    reader: ReaderId
    reader_group: GroupId
    act: str  # offer, claim, sign, assign
    eligible: bool
    agreement: AgreementId | None
    verdicts: tuple[Verdict, ...]
    at: datetime
    facts_version: int = 0  # by which facts it was judged
    attested_by: str = ""  # who assigned an emergency that nobody could lawfully be offered
    attestation: str = ""  # and why


@dataclass(frozen=True, slots=True)
class ItemOffered:
    """Event: an exam was offered to a reader, whose group may now see it."""

    owner_group: GroupId
    item_id: ItemId
    to_group: GroupId
    at: datetime


@dataclass(frozen=True, slots=True)
class ItemFinished:
    """Event: an item was signed final here, or reported by the site's own dictation."""

    owner_group: GroupId
    item_id: ItemId
    how: str  # final, external
    at: datetime
