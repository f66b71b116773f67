"""What is known of the places of the image store. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from confrere.kernel.ids import SiteId


@dataclass(frozen=True, slots=True)
class Round:
    """What the last look at a site's cache came to: `kept` says why what was due stays.

    `after` is the last use and the study behind which the next look goes on; None: from the start.
    """

    site: SiteId
    evicted: int
    kept: Mapping[str, int]
    at: datetime
    after: tuple[datetime, UUID] | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How much of a site's lies at one place, as it was counted last."""

    site: SiteId | None
    place: str
    studies: int
    images: int
    bytes: int
    counted_at: datetime


@dataclass(frozen=True, slots=True)
class PlaceState:
    """One place, as the worker last found it.

    A scrub re-reads all in many short runs: `scrub_after` is where the next one goes on,
    `scrub_ended_at` when the last whole pass ended, `damaged` what lies set aside now.
    """

    name: str
    address: str = ""
    trouble: str = ""
    free_bytes: int | None = None
    total_bytes: int | None = None
    looked_at: datetime | None = None
    scrub_after: str = ""
    scrub_began_at: datetime | None = None
    scrub_ended_at: datetime | None = None
    scrub_read: int = 0
    scrub_found: int = 0
    damaged: int = 0
    sweep_after: str = ""
    swept: int = 0
    sweep_ended_at: datetime | None = None
