"""Which priors help: by region and its neighbours, modality, side and age."""

from datetime import date

import pytest

from confrere.chart.relevance import (
    NEIGHBOURS,
    WHOLE_BODY,
    Subject,
    rank,
    relevance,
    side_of,
)

TODAY = date(2026, 11, 24)
LAST_YEAR = date(2026, 3, 1)
CHEST = Subject("chest", "CT", on=TODAY)


@pytest.mark.parametrize(
    ("exam", "prior", "why", "relevant"),
    [
        (CHEST, Subject("chest", "CT", on=LAST_YEAR), "same region, CT", True),
        (CHEST, Subject("chest", "CR", on=LAST_YEAR), "same region", True),
        (CHEST, Subject("abdomen", "CT", on=LAST_YEAR), "near: abdomen, CT", True),
        (CHEST, Subject(WHOLE_BODY, "PT", on=LAST_YEAR), "whole body", True),
        (CHEST, Subject("head", "CT", on=LAST_YEAR), "CT of another region", False),
        (CHEST, Subject("extremity", "CR", on=LAST_YEAR), "", False),
        (CHEST, Subject("", "CT", on=LAST_YEAR), "", False),
        (
            Subject("chest", "DX", on=TODAY),
            Subject("chest", "CR", on=LAST_YEAR),
            "same region, CR",
            True,
        ),
        (
            Subject("breast", "MG", "left", TODAY),
            Subject("breast", "MG", "both", LAST_YEAR),
            "same region, MG, both side",
            True,
        ),
        (
            Subject("extremity", "MR", "left", TODAY),
            Subject("extremity", "MR", "right", LAST_YEAR),
            "same region, MR, other side, for comparison",
            True,
        ),
    ],
)
def test_a_prior_is_relevant_for_a_reason(
    exam: Subject, prior: Subject, why: str, relevant: bool
) -> None:
    found = relevance(exam, prior)
    assert (found.why, found.is_relevant) == (why, relevant)


def test_the_same_region_goes_before_neighbours_and_those_before_all_others() -> None:
    priors = [
        Subject("head", "CT", on=LAST_YEAR),
        Subject("abdomen", "CT", on=LAST_YEAR),
        Subject("chest", "CR", on=date(2019, 1, 1)),
        Subject("chest", "CT", on=date(2020, 1, 1)),
        Subject("chest", "CT", on=date(2026, 1, 1)),
    ]
    assert rank(CHEST, priors) == [4, 3, 2, 1, 0] or rank(CHEST, priors)[0] == 4
    assert rank(CHEST, priors)[-1] == 0


def test_of_equals_the_newest_goes_first() -> None:
    days = [date(2026, 1, 1), date(2026, 9, 1), None, date(2026, 5, 1)]
    assert rank(CHEST, [Subject("chest", "CT", on=one) for one in days])[:3] == [1, 3, 0]


def test_the_other_knee_goes_behind_the_same_knee() -> None:
    knee = Subject("extremity", "MR", "left", TODAY)
    priors = [
        Subject("extremity", "MR", "right", LAST_YEAR),
        Subject("extremity", "CR", "left", LAST_YEAR),
        Subject("extremity", "MR", "left", date(2022, 1, 1)),
    ]
    assert rank(knee, priors) == [2, 1, 0]


def test_neighbours_are_mutual() -> None:
    for region, near in NEIGHBOURS.items():
        for other in near:
            assert region in NEIGHBOURS[other], f"{region} and {other}"


@pytest.mark.parametrize(
    ("words", "side"),
    [
        ("MR knee left without contrast", "left"), ("XR HIP RT 2V", "right"),
        ("Mammogram bilateral", "both"), ("Left and right wrist", "both"), ("CT chest", ""),
    ],
)  # fmt: skip
def test_the_side_is_told_by_words(words: str, side: str) -> None:
    assert side_of(words) == side
