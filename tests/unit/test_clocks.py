"""A sender's clock against ours: what is told of it, and what is not concluded."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confrere.delivery.clocks import LEAST, skew_of
from confrere.orders.merging import plausible
from confrere.orders.model import AHEAD, TOLD, OrderContent
from tests.unit.cases import NOW

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def steady(at: timedelta, number: int = 12) -> list[timedelta]:
    return [at - timedelta(seconds=n % 3) for n in range(number)]


@pytest.mark.parametrize(
    ("differences", "words"),
    [
        (steady(timedelta()), ""),
        (steady(-MINUTE), ""),
        (steady(2 * HOUR), "2 h ahead of ours, steadily: that is a time zone"),
        (steady(-HOUR), "1 h behind ours, steadily: that is a time zone"),
        (steady(-5.5 * HOUR), "5 h 30 min behind ours"),
        (steady(7 * MINUTE), "7 min ahead of ours, steadily: set it by a time server"),
        ([-n * 4 * MINUTE for n in range(12)], "late in the middle"),
        ([n * 4 * MINUTE for n in range(12)], "and vary"),
    ],
)
def test_what_is_wrong_is_said_with_what_helps(
    differences: list[timedelta], words: str
) -> None:
    skew = skew_of(differences)
    assert skew is not None
    assert words in skew.words
    assert bool(words) != skew.holds


def test_one_backlog_does_not_make_a_clock_wrong() -> None:
    skew = skew_of([*steady(timedelta(), 40), *([-6 * HOUR] * 10)])
    assert skew is not None
    assert skew.holds
    assert skew_of(steady(2 * HOUR, LEAST - 1)) is None


@settings(deadline=None)
@given(st.integers(-600, 600), st.integers(LEAST, 50))
def test_a_constant_error_is_found_whatever_it_is(minutes: int, number: int) -> None:
    skew = skew_of([minutes * MINUTE] * number)
    assert skew is not None
    assert skew.median == minutes * MINUTE
    assert skew.is_off == (abs(minutes) >= 2)


def test_an_exam_complete_in_the_future_counts_from_when_it_was_heard() -> None:
    told = OrderContent("LM1", exam_complete_at=NOW + 2 * HOUR, heard_at=NOW)
    content, source = plausible(None, told)
    assert (content.exam_complete_at, source) == (NOW, AHEAD)
    near = replace(told, exam_complete_at=NOW + 5 * MINUTE)
    assert plausible(None, near) == (near, TOLD)
    past = replace(told, exam_complete_at=NOW - HOUR)
    assert plausible(None, past) == (past, TOLD)
