"""Repeated imaging: what an exam is to an earlier one, and how often exams are repeated. Pure.

The classes are those of the Neiman Institute: supplementary, duplicative, follow-up, unrelated
("Repeat medical imaging: a classification system", Neiman Report 2, 2013). What is called
duplicative here is *potentially avoidable*; nothing tells from data alone that it was needless.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise

from confrere.orders import parts
from confrere.orders.following_up import FollowUp

WINDOWS = (1, 7, 30, 90)  # days that are reported; 90: Vest et al., AJMC 2014;20:eSP16


class Relation(StrEnum):
    """What a later exam is to an earlier one of the same person."""

    DUPLICATIVE = "duplicative"
    SUPPLEMENTARY = "supplementary"  # the same region, seen by other means
    FOLLOW_UP = "follow-up"
    UNRELATED = "unrelated"


class Excuse(StrEnum):
    """Why an exam of the same kind is no duplicate."""

    NONE = ""
    RECOMMENDED = "the earlier report recommended it"
    EVENT = "a procedure, trauma or device came between"
    SAME_SESSION = "the same session"
    LINE_CHECK = "a bedside film or line check"
    TECHNICAL = "a technical repeat"


@dataclass(frozen=True, slots=True)
class Exam:
    """One exam of one person. `follow_ups` are what its own report recommends.

    `text` is the procedure's words; `question` the clinical question. `session` joins exams
    that were made together (the accession number's, or the study's UID).
    """

    id: str
    modality: str
    region: str
    on: date
    site: str
    contrast: str = ""
    text: str = ""
    question: str = ""
    session: str = ""
    follow_ups: tuple[FollowUp, ...] = ()


Key = tuple[str, str, frozenset[str], frozenset[str], str, str]


def key_of(exam: Exam) -> Key | None:
    """What must be the same in a repeated exam; None where modality or region is not known.

    Modality, region with its finer parts, technique, side, contrast: the words of the RadLex
    Playbook. An intervention under images is no exam and has no key.
    """
    if not exam.modality or not exam.region or parts.is_procedure(exam.text):
        return None
    return (
        parts.family(exam.modality), exam.region, parts.parts(exam.text),
        parts.techniques(exam.text), parts.side(exam.text), exam.contrast,
    )  # fmt: skip


def relation(earlier: Exam, later: Exam, between: Iterable[Exam] = ()) -> Relation:
    """Say what `later` is to `earlier`; `between` are the person's other exams."""
    if not later.region or later.region != earlier.region:
        return Relation.UNRELATED
    if key_of(earlier) is None or key_of(earlier) != key_of(later):
        return Relation.SUPPLEMENTARY
    if excuse(earlier, later, between) is not Excuse.NONE:
        return Relation.FOLLOW_UP
    return Relation.DUPLICATIVE


def excuse(earlier: Exam, later: Exam, between: Iterable[Exam] = ()) -> Excuse:
    """Say why an exam of the same kind does not count as a repeat of an earlier one."""
    if earlier.session and earlier.session == later.session:
        return Excuse.SAME_SESSION
    if parts.is_line_check(later.modality, later.region, later.text):
        return Excuse.LINE_CHECK
    if parts.is_technical_repeat(later.text):
        return Excuse.TECHNICAL
    if any(one.covers(later.modality, earlier.on, later.on) for one in earlier.follow_ups):
        return Excuse.RECOMMENDED
    happened = any(
        parts.is_procedure(one.text)
        and one.region == later.region
        and earlier.on <= one.on <= later.on
        for one in between
    )
    if happened or parts.names_new_event(later.question):
        return Excuse.EVENT
    return Excuse.NONE


@dataclass(frozen=True, slots=True)
class Pair:
    """An index exam and the next one of the same key."""

    index: Exam
    next: Exam
    excuse: Excuse

    @property
    def days(self) -> int:
        """How long after the index the next one was made."""
        return (self.next.on - self.index.on).days

    @property
    def across_sites(self) -> bool:
        """Say whether they were made at two sites."""
        return self.index.site != self.next.site


@dataclass(frozen=True, slots=True)
class Rate:
    """Repeats within `days`, among the index exams whose window lies within the data."""

    days: int
    eligible: int
    repeated: int
    across_sites: int

    @property
    def share(self) -> float | None:
        """Repeats among eligible exams, 0 to 1; None where none is eligible."""
        return self.repeated / self.eligible if self.eligible else None


def pairs(exams: Sequence[Exam]) -> tuple[Pair, ...]:
    """Join each exam of one person with the next one of the same key; the last have none."""
    of_key: dict[Key, list[Exam]] = defaultdict(list)
    for exam in sorted(exams, key=lambda one: (one.on, one.id)):
        if (key := key_of(exam)) is not None:
            of_key[key].append(exam)
    return tuple(
        Pair(first, second, excuse(first, second, exams))
        for row in of_key.values()
        for first, second in pairwise(row)
    )


def repeat_rates(
    persons: Mapping[str, Sequence[Exam]], data_end: date, windows: Sequence[int] = WINDOWS
) -> tuple[Rate, ...]:
    """Count repeats a window. An index exam whose window goes beyond the data counts nowhere."""
    exams = [one for row in persons.values() for one in row]
    indexes = [one for one in exams if key_of(one) is not None]
    found = [pair for row in persons.values() for pair in pairs(row)]
    return tuple(rate_of(days, indexes, found, data_end) for days in windows)


def rate_of(days: int, indexes: Iterable[Exam], found: Iterable[Pair], data_end: date) -> Rate:
    """Count the repeats of one window."""
    last = data_end - timedelta(days=days)
    repeats = [
        one
        for one in found
        if one.index.on <= last and one.days <= days and one.excuse is Excuse.NONE
    ]
    eligible = sum(one.on <= last for one in indexes)
    across = sum(one.across_sites for one in repeats)
    return Rate(days, eligible, len(repeats), across)
