"""An agreement as sentences that both parties can check. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from confrere.kernel.ids import GroupId, SiteId
from confrere.network.model import Agreement, Group, OptOut, Site
from confrere.network.terms import Rate, Terms, differing
from confrere.orders.priorities import MINUTES, NAMES

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WORKING_DAYS, WEEKEND = frozenset(range(5)), frozenset({5, 6})
LABELS = {
    "title": "Title", "site_ids": "Sites", "subspecialties": "Subspecialties",
    "modalities": "Modalities", "priorities": "Priorities", "read_types": "Kind of read",
    "hours": "Hours", "dates": "From and to", "daily_cap": "Daily cap",
    "response_minutes": "Response", "own_first": "Own readers first",
    "overflow": "When other work may overflow", "hold_share": "Held for the specialist",
    "shares_priors": "Priors", "rate": "Rate",
}  # fmt: skip
# the terms that are told in one line
_TOLD_AS = {
    "weekdays": "hours", "window_start": "hours", "window_end": "hours", "window_zone": "hours",
    "starts_on": "dates", "ends_on": "dates", "overflow_share": "overflow",
    "overflow_from": "overflow",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One line of two versions' terms that differs."""

    label: str
    before: str
    after: str


def sentence(
    terms: Agreement | Terms, owner: GroupId, reading: GroupId,
    groups: Mapping[GroupId, Group], sites: Mapping[SiteId, Site],
) -> str:  # fmt: skip
    """Say who reads what for whom, where and when."""
    kinds = sorted(terms.modalities)
    what = all_or(sorted(terms.subspecialties), "all subspecialties")
    where = all_or(_site_names(terms.site_ids, sites), "all its sites")
    how_soon = all_or(
        [NAMES.get(one, one) for one in MINUTES if one in terms.priorities], "every priority"
    )
    return (
        f"{groups[owner].name} lets {groups[reading].name} read {what} exams"
        f"{f' ({all_or(kinds, str())} only)' if kinds else ''} of {where}, {how_soon}, "
        f"{hours(terms)}; {_priors(terms.shares_priors)}."
    )


def lines(terms: Terms, sites: Mapping[SiteId, Site]) -> dict[str, str]:
    """Say every term in words, by the names of LABELS."""
    rules = [NAMES.get(one, one) for one in MINUTES if one in terms.priorities]
    return {
        "title": terms.title,
        "site_ids": all_or(_site_names(terms.site_ids, sites), "all sites of the owner group"),
        "subspecialties": all_or(sorted(terms.subspecialties), "all"),
        "modalities": all_or(sorted(terms.modalities), "all"),
        "priorities": all_or(rules, "all"),
        "read_types": all_or(sorted(terms.read_types), "all"),
        "hours": hours(terms),
        "dates": f"{day(terms.starts_on)} to {day(terms.ends_on)}, whole days there",
        "daily_cap": f"at most {terms.daily_cap} exams a day" if terms.daily_cap else "no cap",
        "response_minutes": _response(terms.response_minutes),
        "own_first": "own readers come first while one is on duty"
        if terms.own_first
        else "both groups' readers at once",
        "overflow": overflow(terms),
        "hold_share": _hold(terms.hold_share),
        "shares_priors": _priors(terms.shares_priors),
        "rate": rate(terms.rate),
    }


def changes(before: Terms, after: Terms, sites: Mapping[SiteId, Site]) -> tuple[Change, ...]:
    """Tell what two versions say differently, line by line."""
    old, new = lines(before, sites), lines(after, sites)
    names = dict.fromkeys(_TOLD_AS.get(one, one) for one in differing(before, after))
    return tuple(Change(LABELS[one], old[one], new[one]) for one in LABELS if one in names)


def overflow(terms: Terms) -> str:
    """Say when work that is not urgent may go to the other group."""
    if not terms.own_first:
        return "at once"
    if terms.overflow_from is not None:
        return f"from {terms.overflow_from:%H:%M} {terms.window_zone}; urgent work at once"
    if terms.overflow_share is not None:
        share = percent(terms.overflow_share)
        return f"when {share} of the time to the due time is left; urgent work at once"
    return "when nobody of the owner group is on duty, or it is due; urgent work at once"


def hours(terms: Agreement | Terms) -> str:
    """Say on which days and at which hours."""
    start, end = terms.window_start, terms.window_end
    days = weekdays(terms.weekdays)
    if start is None or end is None:
        return f"at any hour{f' {days}' if days else ''}"
    night = " (through the night)" if start >= end else ""
    return (
        f"from {start:%H:%M} to {end:%H:%M} {terms.window_zone}{night}{f' {days}' * bool(days)}"
    )


def weekdays(days: frozenset[int]) -> str:
    """Say on which weekdays; empty for all."""
    if not days or len(days) == len(DAYS):
        return ""
    if days == WORKING_DAYS:
        return "on Mondays to Fridays"
    return f"on {all_or([f'{DAYS[one]}s' for one in sorted(days)], '')}"


def rate(agreed: Rate | None) -> str:
    """Say what a read is paid."""
    if agreed is None:
        return "none agreed"
    return f"{agreed.amount.normalize():,f} {agreed.currency} per {agreed.per}"


def percent(share: Decimal) -> str:
    """Write a share of one as whole percent."""
    return f"{share * 100:.0f} %"


def lifetime(agreement: Agreement, today: date) -> str:
    """Say from when to when, and how long is left."""
    span = f"{day(agreement.starts_on)} to {day(agreement.ends_on)}"
    if agreement.starts_on > today:
        return f"{span}, starts in {_days(agreement.starts_on, today)}"
    if agreement.ends_on < today:
        return f"{span}, over"
    return f"{span}, {_days(agreement.ends_on, today)} left"


def kept(opt_out: OptOut, sites: Mapping[SiteId, Site]) -> str:
    """Say which exams an opt-out keeps at home."""
    words = [
        NAMES.get(opt_out.priority, opt_out.priority), opt_out.subspecialty, opt_out.modality,
        f"“{opt_out.procedure}”" if opt_out.procedure else "",
    ]  # fmt: skip
    what = " ".join(one for one in words if one) or "all"
    site = sites.get(opt_out.site) if opt_out.site else None
    return f"{what} exams of {site.name if site else 'all sites'}"


def all_or(names: Iterable[str], everything: str) -> str:
    """List names as a person would; or say the one word for all."""
    listed = list(names)
    if not listed:
        return everything
    *most, last = listed
    return f"{', '.join(most)} and {last}" if most else last


def day(on: date) -> str:
    """Write a date: 3 Nov 2026."""
    return f"{on.day} {on:%b %Y}"


def _response(minutes: Mapping[str, int]) -> str:
    told = [f"{NAMES.get(p, p)} {minutes[p]} min" for p in MINUTES if p in minutes]
    return f"report within {all_or(told, '')}" if told else "as the site's own due times"


def _hold(share: Decimal | None) -> str:
    if share is None:
        return "as the owner group's own settings"
    return f"until {percent(share)} of the time to the due time is left; STAT never"


def _priors(shares: bool) -> str:
    return "priors are shared" if shares else "priors stay with the owner"


def _site_names(ids: Iterable[SiteId], sites: Mapping[SiteId, Site]) -> list[str]:
    return sorted(sites[one].name for one in ids if one in sites)


def _days(later: date, earlier: date) -> str:
    days = (later - earlier).days
    return f"{days} day" if days == 1 else f"{days} days"
