"""What a report recommends as its own follow-up: such an exam repeats nothing. Pure.

Read from the words, and strictly: what is not said plainly is not taken for a recommendation.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from confrere.orders.parts import family
from confrere.orders.suggesting import modality_of, words_of

# an exam that was recommended for a day is its follow-up from half to one and a half times
# the time on, and always within this many days of it
EARLY, LATE, LEEWAY_DAYS = 0.5, 1.5, 5
_UNITS = {"day": 1, "week": 7, "month": 30, "year": 365}
_NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "eight": 8, "nine": 9,
    "ten": 10, "twelve": 12,
}  # fmt: skip
_SENTENCE = re.compile(r"(?<=[.;!\n])\s+")
_ASKS = re.compile(
    r"\b(recommend(?:s|ed|ation)?|advise[sd]?|suggest(?:s|ed)?|follow[- ]?up|surveillance|"
    r"should be repeated|repeat)\b",
    re.IGNORECASE,
)
_DENIES = re.compile(
    r"\b(no|not|without)\b[^.;]{0,40}\b(follow|recommend|repeat)", re.IGNORECASE
)
_WHEN = re.compile(
    r"\b(?P<number>\d{1,2}|one|two|three|four|five|six|eight|nine|ten|twelve)"
    r"(?:\s*(?:-|\N{EN DASH}|to)\s*(?P<last>\d{1,2}))?\s*-?\s*"
    r"(?P<unit>day|week|month|year)s?\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A recommended exam; `modality` is empty where the report names none."""

    modality: str
    first_days: int  # after the exam that was reported
    last_days: int

    def covers(self, modality: str, index: date, later: date) -> bool:
        """Say whether an exam of a day is this follow-up."""
        if self.modality and family(self.modality) != family(modality):
            return False
        early = min(self.first_days * EARLY, self.first_days - LEEWAY_DAYS)
        late = max(self.last_days * LATE, self.last_days + LEEWAY_DAYS)
        return timedelta(days=max(early, 0)) <= later - index <= timedelta(days=late)


def recommended(text: str) -> tuple[FollowUp, ...]:
    """The follow-ups that a report recommends within a stated time."""
    return tuple(_of_sentences(_SENTENCE.split(text)))


def _of_sentences(sentences: Iterable[str]) -> Iterable[FollowUp]:
    for sentence in sentences:
        if not _ASKS.search(sentence) or _DENIES.search(sentence):
            continue
        for when in _WHEN.finditer(sentence):
            first = _number(when["number"]) * _UNITS[when["unit"].lower()]
            last = _number(when["last"] or when["number"]) * _UNITS[when["unit"].lower()]
            yield FollowUp(modality_of(words_of(sentence)), first, max(first, last))


def _number(text: str) -> int:
    return _NUMBERS.get(text.lower()) or int(text)
