"""When an agreement lets one group read another's exam. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from confrere.kernel.ids import GroupId, SiteId
from confrere.network.model import Agreement

IN_FORCE, SUSPENDED = "in force", "suspended"


def covers(  # noqa: PLR0911 - one line a term of the agreement
    agreement: Agreement, site: SiteId, subspecialty: str, priority: str, at: datetime
) -> str:
    """Say why `agreement` does not cover an exam at instant `at`; empty when it does.

    Dates are whole days of UTC; the daily window is wall time in its own zone, half open,
    and crosses midnight when it starts later than it ends, so 22:00-07:00 is a night.
    """
    if agreement.state != IN_FORCE:
        return f"the agreement {agreement.title!r} is {agreement.state}"
    day = at.astimezone(UTC).date()
    if not agreement.starts_on <= day <= agreement.ends_on:
        return f"the agreement {agreement.title!r} ran {agreement.starts_on} to {agreement.ends_on}"
    if agreement.site_ids and site not in agreement.site_ids:
        return f"the agreement {agreement.title!r} does not include this site"
    if agreement.subspecialties and subspecialty not in agreement.subspecialties:
        return f"the agreement {agreement.title!r} does not include {subspecialty or 'unmapped'} exams"
    if agreement.priorities and priority not in agreement.priorities:
        return f"the agreement {agreement.title!r} does not include {priority} exams"
    if not _within_window(agreement, at):
        return (
            f"outside the agreement's hours ({agreement.window_start:%H:%M} to "
            f"{agreement.window_end:%H:%M} {agreement.window_zone})"
        )
    return ""


def between(
    agreements: Iterable[Agreement], owner: GroupId, reading: GroupId
) -> tuple[Agreement, ...]:
    """The agreements by which `owner` lends reads to `reading`."""
    return tuple(
        one for one in agreements if one.owner_group == owner and one.reading_group == reading
    )


def _within_window(agreement: Agreement, at: datetime) -> bool:
    start, end = agreement.window_start, agreement.window_end
    if start is None or end is None:
        return True
    wall = at.astimezone(ZoneInfo(agreement.window_zone)).time()
    return _between(start, end, wall)


def _between(start: time, end: time, wall: time) -> bool:
    if start < end:
        return start <= wall < end
    return wall >= start or wall < end
