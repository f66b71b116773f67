"""Splink learns weights from records, by the very levels that matching uses."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from confrere.demo.persons import FAMILY, GIVEN_FEMALE
from confrere.kernel.errors import Invalid
from confrere.patients.matching import Match, judge
from confrere.patients.model import Demographics, Number
from confrere.patients.training import train
from confrere.patients.weights import DEFAULT, Weights, from_data, to_data


def records(people: int = 700) -> Iterator[Demographics]:
    """Each person twice, at two sites; second records have the slips of registration."""
    dice = random.Random(7)
    for n in range(people):
        one = Demographics(
            "A", f"A{n}", dice.choice(FAMILY) + chr(97 + n % 26) + chr(97 + n // 26 % 26),
            dice.choice(GIVEN_FEMALE), date(1930, 1, 1) + timedelta(days=dice.randrange(30000)),
            dice.choice("FM"), f"{60000 + dice.randrange(60)}", f"{dice.randrange(900)} Elm St",
            f"312{dice.randrange(10**6, 10**7)}", f"{dice.randrange(10**4):04}",
            frozenset({Number("REGION", f"R{n}")}),
        )  # fmt: skip
        yield one
        born = one.birth_date
        assert born is not None
        other = replace(
            one, assigner="B", mrn=f"B{n}",
            birth_date=born + timedelta(days=1) if n % 5 == 0 else born,
            family=one.family[:-1] + "q" if n % 7 == 0 else one.family,
            given=dice.choice(GIVEN_FEMALE) if n % 11 == 0 else one.given,
            sex=dice.choice("FM") if n % 13 == 0 else one.sex,
            postal_code="70001" if n % 6 == 0 else one.postal_code,
            street="1 Oak Ave" if n % 6 == 0 else one.street,
            phone=f"773{n:07}" if n % 4 == 0 else one.phone,
            national_last4="" if n % 3 == 0 else one.national_last4,
        )  # fmt: skip
        yield other


@pytest.fixture(scope="module")
def trained() -> Weights:
    return train(list(records()), most_pairs=2e4)


def test_agreement_counts_for_and_difference_against_one_person(trained: Weights) -> None:
    for field in ("family", "given", "birth_date", "phone"):
        m, u = trained.pairs[field]["exact"]
        assert m > 10 * u, field
        m, u = trained.pairs[field]["different"]
        assert m < u, field
    # what was seen in a fifth of the pairs is learnt as such, a day off in none of the shipped
    typo = trained.pairs["birth_date"]["typo"]
    assert typo[0] / typo[1] > 2 * DEFAULT.pairs["birth_date"]["typo"][0]


def test_what_was_learnt_is_kept_as_data_and_matches(trained: Weights) -> None:
    kept = from_data(to_data(trained), 3)
    assert kept.pairs == trained.pairs
    some = list(records(40))
    bare = [replace(one, further=frozenset()) for one in some]
    pairs = list(zip(bare[::2], bare[1::2], strict=True))
    linked = [judge(one, other, kept).match is Match.LINK for one, other in pairs]
    assert sum(linked) >= 34
    strangers = [
        judge(one, other[1], kept) for one, other in zip(bare, pairs[1:], strict=False)
    ]
    assert sum(one.match is Match.LINK for one in strangers) <= 1


def test_no_name_that_few_bear_leaves_the_training(trained: Weights) -> None:
    assert set(trained.frequencies["family"]) == set()  # each was made to be rare
    assert trained.frequencies["given"]


def test_too_few_records_teach_nothing() -> None:
    with pytest.raises(Invalid, match="1000 real records"):
        train(list(records(10)))
