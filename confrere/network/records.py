"""Credentials as they stand on record: who said so, since when, and with which papers. Pure."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from confrere.kernel.ids import GroupId, ReaderId, SiteId
from confrere.network.credentials import SanctionCheck
from confrere.network.facts import begins_on, kind_of
from confrere.network.kinds import Fact, Kind

LAPSED = 0
THRESHOLDS = (90, 30, 7, LAPSED)  # days before the end at which somebody is reminded
MOST_BYTES = 8 << 20
# how a file of each allowed type begins
SIGNATURES = (
    (b"%PDF-", "application/pdf", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """Who recorded something, and when; no instant means before the records began."""

    by: str = ""
    at: datetime | None = None


SINCE_EVER = Recorded()


@dataclass(frozen=True, slots=True)
class Credential:
    """One fact on record."""

    id: UUID
    reader: ReaderId | None
    site: SiteId | None
    fact: Fact
    ends_on: date | None
    recorded_at: datetime | None
    recorded_by: str
    ended_at: datetime | None = None
    ended_because: str = ""
    replaces: UUID | None = None

    @property
    def kind(self) -> Kind:
        """What kind of fact it is."""
        return kind_of(self.fact)


@dataclass(frozen=True, slots=True)
class Document:
    """A paper that proves a credential; its bytes are a blob."""

    id: UUID
    owner_group: GroupId
    reader: ReaderId
    credential: UUID
    name: str
    media_type: str
    size: int
    digest: bytes
    added_at: datetime
    added_by: str


@dataclass(frozen=True, slots=True)
class Reminder:
    """One credential came to one threshold before its end."""

    id: UUID
    owner_group: GroupId
    credential: UUID
    threshold: int
    made_at: datetime


def threshold_of(one: Credential, today: date) -> int | None:
    """The threshold that a credential has come to; None while there is more time.

    A sanction check is made every month: only its last week is worth a word.
    """
    if one.ends_on is None:
        return None
    left = (one.ends_on - today).days
    if left < 0:
        return LAPSED
    told = (7,) if isinstance(one.fact, SanctionCheck) else (7, 30, 90)
    return next((days for days in told if left <= days), None)


def takes_over_at_once(new: Fact, old: Fact, today: date) -> bool:
    """Say whether what replaces a fact ends it now; else the old one serves until its last day.

    A licence renewed early has its next term on record while the present one still runs.
    """
    begins, began = begins_on(new), begins_on(old)
    return begins is None or begins <= today or (began is not None and begins <= began)


def media_type_of(head: bytes) -> tuple[str, str] | None:
    """Tell a document's type and ending by how it begins; None when it is none of the allowed."""
    return next(
        ((kind, ending) for start, kind, ending in SIGNATURES if head.startswith(start)), None
    )
