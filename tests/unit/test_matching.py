"""How sure two identities are one person: DOMAIN worked example T54, levels, vetoes and twins."""

from dataclasses import replace
from datetime import date

import pytest

from confrere.patients.comparing import compare
from confrere.patients.likeness import jaro_winkler, one_slip
from confrere.patients.matching import (
    NAME_AND_BIRTH,
    NATIONAL,
    ONE_NUMBER,
    SAME_ASSIGNER,
    SAME_NUMBER,
    SEX_AND_BIRTH,
    TWINS,
    Match,
    judge,
    probability,
)
from confrere.patients.model import Demographics
from confrere.patients.weights import DEFAULT, from_data, to_data

ONE = Demographics("A", "1", "Okafor", "Miriam", date(1962, 4, 12), "F", "60614")


def other(**changes: object) -> Demographics:
    return replace(ONE, **({"assigner": "B", "mrn": "77"} | changes))  # type: ignore[arg-type]


def levels(**changes: object) -> dict[str, str]:
    return {one.field: one.level for one in compare(ONE, other(**changes))}


@pytest.mark.parametrize(
    ("field", "bits"),
    [("family", 6.570), ("given", 5.524), ("birth_date", 8.352), ("sex", 0.985),
     ("postal_code", 4.170)],
)  # fmt: skip
def test_t54_weights_of_agreement(field: str, bits: float) -> None:
    found = {one.field: one.bits for one in judge(ONE, other()).fields}
    assert found[field] == pytest.approx(bits, abs=0.001)


@pytest.mark.parametrize(
    ("changes", "total", "match"),
    [
        ({}, 25.60, Match.LINK),
        ({"postal_code": "53703"}, 18.18, Match.LINK),
        ({"family": "Lindqvist"}, 14.72, Match.REVIEW),
        ({"birth_date": date(1971, 9, 30)}, 11.61, Match.REVIEW),
    ],
)
def test_t54_scores_and_decisions(
    changes: dict[str, object], total: float, match: Match
) -> None:
    verdict = judge(ONE, other(**changes))
    assert verdict.score == pytest.approx(total, abs=0.006)
    assert (verdict.match, verdict.reasons) == (match, ())


def test_t54_thresholds() -> None:
    assert (DEFAULT.link_at, DEFAULT.review_at) == (18, 8)
    assert probability(13) == 0.5


@pytest.mark.parametrize(
    ("field", "value", "level"),
    [
        ("family", "OKAFOR", "exact"), ("family", "O'kafor", "exact"), ("family", "Ókafor", "exact"),
        ("family", "Okafro", "close"), ("family", "Okafor-Reed", "part"),
        ("family", "Lindqvist", "different"),
        ("given", "miriam R", "exact"), ("given", "Miriem", "close"), ("given", "M", "initial"),
        ("given", "Martha", "different"), ("given", "Z", "different"),
        ("birth_date", date(1962, 12, 4), "typo"), ("birth_date", date(1963, 4, 12), "typo"),
        ("birth_date", date(1962, 4, 21), "typo"), ("birth_date", date(1962, 4, 30), "same month and year"),
        ("birth_date", date(1971, 9, 30), "different"),
        ("sex", "M", "different"), ("postal_code", "60614-1234", "exact"),
        ("postal_code", "60657", "same area"), ("postal_code", "53703", "different"),
    ],
)  # fmt: skip
def test_fields_agree_on_levels(field: str, value: object, level: str) -> None:
    assert levels(**{field: value})[field] == level


def test_nicknames_and_swapped_names_are_known() -> None:
    bob = replace(ONE, given="Bob")
    assert {c.field: c.level for c in compare(bob, other(given="Robert"))}[
        "given"
    ] == "nickname"
    turned = levels(family="Miriam", given="Okafor")
    assert (turned["family"], turned["given"]) == ("swapped", "swapped")


def test_phone_street_and_national_number_are_compared_as_written_anyhow() -> None:
    one = replace(
        ONE, phone="(312) 555-0142", street="12 North Elm Street", national_last4="1234"
    )
    two = other(phone="+1 312 555 0142", street="12 N. Elm St", national_last4="1234")
    found = {c.field: c.level for c in compare(one, two)}
    assert (found["phone"], found["street"], found["national_last4"]) == ("exact",) * 3


def test_what_is_absent_says_nothing() -> None:
    verdict = judge(ONE, other(postal_code="", sex=""))
    assert verdict.score == pytest.approx(20.446, abs=0.01)
    assert levels(sex="U").get("sex") is None


@pytest.mark.parametrize(
    ("changes", "match", "reason"),
    [
        ({"given": "Martha"}, Match.APART, TWINS),
        ({"given": "Martha", "family": "Okafro"}, Match.APART, TWINS),
        ({"sex": "M", "birth_date": date(1990, 1, 1)}, Match.APART, SEX_AND_BIRTH),
        ({"given": "Kofi", "birth_date": date(1990, 1, 1)}, Match.APART, NAME_AND_BIRTH),
        ({"assigner": "A"}, Match.REVIEW, SAME_ASSIGNER),
        ({"national_last4": "9999"}, Match.REVIEW, NATIONAL),
        ({"national_last4": "1234", "given": "Martha"}, Match.REVIEW, ONE_NUMBER),
    ],
)
def test_a_veto_is_stronger_than_any_score(
    changes: dict[str, object], match: Match, reason: str
) -> None:
    one = replace(ONE, national_last4="1234", phone="3125550142", street="1 Elm St")
    alike = {"phone": one.phone, "street": one.street}
    verdict = judge(one, other(**alike | changes))
    assert (verdict.match, reason in verdict.reasons) == (match, True)


def test_the_same_number_of_one_assigner_links_unless_it_looks_like_an_overlay() -> None:
    same = {"assigner": "A", "mrn": "1"}
    assert judge(ONE, other(**same, family="Reed")).match is Match.LINK
    odd = judge(ONE, other(**same, family="Reed", birth_date=date(1990, 7, 7), postal_code=""))
    assert (odd.match, SAME_NUMBER in odd.reasons) == (Match.REVIEW, True)


def test_a_rare_name_tells_more_than_a_common_one() -> None:
    trained = replace(DEFAULT, frequencies={"family": {"smith": 0.02}}, floor=0.001)
    smiths = judge(replace(ONE, family="Smith"), other(family="Smith"), trained).score
    assert judge(ONE, other(), trained).score - smiths == pytest.approx(4.32, abs=0.01)


def test_weights_are_kept_as_data_and_come_back_the_same() -> None:
    trained = replace(DEFAULT, version=3, frequencies={"family": {"smith": 0.02}}, floor=0.001)
    assert from_data(to_data(trained), 3) == trained


@pytest.mark.parametrize(
    ("one", "two", "likeness"),
    [("martha", "marhta", 0.961), ("dwayne", "duane", 0.840), ("dixon", "dicksonx", 0.813),
     ("abc", "xyz", 0.0), ("", "", 0.0)],
)  # fmt: skip
def test_jaro_winkler_is_as_published(one: str, two: str, likeness: float) -> None:
    assert jaro_winkler(one, two) == pytest.approx(likeness, abs=0.001)


@pytest.mark.parametrize(
    ("one", "two", "slips"),
    [("smith", "smyth", True), ("smith", "smtih", True), ("smith", "smiths", True),
     ("smith", "mith", True), ("smith", "smith", False), ("smith", "smythe", False),
     ("ab", "", False), ("a", "", True)],
)  # fmt: skip
def test_one_slip_of_the_pen(one: str, two: str, slips: bool) -> None:
    assert one_slip(one, two) is slips
    assert one_slip(two, one) is slips
