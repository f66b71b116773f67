"""The demonstration shows a sure pair, a doubtful one and twins."""

from itertools import pairwise
from typing import Any

import pytest

from confrere.demo import places, scenes
from confrere.demo.casting import mrn
from confrere.patients.matching import TWINS, Match, Verdict, judge
from confrere.patients.model import Demographics


def judged(*plans: scenes.Scene) -> Verdict:
    said = []
    for plan in plans:
        person, site = plan.person, places.site(plan.site)
        assert person is not None
        said.append(
            Demographics(
                site.assigner, mrn(site, person), person.family, person.given,
                person.birth_date, person.sex, person.postal_code,
            )
        )  # fmt: skip
    return judge(said[0], said[1])


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
