"""Messages on their way in and out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from confrere.kernel.ids import GroupId, MessageId, PeerId, ReportId, SiteId, StudyId

STORED, DONE, FAILED, DISMISSED = "stored", "done", "failed", "dismissed"
WAITING, SENT, DEAD = "waiting", "sent", "dead"
REPLACED = "replaced"  # a newer status of the same exam goes out in its place
HELD_BACK = "held back"  # its site is in shadow mode: it does not go out
RESULT_KIND, STATUS_KIND = "ORU^R01", "ORM^O01"
COMMITMENT_KIND = "N-EVENT-REPORT"  # storage commitment
AVAILABILITY_KIND = "N-CREATE"  # instance availability notification
DICOM_KINDS = frozenset({COMMITMENT_KIND, AVAILABILITY_KIND})  # their content is a data set
BY_HAND = "by hand"  # the machine does not take it: a person does it there
OF_STUDY, OF_CORRECTION = "study", "correction"  # kinds of sendings
TRIES_BEFORE_DEAD = 20


@dataclass(frozen=True, slots=True)
class Received:
    """A message that came in, whole, with what became of it."""

    id: MessageId
    owner_group: GroupId
    peer: PeerId | None
    site: SiteId | None
    door: str
    address: str
    kind: str
    control_id: str
    content: bytes
    state: str
    reason: str
    field: str
    remedy: str
    attempts: int
    received_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that must reach a peer, and whether it did."""

    id: MessageId
    owner_group: GroupId
    site: SiteId | None
    peer: PeerId
    report: ReportId | None
    kind: str
    accession: str
    control_id: str
    content: bytes
    place: int
    state: str
    attempts: int
    last_error: str
    answer_code: str
    answer_text: str
    created_at: datetime
    next_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Sending:
    """Images that must reach a machine by C-STORE, and how far they are; counts are of objects.

    `kind` is OF_STUDY or OF_CORRECTION; of the latter `cause` is the correction or rejection,
    and `says` what is sent, in words. `state` is WAITING, SENT, DEAD, BY_HAND or HELD_BACK.
    """

    id: UUID
    owner_group: GroupId
    study: StudyId
    peer: PeerId
    asked_by: str
    asked_at: datetime
    state: str
    total: int
    sent: int
    failed: int
    attempts: int
    last_error: str
    next_at: datetime
    ended_at: datetime | None
    kind: str = OF_STUDY
    cause: UUID | None = None
    says: str = ""
    done_by: str = ""


def back_off(attempts: int, jitter: float) -> timedelta:
    """How long to wait after the nth failed try: 1, 2, 4 ... 32 s, then 5 min, plus jitter.

    `jitter` is between 0 and 1, and adds up to a quarter.
    """
    seconds = min(2.0 ** (attempts - 1), 32.0) if attempts <= 8 else 300.0  # noqa: PLR2004
    return timedelta(seconds=seconds * (1 + jitter / 4))
