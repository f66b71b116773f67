"""An agreement as sentences that both parties can check. Pure."""

from collections.abc import Iterable, Mapping
from datetime import date

from confrere.kernel.ids import GroupId, SiteId
from confrere.network.model import Agreement, Group, Site
from confrere.orders.priorities import NAMES


def sentence(
    agreement: Agreement, groups: Mapping[GroupId, Group], sites: Mapping[SiteId, Site]
) -> str:
    """Say who reads what for whom, where and when."""
    owner, reading = groups[agreement.owner_group], groups[agreement.reading_group]
    what = _all_or(sorted(agreement.subspecialties), "all subspecialties")
    where = _all_or(
        sorted(sites[one].name for one in agreement.site_ids if one in sites), "all its sites"
    )
    how_soon = _all_or(
        [NAMES.get(one, one) for one in sorted(agreement.priorities)], "every priority"
    )
    return (
        f"{owner.name} lets {reading.name} read {what} exams of {where}, {how_soon}, "
        f"{_hours(agreement)}; {'priors are shared' if agreement.shares_priors else 'priors stay with the owner'}."
    )


def lifetime(agreement: Agreement, today: date) -> str:
    """Say from when to when, and how long is left."""
    span = f"{_day(agreement.starts_on)} to {_day(agreement.ends_on)}"
    if agreement.starts_on > today:
        return f"{span}, starts in {_days(agreement.starts_on, today)}"
    if agreement.ends_on < today:
        return f"{span}, over"
    return f"{span}, {_days(agreement.ends_on, today)} left"


def _hours(agreement: Agreement) -> str:
    start, end = agreement.window_start, agreement.window_end
    if start is None or end is None:
        return "at any hour"
    night = " (through the night)" if start > end else ""
    return f"from {start:%H:%M} to {end:%H:%M} {agreement.window_zone}{night}"


def _all_or(names: Iterable[str], everything: str) -> str:
    listed = list(names)
    if not listed:
        return everything
    *most, last = listed
    return f"{', '.join(most)} and {last}" if most else last


def _day(on: date) -> str:
    return f"{on.day} {on:%b %Y}"


def _days(later: date, earlier: date) -> str:
    days = (later - earlier).days
    return f"{days} day" if days == 1 else f"{days} days"
