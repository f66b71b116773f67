"""How sure we are that two identities are one person. Pure.

Fellegi-Sunter: the sum of log2(m/u) over agreeing fields and log2((1-m)/(1-u)) over
differing ones (Fellegi and Sunter, JASA 1969;64:1183). Fields absent on either side say
nothing. The (m, u) pairs are the collaborative's published ones (DOMAIN H, T54).
"""

from enum import StrEnum
from math import log2

from confrere.patients.model import Demographics

WEIGHTS = {
    "family": (0.95, 0.01),
    "given": (0.92, 0.02),
    "birth_date": (0.98, 0.003),
    "sex": (0.99, 0.5),
    "postal_code": (0.90, 0.05),
}
LINK_AT, REVIEW_AT = 18.0, 8.0


class Match(StrEnum):
    """What to do with a pair."""

    LINK = "link"
    REVIEW = "review"
    APART = "apart"


def score(one: Demographics, other: Demographics) -> float:
    """Sum the evidence, in bits."""
    total = 0.0
    for field, (m, u) in WEIGHTS.items():
        a, b = _plain(getattr(one, field)), _plain(getattr(other, field))
        if a and b:
            total += log2(m / u) if a == b else log2((1 - m) / (1 - u))
    return total


def judge(one: Demographics, other: Demographics) -> tuple[Match, float]:
    """Decide on a pair, with its score.

    Hard vetoes come first: sex and birth date both known and both different; and twins
    (same birth date and family name, different given name) are never linked by score.
    """
    total = score(one, other)
    if _differ(one.sex, other.sex) and _differ(one.birth_date, other.birth_date):
        return Match.APART, total
    twins = (
        one.birth_date == other.birth_date
        and _plain(one.family) == _plain(other.family)
        and _differ(one.given, other.given)
    )
    if total >= LINK_AT and not twins:
        return Match.LINK, total
    return (Match.REVIEW if total >= REVIEW_AT else Match.APART), total


def _differ(a: object, b: object) -> bool:
    return bool(a) and bool(b) and _plain(a) != _plain(b)


def _plain(value: object) -> str:
    return "" if value is None else " ".join(str(value).casefold().split())
