"""Whom a group can reach and how; and what was told to whom about which exam. Pure.

A notice never names a patient, an accession number or an exam: only a site, a level, how long
until due, and a link by the item's id.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from confrere.kernel.ids import GroupId, ItemId, ReaderId


class Channel(StrEnum):
    """A way to reach a person."""

    PRODUCT = "product"  # a line on the worklist
    MAIL = "mail"
    SMS = "sms"
    VOICE = "voice"


OUTSIDE = (Channel.VOICE, Channel.SMS, Channel.MAIL)  # the loudest first


class Kind(StrEnum):
    """Why somebody is told."""

    ESCALATION = "escalation"  # so much of an exam's time is gone; `tier` is the per cent
    NOBODY = "nobody"  # an emergency that nobody may be offered
    PREALERT = "pre-alert"  # a stroke or trauma exam is on its way
    GATEWAY = (
        "gateway"  # a hospital's gateway is not heard of; `level` is its name, `due_at` since
    )


# what becomes of a notice
QUEUED, SENT, FAILED, SEEN, WITHDRAWN = "queued", "sent", "failed", "acknowledged", "withdrawn"
TRIES = 8  # with pauses of 5, 10, 20 ... seconds, about ten minutes
UNDER_WAY = timedelta(minutes=2)  # so long one process may try before another does
# one person gets no more than one message by one way in so long a time; what comes meanwhile
# goes together in the next
PAUSES = {
    Channel.MAIL: timedelta(minutes=3), Channel.SMS: timedelta(minutes=1),
    Channel.VOICE: timedelta(minutes=2),
}  # fmt: skip
AT_ONCE = frozenset({Kind.NOBODY, Kind.PREALERT, Kind.GATEWAY})  # these wait for nothing
NO_WAY = "no way to send it is set up: see Notices in the documentation"


@dataclass(frozen=True, slots=True)
class Telling:
    """One person to be told one thing by one way. `about` is an item, a pre-alert or an outage."""

    kind: Kind
    tier: int  # per cent of the time; 0 where there are no tiers
    about: UUID
    item: ItemId | None
    owner_group: GroupId  # whose exam it is
    to_group: GroupId
    recipient: UUID  # a reader, else a line of a call list, else the group that names nobody
    role: str
    name: str
    channel: Channel
    site_name: str
    level: str  # the priority's name for people
    due_at: datetime | None
    reader: ReaderId | None = None
    contact: UUID | None = None
    trouble: str = ""  # why it cannot be sent at all


@dataclass(frozen=True, slots=True)
class Notice:
    """A telling that is kept, and what became of it. Notices of one `message` went as one."""

    id: UUID
    message: UUID
    what: Telling
    said: str  # the words as they were sent; empty before
    state: str
    attempts: int
    last_error: str
    sent_to: str  # the address, masked
    created_at: datetime
    next_at: datetime
    sent_at: datetime | None
    seen_at: datetime | None
    seen_by: str


@dataclass(frozen=True, slots=True)
class Told:
    """What people were told before: the highest tier, and who said that they saw it."""

    highest: dict[tuple[UUID, UUID, Kind], int]  # (about, recipient, kind)
    seen: frozenset[tuple[UUID, UUID]]  # (about, recipient)

    def may_tell(self, about: UUID, recipient: UUID, kind: Kind, tier: int) -> bool:
        """Say whether this would be new: a higher tier, and not seen (but when overdue)."""
        if tier <= self.highest.get((about, recipient, kind), -1):
            return False
        return (about, recipient) not in self.seen or tier >= OVERDUE


OVERDUE = 100
NOTHING_TOLD = Told({}, frozenset())


def back_off(attempts: int) -> timedelta:
    """How long to wait after the nth failed try: 5, 10, 20 ... seconds, at most five minutes."""
    return timedelta(seconds=min(5 * 2 ** (attempts - 1), 300))


def masked(address: str) -> str:
    """An address as it may be shown to others: enough to tell a wrong one."""
    name, at, host = address.partition("@")
    if at:
        return f"{name[:1]}…@{host}"
    return f"{address[:2]}…{address[-4:]}" if address else ""
