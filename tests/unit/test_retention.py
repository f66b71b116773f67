"""How long images are kept: the latest day that any rule in force asks for."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from confrere.keeping.retention import Rule, Subject, after, checked, due, least
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import SiteId

SITE = SiteId(UUID(int=1))
TODAY = date(2026, 11, 24)
LONG_AGO = date(1990, 1, 1)
FIVE = Rule(UUID(int=1), "RAD5", "5 years", 5, "42 CFR 482.26(d)(2)", LONG_AGO)
MAMMO = Rule(
    UUID(int=2), "MAMMO", "10 years, or 5", 10, "21 CFR 900.12(c)(4)(i)", LONG_AGO,
    modality="MG", years_if_later=5,
)  # fmt: skip
MINOR = Rule(
    UUID(int=3), "MINOR-NY", "until 21", 6, "10 NYCRR 405.10(a)(4)", LONG_AGO, state="NY",
    until_age=21,
)  # fmt: skip
RULES = (FIVE, MAMMO, MINOR)


def subject(
    *, modality: str = "CT", born: date | None = date(1960, 1, 1), state: str = "IL",
    later: bool = False, made: date = date(2020, 2, 29),
) -> Subject:  # fmt: skip
    return Subject(made, born, (modality,), SITE, state, lambda _: later)


@pytest.mark.parametrize(
    ("one", "on", "code"),
    [
        (subject(), date(2025, 3, 1), "RAD5"),
        (subject(modality="MG"), date(2030, 3, 1), "MAMMO"),
        (subject(modality="MG", later=True), date(2025, 3, 1), "RAD5"),
        (subject(state="NY"), date(2025, 3, 1), "RAD5"),
        (subject(state="NY", born=date(2015, 6, 1)), date(2036, 6, 1), "MINOR-NY"),
        (subject(state="NY", born=date(2002, 3, 1)), date(2026, 3, 1), "MINOR-NY"),
        (subject(state="NY", born=date(2002, 2, 28)), date(2025, 3, 1), "RAD5"),
        (subject(state="NY", born=None), date(2041, 3, 1), "MINOR-NY"),
        (subject(born=date(2015, 6, 1)), date(2025, 3, 1), "RAD5"),
    ],
)
def test_the_rule_that_asks_for_longest_wins(one: Subject, on: date, code: str) -> None:
    found = due(one, RULES, TODAY)
    assert found is not None
    assert (found.on, found.rule.code) == (on, code)


def test_without_a_rule_in_force_nothing_is_ever_due() -> None:
    assert due(subject(), [replace(FIVE, ends_on=TODAY)], TODAY) is None
    assert due(subject(), [replace(FIVE, starts_on=date(2027, 1, 1))], TODAY) is None
    assert due(subject(), [replace(FIVE, site=SiteId(UUID(int=2)))], TODAY) is None
    assert due(subject(), [], TODAY) is None


def test_what_every_study_is_kept_is_known_without_looking_at_each() -> None:
    assert least(RULES, SITE, "NY", TODAY) == 5
    assert least([*RULES, replace(FIVE, years=20)], SITE, "IL", TODAY) == 20
    assert least([*RULES, replace(FIVE, years=20, state="CA")], SITE, "IL", TODAY) == 5
    assert least([MAMMO, MINOR], SITE, "NY", TODAY) == 5
    assert least([MINOR], SITE, "IL", TODAY) is None


def test_a_groups_own_rule_can_only_lengthen() -> None:
    shorter, longer = replace(FIVE, code="OWN", years=1), replace(FIVE, code="OWN", years=20)
    found = due(subject(), [FIVE, shorter], TODAY)
    assert found is not None
    assert found.rule.code == "RAD5"
    found = due(subject(), [FIVE, longer], TODAY)
    assert found is not None
    assert found.on == after(date(2020, 2, 29), 20) == date(2040, 2, 29)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"code": " "}, "code"), ({"source": ""}, "source"), ({"years": 0}, "years"),
     ({"until_age": 12}, "until_age")],
)  # fmt: skip
def test_a_rule_that_is_typed_wrong_is_named(wrong: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as told:
        checked(replace(FIVE, **wrong))  # type: ignore[arg-type]
    assert told.value.field == field
