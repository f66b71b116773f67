"""How urgent an exam is, and by when it is due."""

from datetime import UTC, datetime, timedelta

import pytest

from confrere.orders.priorities import due, priority_of

AT = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("requested", "patient_class", "words", "expected"),
    [
        ("S", "E", "CT head", "stat"),
        ("STAT", "I", "CT head", "stat"),
        ("R", "E", "CT head", "ed"),
        ("R", "I", "CT head", "inpatient"),
        ("A", "O", "MR knee", "urgent"),
        ("", "O", "MR knee", "routine"),
        ("R", "E", "Code stroke, left weakness", "stroke"),
        ("R", "O", "no trauma", "routine"),
    ],
)
def test_priority_follows_request_class_and_words(
    requested: str, patient_class: str, words: str, expected: str
) -> None:
    assert priority_of(requested, patient_class, words) == expected


def test_a_contract_overrides_the_default_minutes() -> None:
    assert due(AT, "ed", None) - AT == timedelta(minutes=60)
    assert due(AT, "ed", {"ed": 45}) - AT == timedelta(minutes=45)


def test_an_unknown_priority_counts_as_an_emergency() -> None:
    assert due(AT, "whatever", None) - AT == timedelta(minutes=60)
