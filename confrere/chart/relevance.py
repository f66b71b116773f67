"""Which earlier exams help most to read this one, and why. Pure.

By body region (the same, then its neighbours), laterality, modality and age. The tables are
data with owner and source; a site's procedure map gives the region, an exam's words the side.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

OWNER = "imaging committee of the collaborative"
SOURCE = (
    "ACR Practice Parameter for Communication of Diagnostic Imaging Findings (comparison with "
    "relevant previous examinations); regions as in the procedure maps. Neighbours are those "
    "whose fields of view overlap in routine protocols."
)
# region -> neighbours: an exam of the one commonly shows part of the other
NEIGHBOURS: Mapping[str, frozenset[str]] = {
    "head": frozenset({"neck"}),
    "neck": frozenset({"head", "spine", "chest"}),
    "spine": frozenset({"neck", "chest", "abdomen", "pelvis"}),
    "chest": frozenset({"neck", "abdomen", "heart", "breast", "spine"}),
    "heart": frozenset({"chest"}),
    "breast": frozenset({"chest"}),
    "abdomen": frozenset({"chest", "pelvis", "spine"}),
    "pelvis": frozenset({"abdomen", "spine", "extremity"}),
    "extremity": frozenset({"pelvis"}),
}
WHOLE_BODY = "whole body"
# modalities that show the same thing in the same way
ALIKE = (
    frozenset({"CR", "DX", "DR"}),
    frozenset({"PT", "NM"}),
    frozenset({"XA", "RF"}),
)
BY_SIDE = frozenset({"breast", "extremity"})  # where the other side is a comparison only
LEFT, RIGHT, BOTH = "left", "right", "both"
_WORDS = re.compile(r"[a-z]+")
_SIDES = {
    "left": LEFT, "lt": LEFT, "l": LEFT, "right": RIGHT, "rt": RIGHT, "r": RIGHT,
    "bilateral": BOTH, "both": BOTH, "bilat": BOTH,
}  # fmt: skip
RECENT_DAYS, OLD_DAYS = 365, 5 * 365
_SAME, _OVERLAPS, _NEAR = 60, 45, 25
_MODALITY, _LIKE, _SIDE, _OTHER_SIDE, _RECENT, _OLD = 20, 15, 10, -25, 5, -10


@dataclass(frozen=True, slots=True)
class Subject:
    """What an exam is of; what is not known is empty or None."""

    region: str
    modality: str
    side: str = ""  # LEFT, RIGHT, BOTH
    on: date | None = None


@dataclass(frozen=True, slots=True)
class Relevance:
    """How much a prior helps: higher first. `why` is for people; empty: only by its date."""

    score: int
    why: str

    @property
    def is_relevant(self) -> bool:
        """Say whether it is worth fetching from elsewhere."""
        return self.score >= _NEAR


def side_of(text: str) -> str:
    """Tell the side from an exam's words; empty when they name none."""
    found = {_SIDES[one] for one in _WORDS.findall(text.casefold()) if one in _SIDES}
    if BOTH in found or {LEFT, RIGHT} <= found:
        return BOTH
    return next(iter(found), "")


def relevance(exam: Subject, prior: Subject) -> Relevance:
    """Say how relevant a prior is for an exam, and why."""
    score, region = _region(exam, prior)
    reasons = [region] if region else []
    alike = _modality(exam, prior)
    if alike:
        score += alike
        word = prior.modality if region else f"{prior.modality} of another region"
        if region or prior.region:
            reasons.append(word)
    if region and exam.region in BY_SIDE and exam.side and prior.side:
        same = BOTH in (exam.side, prior.side) or exam.side == prior.side
        score += _SIDE if same else _OTHER_SIDE
        reasons.append(f"{prior.side} side" if same else "other side, for comparison")
    score += _age(exam, prior)
    if not region:
        score = min(score, _NEAR - 1)  # another region never goes before a neighbour
    return Relevance(score, ", ".join(reasons))


def rank(exam: Subject, priors: Sequence[Subject]) -> list[int]:
    """Order priors: the most relevant first, of equals the newest. Returns their indexes."""

    def key(index: int) -> tuple[int, int]:
        on = priors[index].on
        return (-relevance(exam, priors[index]).score, -(on.toordinal() if on else 0))

    return sorted(range(len(priors)), key=key)


def _region(exam: Subject, prior: Subject) -> tuple[int, str]:
    if not exam.region or not prior.region:
        return 0, ""
    if exam.region == prior.region:
        return _SAME, "same region"
    if WHOLE_BODY in (exam.region, prior.region):
        return _OVERLAPS, "whole body"
    if prior.region in NEIGHBOURS.get(exam.region, frozenset()):
        return _NEAR, f"near: {prior.region}"
    return 0, ""


def _modality(exam: Subject, prior: Subject) -> int:
    if not exam.modality or not prior.modality:
        return 0
    if exam.modality == prior.modality:
        return _MODALITY
    return _LIKE if any({exam.modality, prior.modality} <= one for one in ALIKE) else 0


def _age(exam: Subject, prior: Subject) -> int:
    if exam.on is None or prior.on is None:
        return 0
    days = (exam.on - prior.on).days
    if days <= RECENT_DAYS:
        return _RECENT
    return _OLD if days > OLD_DAYS else 0
