"""When an agreement lets one group read another's exam. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal

from confrere.kernel.ids import GroupId, SiteId
from confrere.network.model import Agreement, OptOut
from confrere.network.wall_time import instant_of, local_day, window_around

PROPOSED, IN_FORCE, SUSPENDED = "proposed", "in force", "suspended"
ENDED, WITHDRAWN = "ended", "withdrawn"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be read, as far as agreements look at it.

    `read_types` are those that would do (any of them suffices); `begun_at` is when a read
    that goes on was taken: hours and daily cap are judged as they were then, so that a read
    begun in time may be finished. All else is judged as it is.
    """

    site: SiteId
    subspecialty: str
    priority: str
    modality: str
    description: str
    read_types: frozenset[str]
    at: datetime
    begun_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """The agreement by which one group lets another read, or why there is none."""

    agreement: Agreement | None
    why_not: str = ""
    remedy: str = ""


def consent(
    agreements: Iterable[Agreement], owner: GroupId, reading: GroupId, asked: Asked
) -> Consent:
    """Find the agreement that covers what is asked, or say why each one does not."""
    offers = between(agreements, owner, reading)
    reasons = []
    for one in offers:
        why_not = covers(one, asked)
        if not why_not:
            return Consent(one)
        reasons.append(why_not)
    if not offers:
        return Consent(None, "no agreement between the two groups", "propose an agreement")
    return Consent(None, "; ".join(reasons), _remedy(offers))


def covers(agreement: Agreement, asked: Asked) -> str:
    """Say why `agreement` does not cover what is asked; empty when it does.

    Dates and the daily cap count in days of the agreement's own zone. The daily window is
    wall time there: see `wall_time` for the hours that the clocks skip or show twice.
    """
    tests = (_state, _dates, _scope, _kept_home, _hours, _cap)
    return next((why for test in tests if (why := test(agreement, asked))), "")


def between(
    agreements: Iterable[Agreement], owner: GroupId, reading: GroupId
) -> tuple[Agreement, ...]:
    """The agreements by which `owner` lends reads to `reading`; proposals are none yet."""
    return tuple(
        one
        for one in agreements
        if one.owner_group == owner
        and one.reading_group == reading
        and one.state in (IN_FORCE, SUSPENDED)
    )


def kept_home(opt_outs: Iterable[OptOut], asked: Asked, zone: str) -> OptOut | None:
    """The opt-out by which the owner group keeps this exam at home; None where there is none.

    An exam that is not typed yet is kept by every opt-out that might be meant for it.
    """
    day = local_day(asked.at, zone)
    for one in opt_outs:
        if one.site is not None and one.site != asked.site:
            continue  # most are for another site: the rest need not be looked at
        within = one.starts_on <= day and (one.ends_on is None or day <= one.ends_on)
        if within and all(_fits(want, have) for want, have in _pairs(one, asked)):
            return one
    return None


def within_hours(agreement: Agreement, at: datetime) -> bool:
    """Say whether an instant lies in an agreement's weekdays and daily hours."""
    start, end, zone = agreement.window_start, agreement.window_end, agreement.window_zone
    if start is None or end is None:
        return not agreement.weekdays or local_day(at, zone).weekday() in agreement.weekdays
    return window_around(at, start, end, zone or "UTC", agreement.weekdays) is not None


def hours_change(agreement: Agreement, starts: datetime, ends: datetime) -> list[datetime]:
    """The instants within a period at which an agreement's hours may begin or end."""
    zone = agreement.window_zone or "UTC"
    walls = {agreement.window_start, agreement.window_end} - {None}
    if not walls:
        walls = {time()} if agreement.weekdays else set()
    first, last = local_day(starts, zone), local_day(ends, zone)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    found = {instant_of(day, wall, zone) for day in days for wall in walls if wall is not None}
    return sorted(at for at in found if starts < at < ends)


def overflow_opens(
    agreement: Agreement, arrived: datetime, due: datetime, *, urgent: bool, own_cover: bool
) -> datetime:
    """From when on an exam may go to the reading group, for an agreement that covers it.

    At once when it is urgent, when nobody of the owner group covers it, or when the agreement
    does not ask for own readers first. Else by the agreement's rule: when a share of the
    turnaround time is left, or at a wall time; with neither, when it is due.
    """
    if urgent or not own_cover or not agreement.own_first:
        return arrived
    if agreement.overflow_from is not None:
        return _next_wall(arrived, agreement)
    return share_left(arrived, due, agreement.overflow_share or Decimal(0))


