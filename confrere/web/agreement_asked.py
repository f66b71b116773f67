"""The form of an agreement: from what was typed to terms, and back. Pure."""

from collections.abc import Collection
from datetime import date, time
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, SiteId
from confrere.network.terms import FINAL, PER_STUDY, PER_WRVU, READ_TYPES, Rate, Terms
from confrere.orders.priorities import MINUTES

LEND, READ = "lend", "read"
ANY_HOUR, WINDOW = "any", "window"
WHEN_DUE, BY_SHARE, BY_WALL = "due", "share", "wall"
MODALITIES = ("CR", "CT", "DX", "MG", "MR", "NM", "PT", "RF", "US", "XA")
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Names = Annotated[list[Text], Field(max_length=400)]


class Asked(BaseModel):
    """An agreement as it was typed; the names are those of the form's fields."""

    agreement: Text = ""  # that is changed; empty for a new one
    direction: Text = LEND
    group: Text = ""
    title: Text = ""
    site_ids: Names = []
    subspecialties: Names = []
    modalities: Names = []
    priorities: Names = []
    read_types: Names = []
    weekdays: Names = []
    hours: Text = ANY_HOUR
    window_start: Text = ""
    window_end: Text = ""
    window_zone: Text = ""
    starts_on: Text = ""
    ends_on: Text = ""
    daily_cap: Text = ""
    response_stroke: Text = ""
    response_stat: Text = ""
    response_ed: Text = ""
    response_urgent: Text = ""
    response_inpatient: Text = ""
    response_routine: Text = ""
    own_first: Text = ""
    overflow: Text = WHEN_DUE
    overflow_share: Text = ""
    overflow_from: Text = ""
    hold_share: Text = ""
    shares_priors: Text = ""
    rate: Text = ""
    rate_per: Text = PER_WRVU
    currency: Text = "USD"


def parties(asked: Asked, mine: GroupId) -> tuple[GroupId, GroupId]:
    """The owner and the reading group; Invalid where the other group is not named."""
    try:
        other = GroupId(UUID(asked.group))
    except ValueError:
        raise Invalid("choose the other group", "group") from None
    return (mine, other) if asked.direction == LEND else (other, mine)


def read_terms(asked: Asked) -> Terms:
    """Turn what was typed into terms; Invalid names the field that can't be read."""
    in_window = asked.hours == WINDOW
    return Terms(
        title=asked.title, starts_on=_date(asked.starts_on, "starts_on"),
        ends_on=_date(asked.ends_on, "ends_on"), window_zone=asked.window_zone,
        site_ids=frozenset(SiteId(read_id(one, "site_ids")) for one in asked.site_ids),
        subspecialties=frozenset(asked.subspecialties),
        modalities=_known(asked.modalities, MODALITIES, "modalities"),
        priorities=_known(asked.priorities, MINUTES, "priorities"),
        read_types=_known(asked.read_types, READ_TYPES, "read_types"),
        weekdays=frozenset(_whole(one, "weekdays") for one in asked.weekdays),
        window_start=_time(asked.window_start, "window_start") if in_window else None,
        window_end=_time(asked.window_end, "window_end") if in_window else None,
        daily_cap=_whole(asked.daily_cap or "0", "daily_cap"),
        response_minutes={
            one: _whole(typed, f"response_{one}")
            for one in MINUTES
            if (typed := getattr(asked, f"response_{one}"))
        },
        own_first=asked.own_first == "yes",
        overflow_share=_share(asked.overflow_share, "overflow_share")
        if asked.overflow == BY_SHARE
        else None,
        overflow_from=_time(asked.overflow_from, "overflow_from")
        if asked.overflow == BY_WALL
        else None,
        hold_share=_share(asked.hold_share, "hold_share") if asked.hold_share else None,
        shares_priors=asked.shares_priors == "yes",
        rate=_rate(asked),
    )  # fmt: skip


def filled(terms: Terms) -> dict[str, Any]:
    """What the form shows for terms: the other way round."""
    share, hold = terms.overflow_share, terms.hold_share
    return {
        "title": terms.title, "site_ids": {str(one) for one in terms.site_ids},
        "subspecialties": set(terms.subspecialties), "modalities": set(terms.modalities),
        "priorities": set(terms.priorities), "read_types": set(terms.read_types),
        "weekdays": set(terms.weekdays), "hours": WINDOW if terms.window_start else ANY_HOUR,
        "window_start": _clock(terms.window_start), "window_end": _clock(terms.window_end),
        "window_zone": terms.window_zone, "starts_on": terms.starts_on.isoformat(),
        "ends_on": terms.ends_on.isoformat(), "daily_cap": terms.daily_cap or "",
        "response": dict(terms.response_minutes), "own_first": terms.own_first,
        "overflow": BY_WALL if terms.overflow_from else BY_SHARE if share else WHEN_DUE,
        "overflow_share": f"{share * 100:.0f}" if share is not None else "",
        "overflow_from": _clock(terms.overflow_from),
        "hold_share": f"{hold * 100:.0f}" if hold is not None else "",
        "shares_priors": terms.shares_priors,
        "rate": f"{terms.rate.amount.normalize():f}" if terms.rate else "",
        "rate_per": terms.rate.per if terms.rate else PER_WRVU,
        "currency": terms.rate.currency if terms.rate else "USD",
    }  # fmt: skip


def blank(zone: str, today: date) -> Terms:
    """What the form starts from: a year of final reads of everything."""
    leap = (today.month, today.day) == (2, 29)
    ends = today.replace(year=today.year + 1, day=28 if leap else today.day)
    return Terms("", today, ends, zone, read_types=frozenset({FINAL}))


def _rate(asked: Asked) -> Rate | None:
    if not asked.rate:
        return None
    if asked.rate_per not in (PER_WRVU, PER_STUDY):
        raise Invalid("the rate is per wRVU or per study", "rate_per")
    return Rate(_decimal(asked.rate, "rate"), asked.rate_per, asked.currency.upper() or "USD")


def _known(names: Collection[str], among: Collection[str], field: str) -> frozenset[str]:
    strange = sorted(set(names) - set(among))
    if strange:
        raise Invalid(f"{strange[0]!r} is not one of {', '.join(among)}", field)
    return frozenset(names)


def _share(typed: str, field: str) -> Decimal:
    return _decimal(typed, field) / 100


def _decimal(typed: str, field: str) -> Decimal:
    try:
        value = Decimal(typed)
    except InvalidOperation:
        raise Invalid(f"{typed!r} is not a number: write it as 31.50", field) from None
    if not value.is_finite():
        raise Invalid("write a number as 31.50", field)
    return value


def _whole(typed: str, field: str) -> int:
    if not (typed.isascii() and typed.isdigit()) or len(typed) > 7:  # noqa: PLR2004
        raise Invalid(f"{typed!r} is not a whole number", field)
    return int(typed)


def _date(typed: str, field: str) -> date:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise Invalid("give the day as 2026-11-24", field) from None


def _time(typed: str, field: str) -> time:
    try:
        return time.fromisoformat(typed).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        raise Invalid("give the hour as 22:00", field) from None


def read_id(typed: str, field: str) -> UUID:
    """An id that the page offered; Invalid."""
    try:
        return UUID(typed)
    except ValueError:
        raise Invalid("choose one from the list", field) from None


def _clock(wall: time | None) -> str:
    return f"{wall:%H:%M}" if wall else ""
