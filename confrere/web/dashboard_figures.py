"""The figures of one dashboard: asked once, shown as page, file and JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from fastapi import Request

from confrere.analytics import service as analytics
from confrere.analytics.periods import Period, weekday_counts
from confrere.analytics.store_measures import Breakdown, Step
from confrere.analytics.turnaround import Summary
from confrere.database.engine import transaction
from confrere.kernel.errors import Invalid
from confrere.kernel.principal import Principal, Role
from confrere.web.context import context_of
from confrere.web.dashboard_asked import Asked


@dataclass(frozen=True, slots=True)
class Own:
    """A reader's own figures; nobody else sees them."""

    now: Summary
    before: Summary


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that the page shows. `lent` is what the group reads for others."""

    now: Breakdown
    before: Summary
    clocks: Mapping[str, int]
    steps: tuple[Step, ...]
    lent: Summary | None
    lent_before: Summary | None
    you: Own | None
    arrivals: Mapping[tuple[int, int], float]
    arrival_days: tuple[int, ...]  # how many Mondays, Tuesdays ... were averaged
    modalities: tuple[str, ...]


def gather(request: Request, me: Principal, asked: Asked) -> Figures:
    """Ask the database everything the page needs, in the person's own scope."""
    scope, period = asked.scope, asked.period
    lending = replace(scope, site=None, lent=True)
    with transaction(context_of(request).engine, me.groups) as conn:
        whole = _whole_days(period, asked.today)
        zones = {one.id: one.time_zone for one in asked.sites}
        seen = analytics.arrivals(conn, scope, whole, zones) if whole else {}
        others = not asked.client and scope.site is None
        you = None
        if me.reader and me.role is Role.RADIOLOGIST:
            mine = replace(scope, reader=me.reader)
            you = Own(
                analytics.total(conn, mine, period), analytics.total(conn, mine, period.before)
            )
        days = weekday_counts(whole.first, whole.last) if whole else (0,) * 7
        return Figures(
            analytics.breakdown(conn, scope, period),
            analytics.total(conn, scope, period.before),
            analytics.clock_sources(conn, scope, period),
            analytics.steps(conn, scope, period),
            analytics.total(conn, lending, period) if others else None,
            analytics.total(conn, lending, period.before) if others else None,
            you,
            {at: count / days[at[0]] for at, count in seen.items()},
            days,
            analytics.modalities(conn, replace(scope, modality="", priority="")),
        )


def _whole_days(period: Period, today: date) -> Period | None:
    """Cut what is not over yet: a mean an hour needs whole days."""
    last = min(period.last, today - timedelta(days=1))
    try:
        return Period(period.first, last, period.zone)
    except Invalid:
        return None
