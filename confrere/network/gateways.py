"""A gateway: the small door at a hospital that sends on to us. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NewType
from uuid import UUID

from confrere.kernel.ids import GroupId, PeerId, SiteId

GatewayId = NewType("GatewayId", UUID)
GATEWAY = "gateway"  # the door of the peer that stands for a gateway
CODE_HOURS = 24
SILENT_AFTER = timedelta(minutes=2)  # it speaks every few seconds


@dataclass(frozen=True, slots=True)
class Gateway:
    """One gateway. `said` is what it last told of itself: counts and states, no patient data."""

    id: GatewayId
    owner_group: GroupId
    site: SiteId
    peer: PeerId
    name: str
    made_at: datetime
    made_by: str = ""
    code_until: datetime | None = None
    enrolled_at: datetime | None = None
    last_seen_at: datetime | None = None
    version: str = ""
    said: Mapping[str, Any] = field(default_factory=dict)
    revoked_at: datetime | None = None
    downtime: bool = False  # the group's readers may read there while we cannot be reached
    audited_to: int = 0  # the last of its own audit events that is in our trail
    audited_chain: str = ""  # and of which machine's record

    def state(self, now: datetime) -> str:
        """One word: revoked, waiting for its code, lapsed, up or silent."""
        if self.revoked_at is not None:
            return "revoked"
        if self.enrolled_at is None:
            return "not enrolled" if self.code_until and self.code_until > now else "lapsed"
        is_silent = self.last_seen_at is None or now - self.last_seen_at > SILENT_AFTER
        return "silent" if is_silent else "up"
