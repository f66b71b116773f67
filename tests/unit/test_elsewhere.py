"""Who reads at the site: any order of what its systems say leads to the same."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confrere.orders.merging import heard_now, merged
from confrere.orders.model import (
    CANCELLED,
    COMPLETE,
    IN_PROGRESS,
    ORDERED,
    OrderContent,
)
from confrere.wiring.status_in import word_of
from confrere.worklist.choosing import offerable
from confrere.worklist.elsewhere import (
    BEING_READ,
    DRAFTED,
    LET_GO,
    REPORTED,
    TAKEN_OVER,
    Said,
    standing,
    told_of,
    why_closed,
)
from confrere.worklist.elsewhere import IN_PROGRESS as UNDER_WAY
from confrere.worklist.model import SILENT
from tests.unit.cases import HOSPITAL, NOW, item

MINUTE = timedelta(minutes=1)


def said(
    minute: int,
    word: str,
    source: str = "PACS",
    reader: str = "",
    heard: datetime | None = None,
) -> Said:
    at = NOW + minute * MINUTE
    return Said(source, word, at, heard or at, reader)


WORDS = st.builds(
    said, st.integers(0, 9),
    st.sampled_from((LET_GO, UNDER_WAY, BEING_READ, DRAFTED, REPORTED)),
    st.sampled_from(("PACS", "DICT")), st.sampled_from(("", "Smith, Sam", "Jones, Jo")),
)  # fmt: skip


@settings(deadline=None)
@given(
    st.lists(WORDS, max_size=8).flatmap(
        lambda one: st.tuples(st.just(one), st.permutations(one))
    )
)
def test_words_in_any_order_and_repeated_mean_the_same(
    drawn: tuple[list[Said], list[Said]],
) -> None:
    ordered, mixed = drawn
    complete = NOW + 3 * MINUTE
    assert standing([*mixed, *mixed], complete) == standing(ordered, complete)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], None),
        ([said(1, BEING_READ)], (BEING_READ, 1)),
        ([said(1, BEING_READ), said(2, BEING_READ)], (BEING_READ, 1)),
        ([said(1, BEING_READ), said(2, LET_GO)], None),
        ([said(2, LET_GO), said(3, DRAFTED), said(1, BEING_READ)], (DRAFTED, 3)),
        ([said(1, BEING_READ), said(1, LET_GO)], (BEING_READ, 1)),
        ([said(1, BEING_READ, "DICT"), said(2, LET_GO, "RIS")], (BEING_READ, 1)),
        ([said(-1, UNDER_WAY)], None),
        ([said(1, UNDER_WAY)], (BEING_READ, 1)),
        ([said(1, BEING_READ), said(3, TAKEN_OVER, "")], None),
        ([said(1, BEING_READ), said(3, TAKEN_OVER, ""), said(4, BEING_READ)], (BEING_READ, 4)),
        ([said(3, TAKEN_OVER, ""), said(2, BEING_READ, heard=NOW + 9 * MINUTE)], (BEING_READ, 2)),
    ],
)  # fmt: skip
def test_the_newest_word_of_each_system_counts(
    words: list[Said], expected: tuple[str, int] | None
) -> None:
    found = standing(words, NOW)
    told = (found.word, int((found.since - NOW) / MINUTE)) if found else None
    assert told == expected


@pytest.mark.parametrize(
    ("order", "result", "control", "named", "word"),
    [
        ("IP", "", "SC", False, UNDER_WAY),
        ("IP", "", "SC", True, BEING_READ),
        ("IP", "I", "NW", True, None),
        ("IP", "P", "SC", False, DRAFTED),
        ("A", "", "SC", False, DRAFTED),
        ("", "R", "SC", False, DRAFTED),
        ("CM", "", "SC", False, LET_GO),
        ("SC", "", "SC", False, LET_GO),
        ("CM", "F", "SC", False, REPORTED),
        ("CA", "", "SC", False, None),
        ("IP", "", "CA", False, None),
        ("", "I", "SC", True, BEING_READ),
        ("", "", "SC", False, None),
    ],
)
def test_each_status_is_understood_as_documented(
    order: str, result: str, control: str, *, named: bool, word: str | None
) -> None:
    assert word_of(order, result, control, named=named) == word


def test_what_is_read_there_is_offered_to_nobody_until_it_is_silent() -> None:
    read_there = item(outside_since=NOW, outside_word=BEING_READ, outside_by="Smith, Sam")
    assert not offerable(read_there)
    assert offerable(replace(read_there, flags=(SILENT,)))
    assert not offerable(item(shadow=True))
    why = why_closed(read_there, HOSPITAL)
    assert "Smith, Sam at Lakeshore Memorial has been reading" in why
    assert "24 Nov 09:00 CST" in why
    assert "take it over" in why
    assert why_closed(replace(read_there, flags=(SILENT,)), HOSPITAL) == ""
    assert "not heard of again" in told_of(replace(read_there, flags=(SILENT,)), HOSPITAL)


def test_a_shadow_sites_exams_are_closed_but_for_what_was_begun() -> None:
    shadow = replace(HOSPITAL, mode="shadow")
    assert "shadow mode" in why_closed(item(), shadow)
    assert why_closed(item(preliminary_at=NOW), shadow) == ""
    assert why_closed(item(), HOSPITAL) == ""


STEPS = st.builds(
    lambda minute, status, complete, source: OrderContent(
        "LM1", status=status,
        exam_complete_at=NOW + complete * MINUTE if status == COMPLETE else None,
        said_at=NOW + minute * MINUTE, said_by=source,
    ),
    st.integers(0, 6), st.sampled_from((ORDERED, IN_PROGRESS, COMPLETE, CANCELLED)),
    st.integers(0, 6), st.just("RIS"),
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=7).flatmap(
    lambda one: st.tuples(st.just(one), st.permutations(one))
))  # fmt: skip
def test_an_orders_messages_in_any_order_leave_the_same_status(
    drawn: tuple[list[OrderContent], list[OrderContent]],
) -> None:
    def told(messages: list[OrderContent]) -> tuple[str, datetime | None]:
        known, heard = messages[0], heard_now(messages[0], {})
        for one in messages[1:]:
            known, heard = merged(known, one, heard), heard_now(one, heard)
        return known.status, known.exam_complete_at

    ordered, mixed = drawn
    assert told([*mixed, *mixed]) == told(ordered)


def test_an_older_message_only_fills_what_is_empty() -> None:
    new = OrderContent("LM1", procedure_text="CT head", said_at=NOW, said_by="RIS")
    old = replace(new, procedure_text="CT", notes="moved", said_at=NOW - MINUTE)
    heard = heard_now(new, {})
    assert merged(new, old, heard).procedure_text == "CT head"
    assert merged(new, old, heard).notes == "moved"
    other = replace(old, said_by="EHR")
    assert merged(new, other, heard).procedure_text == "CT", "another system's own clock"
