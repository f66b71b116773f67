"""SQL of the measures. The scope's groups stand in every query, beside row-level security."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.analytics.measures import STEPS
from confrere.analytics.periods import Period, Scope
from confrere.analytics.turnaround import Summary
from confrere.kernel.ids import SiteId

# date_part gives float8; extract would give numeric, many times slower to sort and add
_FACTS = """
select site_id, modality collate "C" as modality, priority collate "C" as priority,
    width_bucket(counted_at, cast(:edges as timestamptz[])) as bucket,
    date_part('epoch', final_at - complete_at) / 60 as minutes,
    case when due_at is not null then final_at <= due_at end as met,
    date_part('epoch', due_at - complete_at) / 60 as allowed,
    reader_group <> owner_group as lent, synthetic
from exam_facts where {where}
"""
FIGURES = """
    count(*) as exams,
    count(*) filter (where minutes is null) as missing,
    count(*) filter (where minutes < 0) as negative,
    percentile_cont(array[0.5, 0.9, 0.95]) within group (order by minutes)
        filter (where minutes >= 0) as at,
    avg(minutes) filter (where minutes >= 0) as mean,
    count(met) filter (where minutes >= 0) as limited,
    count(*) filter (where minutes >= 0 and met) as in_limit,
    min(allowed) filter (where minutes >= 0) as least_limit,
    max(allowed) filter (where minutes >= 0) as most_limit,
    count(lent) as read_here,
    count(*) filter (where lent) as lent,
    count(*) filter (where synthetic) as synthetic
