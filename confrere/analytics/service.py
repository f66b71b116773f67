"""What can be done with exam facts. The caller owns the transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from confrere.analytics import (
    store,
    store_exchange,
    store_lending,
    store_measures,
    store_pooled,
)
from confrere.analytics.model import ExamFact
from confrere.analytics.periods import Period, Scope
from confrere.analytics.pooled import Pool, publish
from confrere.analytics.store_exchange import Exchange, Flow
from confrere.analytics.store_lending import Came, Lent
from confrere.analytics.store_measures import Breakdown, Step
from confrere.analytics.turnaround import Summary
from confrere.database.bulk import Columns
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, SiteId


def load_synthetic(conn: Connection, columns: Columns) -> int:
    """Load a synthetic history in bulk; return how many exams.

    Columns are those of `exam_facts` in PostgreSQL's text form. Raises Invalid when a row is
    not marked synthetic: real facts come one by one, from reports.
    """
    if any(value != "t" for value in columns.get("synthetic", ("",))):
        raise Invalid("a bulk load is for synthetic exams only", "synthetic")
    return store.add_facts(conn, columns)


def has_synthetic(conn: Connection) -> bool:
    """Say whether a synthetic history was loaded before."""
    return store.has_synthetic(conn)


def record(conn: Connection, facts: Sequence[ExamFact]) -> None:
    """Record finished exams, one fact an accession number; a later word replaces an earlier."""
    store.record(conn, facts)


def breakdown(conn: Connection, scope: Scope, period: Period) -> Breakdown:
    """Sum up report turnaround, in total and by site, modality, priority, week or month."""
    return store_measures.breakdown(conn, scope, period)


def total(conn: Connection, scope: Scope, period: Period) -> Summary:
    """Sum up report turnaround in total only."""
    return store_measures.total(conn, scope, period)


def clock_sources(conn: Connection, scope: Scope, period: Period) -> dict[str, int]:
    """Count exams by where their exam complete comes from, most first; empty: nowhere."""
    return store_measures.clock_sources(conn, scope, period)


def steps(conn: Connection, scope: Scope, period: Period) -> tuple[Step, ...]:
    """Measure the parts of the way from order to report."""
    return store_measures.steps(conn, scope, period)


def arrivals(
    conn: Connection, scope: Scope, period: Period, zones: Mapping[SiteId, str]
) -> dict[tuple[int, int], int]:
    """Count exams completed by (weekday from Monday 0, hour) of the sites' wall clocks.

    `zones` holds each site's IANA zone; a site that it does not name is left out.
    """
    return store_measures.arrivals(conn, scope, period, zones)


def lent(
    conn: Connection, owner: GroupId, reading: GroupId, now: datetime, months: int
) -> tuple[Lent, ...]:
    """Count what one group read for another, by month, newest first."""
    return store_lending.lent(conn, owner, reading, now, months)


def exchanged(
    conn: Connection, mine: GroupId, since: datetime, until: datetime
) -> list[Exchange]:
    """Sum up what a group had read by others, and read for others: all, by kind, by level."""
    return store_exchange.exchanged(conn, mine, since, until)


def flows(conn: Connection, mine: GroupId, edges: Sequence[datetime]) -> list[Flow]:
    """Count by month, between `edges`, what a group had read by others and read for others."""
    return store_exchange.flows(conn, mine, edges)


def demand(
    conn: Connection, owner: GroupId, since: datetime, until: datetime,
    zones: Mapping[SiteId, str],
) -> dict[tuple[int, int, str], int]:  # fmt: skip
    """Count a group's exams by (weekday, hour, subspecialty) of the sites' wall clocks."""
    return store_lending.demand(conn, owner, since, until, zones)


def came(conn: Connection, since: datetime, until: datetime) -> list[Came]:
    """What came to be read in a period, as far as the caller sees it, in order of time."""
    return store_lending.came(conn, since, until)


def modalities(conn: Connection, scope: Scope) -> tuple[str, ...]:
    """List the modalities that occur in a scope, whenever."""
    return store_measures.modalities(conn, scope)


def pool(conn: Connection, period: Period) -> Pool:
    """Publish turnaround across all groups, by month, of twelve whole months in UTC.

    Small cells are withheld before anything leaves this function.
    """
    return publish(store_pooled.cells(conn, period.last), period.starts())
