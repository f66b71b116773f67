"""Turnaround summed up: worked cases of the domain rules, and periods cut into weeks."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confrere.analytics.periods import Period, between, recent, weekday_counts, whole_months
from confrere.analytics.turnaround import METHOD, Interval, Summary, quantile, share, summarize
from confrere.kernel.errors import Invalid
from confrere.web import dashboard_words as words
from confrere.web.spreadsheet import Table, written

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
T06 = (12, 18, 21, 25, 30, 34, 41, 55, 62, 240)
NEW_YORK = ZoneInfo("America/New_York")


def exam(minutes: float, limit: float | None = 60) -> Interval:
    due = None if limit is None else START + timedelta(minutes=limit)
    return Interval(START, START + timedelta(minutes=minutes), due)


def test_ten_turnarounds_have_the_quantiles_of_the_stated_method() -> None:
    found = summarize(exam(minutes) for minutes in T06)
    assert (found.median, found.mean) == (32.0, 53.8)
    assert found.p90 == pytest.approx(79.8)
    assert found.p95 == pytest.approx(159.9)
    assert "type 7" in METHOD
    assert found.within is not None
    assert found.within.value == 0.8
    assert (round(found.within.low, 3), round(found.within.high, 3)) == (0.490, 0.943)
    assert found.limit == 60


def test_ten_exams_are_flagged_as_indicative_and_thirty_are_not() -> None:
    assert summarize(exam(minutes) for minutes in T06).indicative
    assert summarize(exam(5) for _ in range(29)).indicative
    assert not summarize(exam(5) for _ in range(30)).indicative
    assert not Summary().indicative


def test_a_report_signed_after_the_clocks_went_back_took_forty_minutes() -> None:
    complete = datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK, fold=0)
    signed = datetime(2026, 11, 1, 1, 10, tzinfo=NEW_YORK, fold=1)
    assert Interval(complete, signed).minutes == 40


def test_missing_and_negative_intervals_are_left_out_and_counted() -> None:
    late = START + timedelta(minutes=10)
    given_exams = (
        exam(10, None),
        exam(30, 20),
        exam(-5),
        Interval(None, late),
        Interval(START, None, late),
    )
    found = summarize(given_exams)
    assert (found.exams, found.measured, found.missing, found.negative) == (5, 2, 2, 1)
    assert (found.median, found.limited, found.in_limit) == (20, 1, 0)
    assert words.excluded(found) == "2 without a clock, 1 signed before exam complete"


def test_nothing_measured_is_absent_and_never_zero() -> None:
    none = summarize([])
    assert (none.median, none.p90, none.mean, none.within, none.lent_share) == (None,) * 5
    assert str(words.length(none.median)) == words.NOT_MEASURED
    assert str(words.percent(none.within)) == words.NOT_MEASURED
    with pytest.raises(ValueError, match="at least one"):
        quantile([], 0.5)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(0, 1e5), min_size=1, max_size=40),
    st.sampled_from((0, 0.5, 0.9, 0.95, 1)),
)
def test_quantiles_are_numpys_linear_ones(values: list[float], at: float) -> None:
    expected = float(np.quantile(values, at, method="linear"))
    assert quantile(sorted(values), at) == pytest.approx(expected, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 500), st.integers(1, 500))
def test_the_wilson_interval_holds_the_share_and_solves_its_equation(
    part: int, of: int
) -> None:
    found = share(min(part, of), of)
    assert found is not None
    assert 0 <= found.low <= found.value <= found.high <= 1
    for end in (found.low, found.high):
        if 0 < end < 1:
            gap = abs(found.value - end)
            assert gap == pytest.approx(1.95996 * (end * (1 - end) / of) ** 0.5, rel=1e-3)


def test_the_wilson_intervals_of_the_peer_review_case_are_the_known_ones() -> None:
    found = share(6, 400)
    assert found is not None
    assert (round(found.low * 100, 3), round(found.high * 100, 3)) == (0.689, 3.233)


def test_a_period_has_the_instants_of_its_zone_across_the_clock_change() -> None:
    period = Period(date(2026, 10, 26), date(2026, 11, 1), "America/Chicago")
    assert period.since == datetime(2026, 10, 26, 5, tzinfo=UTC)
    assert period.until == datetime(2026, 11, 2, 6, tzinfo=UTC)
    assert period.before.last == date(2026, 10, 25)
    assert period.before.days == period.days == 7


def test_a_period_between_two_instants_is_cut_at_them_and_not_at_midnight() -> None:
    since, until = START + timedelta(hours=1), START + timedelta(days=9)
    period = between(since, until, "America/Chicago")
    assert (period.since, period.until, period.before.since) == (
        since,
        until,
        since - (until - since),
    )
    assert (period.edges()[0], period.edges()[-1]) == (since, until)
    assert not any(period.is_whole(n) for n in range(len(period.starts())))
    with pytest.raises(Invalid):
        between(until, since, "UTC")


def test_the_last_weeks_begin_on_a_monday_and_the_running_one_is_not_whole() -> None:
    period = recent(date(2026, 11, 24), "UTC")
    starts = period.starts()
    assert (len(starts), starts[0], starts[-1]) == (12, date(2026, 9, 7), date(2026, 11, 23))
    assert [period.is_whole(n) for n in (0, 10, 11)] == [True, True, False]
    assert len(period.edges()) == 13


def test_a_long_period_is_cut_into_months_and_a_broken_one_is_refused() -> None:
    year = whole_months(date(2026, 3, 5), "UTC")
    assert (year.first, year.last) == (date(2025, 3, 1), date(2026, 2, 28))
    assert len(year.starts()) == 12
    assert all(year.is_whole(n) for n in range(12))
    with pytest.raises(Invalid) as wrong:
        Period(date(2026, 2, 2), date(2026, 2, 1), "UTC")
    assert wrong.value.field == "to"


@settings(deadline=None, max_examples=60)
@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 60))
def test_weekdays_are_counted_as_a_calendar_has_them(first: date, days: int) -> None:
    each = [(first + timedelta(days=n)).weekday() for n in range(days + 1)]
    expected = tuple(each.count(n) for n in range(7))
    assert weekday_counts(first, first + timedelta(days=days)) == expected


def test_a_cell_that_a_spreadsheet_would_run_is_defused_and_a_number_is_not() -> None:
    bad = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1")
    text = written(Table("t", "T", ("=head", "n"), tuple((one, -1.5) for one in bad)))
    lines = text.replace("\r=1", "=1").split("\r\n")
    assert lines[0] == "'=head,n"
    assert all(line.lstrip('"').startswith("'") for line in lines[1:-1])
    assert all(line.endswith(",-1.5") for line in lines[1:-1])


@pytest.mark.parametrize(
    ("minutes", "shown"),
    [(0, "0 min"), (5.13, "5.1 min"), (79.8, "80 min"), (240, "4 h"), (668, "11.1 h"),
     (7467.6, "5.2 d")],
)  # fmt: skip
def test_lengths_are_written_in_the_unit_that_fits(minutes: float, shown: str) -> None:
    assert str(words.length(minutes)) == shown


def test_a_change_of_a_share_is_judged_only_where_the_intervals_are_apart() -> None:
    few = words.change_of_share(share(8, 10), share(9, 10), judged=True)
    many = words.change_of_share(share(8000, 10000), share(9000, 10000), judged=True)
    assert (few.sense, many.sense, many.arrow) == ("", "bad", "down")
    assert str(words.percent(share(99999, 100000))) == "99.9 %"