def share_left(arrived: datetime, due: datetime, share: Decimal) -> datetime:
    """The instant at which this share of the time from arrival to due is left."""
    return max(arrived, due - (due - arrived) * float(share))


def _next_wall(arrived: datetime, agreement: Agreement) -> datetime:
    assert agreement.overflow_from is not None  # noqa: S101 - the caller looked
    zone = agreement.window_zone or "UTC"
    day = local_day(arrived, zone)
    today = instant_of(day, agreement.overflow_from, zone)
    if today >= arrived:
        return today
    return instant_of(day + timedelta(days=1), agreement.overflow_from, zone)


def _state(agreement: Agreement, _: Asked) -> str:
    if agreement.state == SUSPENDED:
        reasons = ", ".join(one.reason for one in agreement.suspensions if one.reason)
        return (
            f"the agreement {agreement.title!r} is suspended{f' ({reasons})' * bool(reasons)}"
        )
    if agreement.state != IN_FORCE:
        return f"the agreement {agreement.title!r} is {agreement.state}"
    return ""


def _dates(agreement: Agreement, asked: Asked) -> str:
    day = local_day(asked.at, agreement.window_zone)
    if agreement.starts_on <= day <= agreement.ends_on:
        return ""
    return f"the agreement {agreement.title!r} ran {agreement.starts_on} to {agreement.ends_on}"


def _scope(agreement: Agreement, asked: Asked) -> str:
    name = f"the agreement {agreement.title!r} does not include"
    if agreement.site_ids and asked.site not in agreement.site_ids:
        return f"{name} this site"
    if agreement.subspecialties and asked.subspecialty not in agreement.subspecialties:
        return f"{name} {asked.subspecialty or 'unmapped'} exams"
    if agreement.modalities and asked.modality not in agreement.modalities:
        return f"{name} {asked.modality or 'exams of unknown modality'}"
    if agreement.priorities and asked.priority not in agreement.priorities:
        return f"{name} {asked.priority} exams"
    if agreement.read_types and not agreement.read_types & asked.read_types:
        return f"{name} {' or '.join(sorted(asked.read_types))} reads"
    return ""


def _kept_home(agreement: Agreement, asked: Asked) -> str:
    kept = kept_home(agreement.kept_home, asked, agreement.window_zone)
    if kept is None:
        return ""
    return f"the owner group keeps these exams at home{f' ({kept.reason})' * bool(kept.reason)}"


def _hours(agreement: Agreement, asked: Asked) -> str:
    start, end, zone = agreement.window_start, agreement.window_end, agreement.window_zone
    at = asked.begun_at or asked.at
    if within_hours(agreement, at):
        return ""
    if start is None or end is None:
        day = local_day(at, zone)
        return f"the agreement {agreement.title!r} does not include {day:%A}s"
    return f"outside the agreement's hours ({start:%H:%M} to {end:%H:%M} {zone})"


def _cap(agreement: Agreement, asked: Asked) -> str:
    if not agreement.daily_cap or asked.begun_at or agreement.taken < agreement.daily_cap:
        return ""
    return f"the agreement's {agreement.daily_cap} exams of today are taken"


def _remedy(offers: tuple[Agreement, ...]) -> str:
    if any(one.state == SUSPENDED for one in offers):
        return (
            "the side that suspended it may resume it; or a reader of the owner group reads it"
        )
    return "the two groups may amend it; or a reader of the owner group reads it"


def _pairs(opt_out: OptOut, asked: Asked) -> tuple[tuple[object, object], ...]:
    words = opt_out.procedure.casefold()
    found = not asked.description or words in asked.description.casefold()
    return (
        (opt_out.site, asked.site),
        (opt_out.subspecialty, asked.subspecialty),
        (opt_out.modality, asked.modality),
        (words, words if found else "another"),
        (opt_out.priority, asked.priority),
    )


def _fits(want: object, have: object) -> bool:
    return not want or not have or want == have