"""
_ZONES_APART = timedelta(hours=26)  # from UTC-12 to UTC+14
_TOTAL, _BY_SITE, _BY_MODALITY, _BY_PRIORITY, _BY_BUCKET, _BY_BOTH = 15, 7, 11, 13, 14, 12


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Turnaround in total and by kind; `weeks` are the period's weeks or months, from 0."""

    total: Summary = field(default_factory=Summary)
    sites: Mapping[SiteId, Summary] = field(default_factory=dict)
    modalities: Mapping[str, Summary] = field(default_factory=dict)
    priorities: Mapping[str, Summary] = field(default_factory=dict)
    weeks: Mapping[int, Summary] = field(default_factory=dict)
    priority_weeks: Mapping[str, Mapping[int, Summary]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One part of the way from order to report, in minutes; absent where nothing was measured."""

    name: str
    measured: int
    median: float | None
    p90: float | None


def breakdown(conn: Connection, scope: Scope, period: Period) -> Breakdown:
    """Sum up turnaround, in total and by site, modality, priority and week, in one query."""
    where, values = _where(scope, period)
    query = (
        f"with facts as materialized ({_FACTS.format(where=where)}) "  # noqa: S608 - constants
        f"select grouping(site_id, modality, priority, bucket) as kind, site_id, modality, "
        f"priority, bucket, {FIGURES} from facts group by grouping sets "
        "((), (site_id), (modality), (priority), (bucket), (priority, bucket))"
    )
    rows = conn.execute(sa.text(query), values | {"edges": list(period.edges())}).all()
    of_kind: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        of_kind[row.kind].append(row)
    both: dict[str, dict[int, Summary]] = defaultdict(dict)
    for row in of_kind[_BY_BOTH]:
        both[row.priority][row.bucket - 1] = summary_of(row)
    return Breakdown(
        summary_of(of_kind[_TOTAL][0]),
        {SiteId(row.site_id): summary_of(row) for row in of_kind[_BY_SITE]},
        {row.modality: summary_of(row) for row in of_kind[_BY_MODALITY]},
        {row.priority: summary_of(row) for row in of_kind[_BY_PRIORITY]},
        {row.bucket - 1: summary_of(row) for row in of_kind[_BY_BUCKET]},
        both,
    )


def total(conn: Connection, scope: Scope, period: Period) -> Summary:
    """Sum up turnaround in total only."""
    where, values = _where(scope, period)
    query = (
        f"with facts as materialized ({_FACTS.format(where=where)}) "  # noqa: S608 - constants
        f"select {FIGURES} from facts"
    )
    row = conn.execute(sa.text(query), values | {"edges": [period.since, period.until]}).one()
    return summary_of(row)


def clock_sources(conn: Connection, scope: Scope, period: Period) -> dict[str, int]:
    """Count the counted exams by where exam complete comes from, most first."""
    where, values = _where(scope, period)
    query = (
        f"select clock_source, count(*) from exam_facts where {where} "  # noqa: S608 - constants
        "group by clock_source order by count(*) desc, clock_source"
    )
    return {row[0]: row[1] for row in conn.execute(sa.text(query), values)}


def steps(conn: Connection, scope: Scope, period: Period) -> tuple[Step, ...]:
    """Measure the parts of the way from order to report."""
    where, values = _where(scope, period)
    parts = ", ".join(
        f"date_part('epoch', {end} - {start}) / 60 as step{n}"
        for n, (_, start, end) in enumerate(STEPS)
    )
    figures = ", ".join(
        f"count(*) filter (where step{n} >= 0) as n{n}, "
        f"percentile_cont(array[0.5, 0.9]) within group (order by step{n}) "
        f"filter (where step{n} >= 0) as at{n}"
        for n in range(len(STEPS))
    )
    query = f"select {figures} from (select {parts} from exam_facts where {where}) parts"  # noqa: S608
    row = conn.execute(sa.text(query), values).mappings().one()
    made = []
    for n, (name, _, _) in enumerate(STEPS):
        median, p90 = row[f"at{n}"] or (None, None)
        made.append(Step(name, row[f"n{n}"], median, p90))
    return tuple(made)


def arrivals(
    conn: Connection, scope: Scope, period: Period, zones: Mapping[SiteId, str]
) -> dict[tuple[int, int], int]:
    """Count exams completed by (weekday from Monday 0, hour) of the site's own wall clock.

    The period's days are the site's days. A site that `zones` does not name is left out.
    """
    where, values = _where(scope, None)
    query = (
        "select cast(extract(isodow from wall) as int) - 1, cast(extract(hour from wall) as int),"  # noqa: S608
        " count(*) from (select complete_at at time zone zone as wall from exam_facts"
        " join unnest(cast(:sites as uuid[]), cast(:zones as text[])) as known(site, zone)"
        f" on known.site = site_id where {where}"
        " and complete_at >= cast(:first as timestamp) at time zone zone"
        " and complete_at < cast(:end as timestamp) at time zone zone"
        # the sites' days lie within these instants; these an index can find
        " and complete_at >= :early and complete_at < :late) walls group by 1, 2"
    )
    values |= {
        "sites": list(zones),
        "zones": list(zones.values()),
        "first": _naive(period.since),
        "end": _naive(period.until),
        "early": period.since - _ZONES_APART,
        "late": period.until + _ZONES_APART,
    }
    return {(row[0], row[1]): row[2] for row in conn.execute(sa.text(query), values)}


def modalities(conn: Connection, scope: Scope) -> tuple[str, ...]:
    """List the modalities that occur in a scope, whenever."""
    where, values = _where(scope, None)
    query = (
        f"select distinct modality from exam_facts where {where} and modality <> '' order by 1"  # noqa: S608
    )
    return tuple(conn.execute(sa.text(query), values).scalars())


def _naive(at: datetime) -> datetime:
    return at.replace(tzinfo=None)


def _where(scope: Scope, period: Period | None) -> tuple[str, dict[str, Any]]:
    """Return the conditions, of constants and names only, and their values."""
    if scope.lent:
        parts = [
            "reader_group = any(cast(:groups as uuid[]))",
            "not owner_group = any(cast(:groups as uuid[]))",
        ]
    elif scope.reader:
        parts = ["reader_id = :reader", "reader_group = any(cast(:groups as uuid[]))"]
    else:
        parts = ["owner_group = any(cast(:groups as uuid[]))"]
    values: dict[str, Any] = {"groups": sorted(scope.groups), "reader": scope.reader}
    if period:
        parts += ["counted_at >= :since", "counted_at < :until"]
        values |= {"since": period.since, "until": period.until}
    if scope.site:
        parts.append("site_id = :site")
    if scope.priority:
        parts.append("priority = :priority")
    if scope.modality:
        parts.append("modality = :modality")
    values |= {"site": scope.site, "priority": scope.priority, "modality": scope.modality}
    return " and ".join(parts), values


def summary_of(row: Any) -> Summary:
    """Read the columns of FIGURES."""
    median, p90, p95 = row.at or (None, None, None)
    return Summary(
        row.exams, row.missing, row.negative, median, p90, p95, row.mean, row.limited,
        row.in_limit, row.least_limit, row.most_limit, row.read_here, row.lent, row.synthetic,
    )  # fmt: skip
