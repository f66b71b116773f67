"""The demonstration shows a sure pair, a doubtful one and twins."""

from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from confrere.demo import messages, scenes
from confrere.demo.casting import Cast
from confrere.hl7.acknowledge import Stamp
from confrere.hl7.parse import parse
from confrere.hl7.patients import read_patient
from confrere.patients.matching import TWINS, Match, Verdict, judge
from confrere.patients.model import Demographics

NOW = datetime(2026, 11, 24, 3, 30, tzinfo=UTC)


def said(plan: scenes.Scene) -> Demographics:
    """What the site's own message says of the person."""
    order = Cast(Random(1)).order(plan, NOW, NOW, None)
    told = read_patient(parse(messages.admission(order, Stamp(NOW, "A1"))))
    return Demographics(
        told.identifiers[0].assigner, told.identifiers[0].value, told.name.family,
        told.name.given, told.birth_date, told.sex, told.address.postal_code,
        told.address.street,
    )  # fmt: skip


def judged(*plans: scenes.Scene) -> Verdict:
    one, other = map(said, plans)
    return judge(one, other)


def of(*people: object) -> list[scenes.Scene]:
    return [one for one in scenes.LIGHT if one.person in people]


@pytest.mark.parametrize(
    ("plans", "match"),
    [
        (scenes.HEAD_PAIR, Match.LINK),
        (scenes.CHEST_PAIR, Match.LINK),
        (of(*scenes.DOUBTFUL), Match.REVIEW),
        (of(*scenes.TWINS), Match.APART),
    ],
)
def test_the_demonstration_shows_each_kind_of_pair(plans: Any, match: Match) -> None:
    for one, other in pairwise(plans):
        assert one.site != other.site
        verdict = judged(one, other)
        assert verdict.match is match
        assert (TWINS in verdict.reasons) is (match is Match.APART)
