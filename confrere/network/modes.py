"""Take a site live, or into shadow mode: real feeds in, nothing out. The caller owns the transaction.

Who did it, when, why, and against which doubts is kept for good.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from confrere.kernel.errors import Conflict, Invalid
from confrere.kernel.ids import SiteId
from confrere.network import service, store
from confrere.network import tables as t
from confrere.network.model import LIVE, SHADOW, Site
from confrere.network.signing import By

SHORTEST_REASON = 10


@dataclass(frozen=True, slots=True)
class ModeChange:
    """A site went into a mode. `unmet` names what the comparison did not yet show."""

    mode: str
    at: datetime
    by: str
    reason: str
    unmet: tuple[str, ...]


def change(
    conn: Connection, site_id: SiteId, mode: str, by: By, reason: str, now: datetime,
    unmet: Sequence[str] = (),
) -> Site:  # fmt: skip
    """Put a site into a mode; return it as it is now.

    Raises Conflict when it is in that mode already, Invalid without a reason where one is
    asked for: into shadow, and live against doubts.
    """
    site = service.site(conn, site_id)
    if mode not in (LIVE, SHADOW):
        raise Invalid("choose live or shadow", "mode")
    if site.mode == mode:
        raise Conflict(f"{site.name} is {word_of(mode)} already: reload the page")
    said = reason.strip()[:500]
    if (unmet or mode == SHADOW) and len(said) < SHORTEST_REASON:
        raise Invalid(f"give the reason in at least {SHORTEST_REASON} characters", "reason")
    service.set_mode(conn, site_id, mode)
    store.add(conn, t.site_modes, [{
        "owner_group": site.owner_group, "site_id": site_id, "mode": mode, "at": now,
        "by_name": by.name, "by_user": by.user, "reason": said, "unmet": list(unmet),
    }])  # fmt: skip
    return service.site(conn, site_id)


def history(conn: Connection, site_id: SiteId) -> list[ModeChange]:
    """When a site went into which mode, newest first."""
    return [
        ModeChange(r.mode, r.at, r.by_name, r.reason, tuple(r.unmet))
        for r in store.mode_changes(conn, site_id)
    ]


def word_of(mode: str) -> str:
    """A mode in words."""
    return "in shadow mode" if mode == SHADOW else "live"
