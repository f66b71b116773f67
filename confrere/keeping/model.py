"""Rules of tiers, holds, and removals by four eyes. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from confrere.kernel.errors import Conflict, Invalid, Refused
from confrere.kernel.ids import GroupId, PatientId, SiteId, StudyId, UserId

PROPOSED, APPROVED, REFUSED, WITHDRAWN, EXECUTED = (
    "proposed", "approved", "refused", "withdrawn", "executed",
)  # fmt: skip
LISTED, GONE, SPARED = "listed", "removed", "spared"
WAITS = timedelta(days=7)  # between the approval and the removal
SHORTEST, LONGEST = 4, 400  # characters of a reason
MOST_DAYS = 36500
WARM_TASK, COUNT_TASK = "keeping.warm", "keeping.count"


@dataclass(frozen=True, slots=True)
class By:
    """Who did it."""

    name: str
    user: UserId


@dataclass(frozen=True, slots=True)
class TierRule:
    """When a site's studies go to the cold place: unused for long, or old; None: never by that.

    `warm`: a study that is looked at comes back from there.
    """

    site: SiteId
    owner_group: GroupId
    unused_days: int | None = None
    age_days: int | None = None
    warm: bool = True


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold on a study or on all of a patient's."""

    id: UUID
    owner_group: GroupId
    study: StudyId | None
    patient: PatientId | None
    reason: str
    placed_by: str
    placed_at: datetime
    lifted_by: str
    lifted_at: datetime | None
    lifted_because: str


@dataclass(frozen=True, slots=True)
class Holds:
    """What is on hold of a group."""

    studies: frozenset[StudyId] = frozenset()
    patients: frozenset[PatientId] = frozenset()

    def cover(self, study: StudyId, patient: PatientId | None) -> bool:
        """Say whether a study may not be removed."""
        return study in self.studies or (patient is not None and patient in self.patients)


@dataclass(frozen=True, slots=True)
class Deletion:
    """A list of what is due to be removed, and how far it got."""

    id: UUID
    owner_group: GroupId
    site: SiteId
    state: str
    reason: str
    proposed_by: str
    proposed_by_user: UserId
    proposed_at: datetime
    decided_by: str
    decided_at: datetime | None
    decided_because: str
    waits_until: datetime | None
    executed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Line:
    """One study of such a list, and by which rule it is due."""

    id: UUID
    study: StudyId
    rule: str
    words: str
    source: str
    due_on: date
    images: int
    size: int
    state: str
    why: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was removed, by which rule, who proposed and who approved it."""

    owner_group: GroupId
    site: SiteId
    deletion: UUID
    study: StudyId
    study_uid: str
    study_date: str
    modalities: tuple[str, ...]
    patient: PatientId | None
    images: int
    size: int
    content_hash: bytes  # SHA-256 over the SOP Instance UIDs and the digests, in their order
    rule: str
    words: str
    source: str
    due_on: date
    proposed_by: str
    approved_by: str
    removed_at: datetime


def said(reason: str) -> str:
    """Check a reason; raises Invalid."""
    text = " ".join(reason.split())
    if not SHORTEST <= len(text) <= LONGEST:
        raise Invalid(f"Say why, in {SHORTEST} to {LONGEST} characters.", "reason")
    return text


def checked(rule: TierRule) -> TierRule:
    """Check a rule; Invalid names the field."""
    for name in ("unused_days", "age_days"):
        days = getattr(rule, name)
        if days is not None and not 1 <= days <= MOST_DAYS:
            raise Invalid(f"Give 1 to {MOST_DAYS} days, or leave it empty.", name)
    return rule


def may_decide(found: Deletion, by: By) -> None:
    """Four eyes: raises Refused for the person who proposed, Conflict when it is decided."""
    if found.state != PROPOSED:
        raise Conflict(f"this list is {found.state} already; reload the page")
    if found.proposed_by_user == by.user:
        raise Refused("who proposed a removal does not approve it: ask another person")


def may_undo(found: Deletion) -> None:
    """A removal can be undone until it is executed; raises Conflict behind that."""
    if found.state not in (PROPOSED, APPROVED):
        raise Conflict(f"this list is {found.state}: there is nothing to undo")
