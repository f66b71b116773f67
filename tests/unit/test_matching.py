"""How sure two identities are one person: DOMAIN worked example T54, vetoes and twins."""

from dataclasses import replace
from datetime import date

import pytest

from confrere.patients.matching import Match, judge, score
from confrere.patients.model import Demographics

ONE = Demographics("A", "1", "Okafor", "Miriam", date(1962, 4, 12), "F", "60614")


def other(**changes: object) -> Demographics:
    return replace(ONE, assigner="B", mrn="77", **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "total", "verdict"),
    [
        ({}, 25.60, Match.LINK),
        ({"postal_code": "53703"}, 18.18, Match.LINK),
        ({"family": "Lindqvist"}, 14.72, Match.REVIEW),
        ({"birth_date": date(1963, 4, 12)}, 11.61, Match.REVIEW),
    ],
)
def test_t54_scores_and_decisions(
    changes: dict[str, object], total: float, verdict: Match
) -> None:
    assert judge(ONE, other(**changes))[0] is verdict
    assert score(ONE, other(**changes)) == pytest.approx(total, abs=0.006)


def test_twins_are_not_linked_by_score() -> None:
    assert judge(ONE, other(given="Martha"))[0] is not Match.LINK


def test_sex_and_birth_date_both_different_keep_apart() -> None:
    assert judge(ONE, other(sex="M", birth_date=date(1990, 1, 1)))[0] is Match.APART


def test_what_is_absent_says_nothing() -> None:
    assert score(ONE, other(postal_code="", sex="")) == pytest.approx(20.446, abs=0.01)
