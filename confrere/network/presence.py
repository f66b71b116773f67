"""Shifts, and whether a reader is there: by the roster and by what they said. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from confrere.kernel.ids import SiteId


@dataclass(frozen=True, slots=True)
class Shift:
    """When a reader is on duty: half open, UTC."""

    starts_at: datetime
    ends_at: datetime
    kind: str = ""  # day, evening, night, or the group's own word
    subspecialties: frozenset[str] = (
        frozenset()
    )  # read in this shift; empty: all of the reader's
    site_ids: frozenset[SiteId] = frozenset()  # empty: all
    takes_overflow: bool = True  # reads for other groups, too
    id: UUID | None = None


SIGN_ON, PAUSE, RESUME, SIGN_OFF = "sign on", "pause", "resume", "sign off"
EARLY = timedelta(hours=1)  # so long before a shift one may sign on for it


@dataclass(frozen=True, slots=True)
class Attendance:
    """What a reader last said of being there, at the server's time."""

    act: str
    at: datetime


class Presence(StrEnum):
    """Whether a reader is there. The first three count as on duty."""

    SIGNED_ON = "signed on"
    ROSTERED = "rostered"  # and their group asks for no sign-on
    EXPECTED = "expected"  # the time to sign on is not over
    PAUSED = "paused"
    SIGNED_OFF = "signed off"
    NO_SHOW = "no-show"
    OFF = "off"  # no shift now


THERE = frozenset({Presence.SIGNED_ON, Presence.ROSTERED, Presence.EXPECTED})
SAID = {
    SIGN_ON: Presence.SIGNED_ON, RESUME: Presence.SIGNED_ON, PAUSE: Presence.PAUSED,
    SIGN_OFF: Presence.SIGNED_OFF,
}  # fmt: skip
