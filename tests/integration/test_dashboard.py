"""The dashboard's numbers are those of the facts: SQL against the pure definitions."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection

from confrere.analytics import service as analytics
from confrere.analytics.model import ExamFact
from confrere.analytics.periods import Period, Scope
from confrere.analytics.turnaround import Interval, Summary, summarize
from confrere.database.engine import see_as
from confrere.kernel.ids import GroupId, SiteId

HOME = GroupId(UUID(int=1))
HERE, THERE = SiteId(UUID(int=8)), SiteId(UUID(int=9))
ZONE = "America/Chicago"
PERIOD = Period(date(2026, 10, 26), date(2026, 11, 23), ZONE)
FIGURES = ("exams", "missing", "negative", "limited", "in_limit", "least_limit", "most_limit",
           "median", "p90", "p95", "mean")  # fmt: skip
PRIORITIES = ("stroke", "stat", "ed", "routine")


def fact(
    owner: GroupId,
    site: SiteId,
    complete: datetime | None,
    minutes: float | None,
    **more: object,
) -> ExamFact:
    final = (
        None if complete is None or minutes is None else complete + timedelta(minutes=minutes)
    )
    due = complete + timedelta(minutes=60) if complete else None
    plain = ExamFact(
        owner, None, None, site, uuid4().hex, "CT", "head", "neuro", "ed", "E", None, complete,
        "order status", None, None, None, None, final, due, None, None, "confrere", None,
    )  # fmt: skip
    return replace(plain, **more)  # type: ignore[arg-type]


def random_facts(seed: int, count: int) -> list[ExamFact]:
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        complete = PERIOD.since + timedelta(seconds=rng.randrange(-86_400, 29 * 86_400))
        minutes = rng.choice((rng.lognormvariate(4, 1), rng.uniform(-30, 90)))
        one = fact(
            HOME,
            rng.choice((HERE, THERE)),
            complete.astimezone(UTC),
            minutes,
            priority=rng.choice(PRIORITIES),
            modality=rng.choice(("CT", "MR")),
            clock_source=rng.choice(("order status", "last acquisition")),
        )
        if rng.random() < 0.1:
            one = replace(one, complete_at=None, due_at=None)
        elif rng.random() < 0.1:
            one = replace(one, final_at=None)
        elif rng.random() < 0.1:
            one = replace(one, due_at=None)
        made.append(one)
    return made


def plain(facts: list[ExamFact]) -> Summary:
    counted = [
        one
        for one in facts
        if (at := one.final_at or one.complete_at) and PERIOD.since <= at < PERIOD.until
    ]
    return summarize(Interval(f.complete_at, f.final_at, f.due_at) for f in counted)


def assert_same(found: Summary | None, expected: Summary) -> None:
    found = found or Summary()
    for name in FIGURES:
        told, known = getattr(found, name), getattr(expected, name)
        assert told == (known if known is None else pytest.approx(known, rel=1e-9)), name


@pytest.mark.parametrize("seed", range(3))
def test_the_database_computes_what_the_pure_function_does(
    app_conn: Connection, seed: int
) -> None:
    see_as(app_conn, frozenset({HOME}))
    facts = random_facts(seed, 200)
    analytics.record(app_conn, facts)
    scope = Scope(frozenset({HOME}))
    found = analytics.breakdown(app_conn, scope, PERIOD)
    assert found.total.excluded > 10
    assert_same(found.total, plain(facts))
    for one in PRIORITIES:
        mine = [f for f in facts if f.priority == one]
        assert_same(found.priorities[one], plain(mine))
        for n, (start, end) in enumerate(
            zip(PERIOD.edges()[:-1], PERIOD.edges()[1:], strict=True)
        ):
            here = [f for f in mine if start <= (f.final_at or f.complete_at or start) < end]
            assert_same(found.priority_weeks[one].get(n), plain(here))
    for site in (HERE, THERE):
        mine = [f for f in facts if f.site_id == site]
        assert_same(found.sites[site], plain(mine))
        assert_same(analytics.total(app_conn, replace(scope, site=site), PERIOD), plain(mine))
    narrow = replace(scope, priority="ed", modality="MR")
    mine = [f for f in facts if (f.priority, f.modality) == ("ed", "MR")]
    assert_same(analytics.total(app_conn, narrow, PERIOD), plain(mine))
    assert sum(analytics.clock_sources(app_conn, scope, PERIOD).values()) == found.total.exams


def test_the_domains_ten_exams_come_out_of_the_database_as_worked(app_conn: Connection) -> None:
    see_as(app_conn, frozenset({HOME}))
    at = datetime(2026, 11, 2, 15, tzinfo=UTC)
    minutes = (12, 18, 21, 25, 30, 34, 41, 55, 62, 240)
    analytics.record(app_conn, [fact(HOME, HERE, at, one) for one in minutes])
    found = analytics.total(app_conn, Scope(frozenset({HOME})), PERIOD)
    assert (found.median, round(found.p90 or 0, 6), round(found.p95 or 0, 6)) == (
        32,
        79.8,
        159.9,
    )
    assert (found.mean, found.in_limit, found.limited, found.indicative) == (53.8, 8, 10, True)


def test_an_exam_read_over_the_clock_change_took_forty_minutes(app_conn: Connection) -> None:
    see_as(app_conn, frozenset({HOME}))
    zone = ZoneInfo("America/New_York")
    complete = datetime(2026, 11, 1, 1, 30, tzinfo=zone, fold=0)
    signed = datetime(2026, 11, 1, 1, 10, tzinfo=zone, fold=1)
    analytics.record(app_conn, [fact(HOME, HERE, complete, 0, final_at=signed)])
    found = analytics.total(app_conn, Scope(frozenset({HOME})), PERIOD)
    assert (found.median, found.negative) == (40, 0)


def test_arrivals_follow_the_wall_clock_of_each_site(app_conn: Connection) -> None:
    see_as(app_conn, frozenset({HOME}))
    monday = datetime(2026, 11, 2, 14, 30, tzinfo=UTC)
    analytics.record(app_conn, [fact(HOME, HERE, monday, 5), fact(HOME, THERE, monday, 5)])
    zones = {HERE: "America/Chicago", THERE: "America/Indiana/Indianapolis"}
    found = analytics.arrivals(app_conn, Scope(frozenset({HOME})), PERIOD, zones)
    assert found == {(0, 8): 1, (0, 9): 1}
