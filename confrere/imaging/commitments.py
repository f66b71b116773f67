"""Requests of storage commitment, and why an instance is not committed (PS3.4 annex J). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from confrere.kernel.ids import GroupId, PeerId, SiteId

# Failure Reason (0008,1197): PS3.3 C.14.1.1
PROCESSING_FAILURE, NO_SUCH_INSTANCE, CLASS_CONFLICT = 0x0110, 0x0112, 0x0119


@dataclass(frozen=True, slots=True)
class Commitment:
    """One transaction of a peer: what it asks us to keep, as (SOP class, SOP instance).

    `refused` holds the failure reason by instance once it was judged; what is not in it we
    keep. `told` says by which way the peer heard it, empty while it has not.
    """

    id: UUID
    owner_group: GroupId
    peer: PeerId
    transaction_uid: str
    references: tuple[tuple[str, str], ...]
    asked_at: datetime
    refused: Mapping[str, int] = field(default_factory=dict)
    judged_at: datetime | None = None
    told: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """One instance that is stored here."""

    sop_class: str
    digest: bytes
    site: SiteId | None


def refusal(
    sop_class: str, held: Held | None, commits: frozenset[SiteId], of: SiteId | None
) -> int | None:
    """Why an instance can't be committed, before its bytes are read; None: nothing speaks against.

    `commits` are the sites whose declared archive we are; `of` is the asking peer's site, None
    where it serves all of its group.
    """
    if held is None or (of is not None and held.site != of):
        return NO_SUCH_INSTANCE
    if held.sop_class != sop_class:
        return CLASS_CONFLICT
    if held.site not in commits:
        return PROCESSING_FAILURE  # a cache promises nothing
    return None
