"""Gather what we and a site's own systems hold of a period's exams; and the tables of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

from confrere.analytics.agreeing import Agreement, Records, compare
from confrere.analytics.agreeing_times import LABELS, MINUTE
from confrere.analytics.periods import Period
from confrere.delivery import service as delivery
from confrere.delivery.clocks import Skew
from confrere.imaging import service as imaging
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import OrderId
from confrere.kernel.periods import Span
from confrere.network import modes
from confrere.network import service as network
from confrere.network.model import SHADOW, Site
from confrere.orders import service as orders
from confrere.patients import service as patients
from confrere.reading import service as reading
from confrere.reading.model import ELSEWHERE, ReportsSought
from confrere.web.spreadsheet import Cell, Table
from confrere.worklist import service as worklist
from confrere.worklist.model import Item

if TYPE_CHECKING:
    from sqlalchemy import Connection

MOST = 20_000  # exams, images or reports that are compared at once
USUAL, LONGEST = timedelta(days=7), timedelta(days=92)


@dataclass(frozen=True, slots=True)
class Compared:
    """The report, what it is about, and where each outlier can be opened."""

    site: Site
    period: Period
    agreement: Agreement
    exams: Mapping[OrderId, Item]
    clipped: bool
    waiting: int  # open exams that a cut-over would offer
    old: int  # of those, complete for more than a day


def period_of(conn: "Connection", site: Site, first: str, last: str, now: datetime) -> Period:
    """The days that are asked for; else since the site went into shadow mode, a week at most."""
    today = now.astimezone(ZoneInfo(site.time_zone)).date()
    changes = modes.history(conn, site.id)
    since = today - USUAL
    if site.is_shadow and changes and changes[0].mode == SHADOW:
        began = changes[0].at.astimezone(ZoneInfo(site.time_zone)).date()
        since = max(began, today - LONGEST)
    period = Period(_day(first, "from") or since, _day(last, "to") or today, site.time_zone)
    if period.last - period.first > LONGEST:
        raise Invalid(f"Compare at most {LONGEST.days} days.", "from")
    return period


def gather(conn: "Connection", site: Site, period: Period, now: datetime) -> Compared:
    """Read both sides' records and compare them."""
    since, until = period.since, min(period.until, now + timedelta(seconds=1))
    every = orders.of_site(conn, site.id, since, until, MOST)
    asked = [one for one in every if not one.synthetic]
    made_up = {one.id for one in every if one.synthetic}  # a history that no feed brought
    studies = imaging.of_site(conn, site.id, since, until, MOST)
    signed = ReportsSought(sites=frozenset({site.id}), signed=(Span(since, until),))
    reports = [
        one
        for one in reading.page(conn, signed, MOST)
        if one.origin == ELSEWHERE and not (one.orders and made_up.issuperset(one.orders))
    ]
    records = Records(
        asked, studies, imaging.orders_of_studies(conn, [one.id for one in studies]),
        [one for one in reports if one.exam_at is None or one.exam_at >= since],
        {p.id: p for p in patients.get_many(conn, [one.patient for one in asked])},
        orders.told_times(conn, site.id, since, until),
        delivery.arrivals(conn, site.id, since, until),
        delivery.refused(conn, site.id, since, until), _skews(conn, site), until,
    )  # fmt: skip
    agreement = compare(records)
    far = {one.order for course in agreement.courses for one in course.outliers}
    open_items = [one for one in worklist.open_items(conn) if one.site == site.id]
    waiting = [one for one in open_items if one.held_by is None]
    return Compared(
        site, period, agreement, _exams(conn, site, far),
        max(len(every), len(studies), len(reports)) == MOST, len(waiting),
        sum(bool(one.clock_at and now - one.clock_at > timedelta(days=1)) for one in waiting),
    )  # fmt: skip


def _skews(conn: "Connection", site: Site) -> dict[str, Skew]:
    found = delivery.skews(conn)
    mine = [one for one in network.peers(conn, "hl7") if one.site in (None, site.id)]
    return {one.name: found[one.id] for one in mine if one.id in found}


def _exams(conn: "Connection", site: Site, far: set[OrderId]) -> dict[OrderId, Item]:
    items = worklist.of_exam(conn, site.owner_group, None, sorted(far)) if far else []
    return {order: one for one in items for order in one.orders}


def _day(text: str, field: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"Give the day '{field}' as year-month-day.", field) from None


def tables(found: Compared) -> dict[str, Table]:
    """The report as tables; exams by their id here, never by number or patient."""
    made = found.agreement
    zone = ZoneInfo(found.site.time_zone)

    def local(at: datetime) -> str:
        return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"

    def exam(order: OrderId) -> UUID | None:
        return found.exams[order].id if order in found.exams else None

    rows = tuple(
        (c.title, c.part, c.of, None if c.share is None else c.share * 100, c.good,
         c.verdict.value, c.remedy)
        for c in made.checks
    )  # fmt: skip
    far = tuple(
        (c.step, str(exam(one.order) or ""), local(one.theirs), local(one.ours),
         one.length / MINUTE)
        for c in made.courses
        for one in c.outliers
    )  # fmt: skip
    spread: tuple[tuple[Cell, ...], ...] = tuple((c.step, *c.counts) for c in made.courses)
    heads = ("Line", "Counted", "Of", "Percent", "Good is", "Verdict", "Next")
    all_tables = (
        Table("agreement", "Agreement, line by line", heads, rows),
        Table("times", "Our time less the site's, exams", ("Step", *LABELS), spread),
        Table("outliers", "Times that are not equal",
              ("Step", "Exam", "Site's time", "Our time", "Minutes"), far),
        Table("codes", "Codes that are not mapped", ("Code", "Text", "Orders"), made.unmapped),
    )  # fmt: skip
    return {one.name: one for one in all_tables}
