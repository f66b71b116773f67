"""What a reader of the dashboard asks for, and what of it is theirs to see."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Query, Request
from pydantic import StringConstraints

from confrere.analytics.periods import Period, Scope, between, recent
from confrere.database.engine import transaction
from confrere.kernel.errors import Invalid, NotFound, Refused
from confrere.kernel.ids import SiteId
from confrere.kernel.principal import Principal, Role
from confrere.network import service as network
from confrere.network.model import Site
from confrere.orders.priorities import NAMES
from confrere.web.context import context_of

Field = Annotated[str, StringConstraints(max_length=64, strip_whitespace=True)]


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters as they were typed; empty: the last twelve weeks, everything."""

    since: Annotated[Field, Query(alias="from")] = ""
    until: Annotated[Field, Query(alias="to")] = ""
    site: Annotated[Field, Query()] = ""
    priority: Annotated[Field, Query()] = ""
    modality: Annotated[Field, Query()] = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """The question, checked. `sites` are those whose exams the person may choose from."""

    scope: Scope
    period: Period
    sites: tuple[Site, ...]
    today: date
    client: bool

    def address(self, first: date | None = None, last: date | None = None) -> str:
        """The question as the query part of an address, or the same of other days."""
        scope = self.scope
        parts = {
            "from": (first or self.period.first).isoformat(),
            "to": (last or self.period.last).isoformat(),
            "site": str(scope.site) if scope.site and not self.client else "",
            "priority": scope.priority,
            "modality": scope.modality,
        }
        return urlencode({name: value for name, value in parts.items() if value})


def ask(request: Request, me: Principal, filters: Filters, *, instants: bool = False) -> Asked:
    """Check the filters against what is the person's to see.

    With `instants` the ends may be instants (ISO 8601 with an offset, `to` not included)
    instead of days. Raises Invalid that names the field, NotFound for a site of others, and Refused for a
    hospital's client whose account names no site.
    """
    context = context_of(request)
    zone = context.zone_of(me)
    today = context.now().astimezone(ZoneInfo(zone)).date()
    client = me.role is Role.HOSPITAL_CLIENT
    if client and me.site is None:
        raise Refused("Your account names no hospital; ask an administrator to set its site.")
    with transaction(context.engine, me.groups) as conn:
        theirs = tuple(
            one
            for one in network.sites(conn)
            if one.owner_group in me.groups and (not client or one.id == me.site)
        )
    if filters.priority and filters.priority not in NAMES:
        raise Invalid(f"Choose a priority: {', '.join(NAMES)}.", "priority")
    site = _site(filters.site, theirs) or (me.site if client else None)
    scope = Scope(me.groups, site, filters.priority, filters.modality)
    exact = instants and "T" in filters.since and "T" in filters.until
    if exact:
        period = between(_instant(filters.since, "from"), _instant(filters.until, "to"), zone)
    else:
        period = _period(filters, today, zone)
    return Asked(scope, period, theirs, today, client)


def _site(text: str, theirs: tuple[Site, ...]) -> SiteId | None:
    if not text:
        return None
    try:
        wanted = UUID(text)
    except ValueError:
        raise Invalid("Choose a site from the list.", "site") from None
    if wanted not in {one.id for one in theirs}:
        raise NotFound("There is no such site among those whose measures are yours to see.")
    return SiteId(wanted)


def _period(filters: Filters, today: date, zone: str) -> Period:
    usual = recent(today, zone)
    last = _day(filters.until, "to") or max(today, _day(filters.since, "from") or today)
    first = _day(filters.since, "from") or (
        usual.first if last >= usual.first else recent(last, zone).first
    )
    return Period(first, last, zone)


def _instant(text: str, field: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Invalid(f"Give '{field}' as an instant with its offset from UTC.", field)
    _bounded(found.date(), field)
    return found


def _day(text: str, field: str) -> date | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"Give the day '{field}' as year-month-day.", field) from None
    _bounded(found, field)
    return found


def _bounded(day: date, field: str) -> None:
    if not 2000 <= day.year <= 2100:  # noqa: PLR2004
        raise Invalid(f"Give a day '{field}' between 2000 and 2100.", field)
