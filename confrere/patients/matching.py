"""How sure we are that two identities are one person, and what keeps them apart. Pure.

Fellegi-Sunter: the sum over fields of log2(m/u) on the level that they agree on. Before any
sum come the vetoes: they keep a pair apart, or hold it for a person, whatever it scores.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from confrere.patients.comparing import DIFFERENT, EXACT, compare
from confrere.patients.model import Demographics
from confrere.patients.weights import DEFAULT, Weights

TWINS = "looks like twins: family name and birth date agree, first names do not"
SEX_AND_BIRTH = "sex and birth date both differ"
NAME_AND_BIRTH = "first name and birth date both differ"
ONE_NUMBER = "like twins of one national number"
SAME_ASSIGNER = "one assigner gave them different numbers"
NATIONAL = "the national numbers differ"
NUMBER = "number"
SAME_NUMBER = "one assigner gave both this number, but they score low: an overlay?"


class Match(StrEnum):
    """What to do with a pair."""

    LINK = "link"
    REVIEW = "review"
    APART = "apart"


@dataclass(frozen=True, slots=True)
class Weighed:
    """One field of a pair: its level, and what that is worth in bits."""

    field: str
    level: str
    bits: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done with a pair, its score in bits, each field's share, and why not more."""

    match: Match
    score: float
    fields: tuple[Weighed, ...]
    reasons: tuple[str, ...] = ()


def judge(one: Demographics, other: Demographics, weights: Weights = DEFAULT) -> Verdict:
    """Decide on a pair.

    Kept apart: sex and birth date both differ; first name and birth date both differ; twins.
    Held for a person: twins with one national number; only different record numbers of one
    assigner; different national numbers; the same record number of one assigner with a low
    score. Else the score decides. Numbers count whether they are the identity's own or further.
    """
    compared = compare(one, other)
    fields = tuple(Weighed(c.field, c.level, weights.bits(c)) for c in compared)
    total = sum(found.bits for found in fields)
    at = {found.field: found.level for found in compared}
    same_number = bool(one.record_numbers & other.record_numbers)
    if same_number:
        fields = (*fields, Weighed(NUMBER, EXACT, 0.0))  # lowers the bar, adds nothing
    if apart := _apart(at):
        return Verdict(Match.REVIEW if same_number else Match.APART, total, fields, (apart,))
    held = tuple(_held(one, other, at, low=total < weights.review_at))
    return Verdict(_by_score(total, weights, held, same_number), total, fields, held)


def _by_score(
    total: float, weights: Weights, held: tuple[str, ...], same_number: bool
) -> Match:
    enough = weights.review_at if same_number else weights.link_at
    if total >= enough and not held:
        return Match.LINK
    return Match.REVIEW if total >= weights.review_at or same_number else Match.APART


def _apart(at: Mapping[str, str]) -> str:
    born_else = at.get("birth_date") == DIFFERENT
    if born_else and at.get("sex") == DIFFERENT:
        return SEX_AND_BIRTH
    if born_else and at.get("given") == DIFFERENT and at.get("national_last4") != EXACT:
        return NAME_AND_BIRTH
    return TWINS if _like_twins(at) and at.get("national_last4") != EXACT else ""


def _like_twins(at: Mapping[str, str]) -> bool:
    alike = at.get("birth_date") == EXACT and at.get("family") not in (None, DIFFERENT)
    return alike and at.get("given") == DIFFERENT


def _held(
    one: Demographics, other: Demographics, at: Mapping[str, str], *, low: bool
) -> list[str]:
    mine, theirs = one.record_numbers, other.record_numbers
    found = [SAME_ASSIGNER] if clashing(mine, theirs) else []
    found += [NATIONAL] if at.get("national_last4") == DIFFERENT else []
    found += [ONE_NUMBER] if _like_twins(at) else []
    return found + ([SAME_NUMBER] if mine & theirs and low else [])


def clashing(mine: Collection[tuple[str, str]], theirs: Collection[tuple[str, str]]) -> bool:
    """Say whether an assigner knows both by numbers of which none is the same."""
    return any(
        {n for a, n in mine if a == assigner}.isdisjoint(n for a, n in theirs if a == assigner)
        for assigner in {a for a, _ in mine} & {a for a, _ in theirs}
    )


def probability(score: float, weights: Weights = DEFAULT) -> float:
    """Return a score as a likelihood of 0 to 1: even odds midway between review and link."""
    even = (weights.review_at + weights.link_at) / 2
    return float(1 / (1 + 2 ** (even - score)))
