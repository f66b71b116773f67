"""The local worklist: what came in here, what the centre last said of it, what was done here. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from confrere.gateway.model import WORDS, Ordered, Study


class Standing(StrEnum):
    """How an exam stands, as far as is known here."""

    OPEN = "to be read"
    BEGUN = "being read here"
    PRELIMINARY = "preliminary here"
    FINAL = "final here"
    HELD = "held at the centre"
    READ = "read at the centre"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Word:
    """What the centre last said of an exam of this site."""

    study_uid: str
    accessions: tuple[str, ...]
    mrn: str
    state: str
    by: str
    reader: str  # who holds it; empty for nobody
    outside: bool  # the site's own system reads it
    since: str  # ISO 8601

    @staticmethod
    def of(told: Mapping[str, Any]) -> "Word":
        """Read it as it came."""
        return Word(
            str(told.get("study_uid", "")), tuple(map(str, told.get("accessions", []))),
            str(told.get("mrn", "")), str(told.get("state", "")), str(told.get("by", "")),
            str(told.get("reader", "")), bool(told.get("outside")), str(told.get("since", "")),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mine:
    """What was done here with an exam. Times are seconds since 1970."""

    study_uid: str
    user: str
    reader: str
    name: str
    opened: float
    touched: float
    images: int  # so many the reader's page showed last
    images_at: float
    taken_over: str
    signed: str  # "", preliminary or final


@dataclass(frozen=True, slots=True)
class Exam:
    """One line of the local worklist."""

    study: Study
    order: Ordered | None
    word: Word | None
    mine: Mine | None

    @property
    def rank(self) -> int:
        """STAT, urgent or routine, by its images or its order, whichever is more urgent."""
        return min(self.study.rank, self.order.rank) if self.order else self.study.rank

    @property
    def level(self) -> str:
        """The rank in words."""
        return WORDS[self.rank]

    @property
    def description(self) -> str:
        """What was done."""
        ordered = self.order.procedure if self.order else ""
        return ordered or self.study.description or self.study.modality or "Exam"

    @property
    def question(self) -> str:
        """What the referrer asks."""
        return self.order.question if self.order else ""

    @property
    def names_differ(self) -> bool:
        """Say whether order and images name different patients: somebody must look."""
        return bool(
            self.order and self.order.mrn and self.study.mrn
            and self.order.mrn != self.study.mrn
        )  # fmt: skip

    @property
    def standing(self) -> Standing:
        """How it stands; what was done here goes before what the centre said earlier."""
        if self.mine:
            if self.mine.signed:
                return Standing(f"{self.mine.signed} here")
            return Standing.BEGUN
        word = self.word
        if word and word.state in ("final", "external"):
            return Standing.READ
        if (word and word.state == "cancelled") or (self.order and self.order.is_cancelled):
            return Standing.CANCELLED
        if word and (word.reader or word.outside):
            return Standing.HELD
        return Standing.OPEN


def listed(
    studies: Sequence[Study], orders: Iterable[Ordered], words: Iterable[Word],
    mine: Mapping[str, Mine],
) -> list[Exam]:  # fmt: skip
    """Bring all together: what is to be read first, STAT first, then what came first."""
    ordered = {one.accession: one for one in orders}
    known = list(words)
    by_uid = {one.study_uid: one for one in known if one.study_uid}
    by_number = {number: one for one in known for number in one.accessions if number}
    found = []
    for study in studies:
        word = by_uid.get(study.uid) or by_number.get(study.accession)
        if word and word.mrn and study.mrn and word.mrn != study.mrn:
            word = None  # another patient's exam with the same number
        order = ordered.get(study.accession) if study.accession else None
        found.append(Exam(study, order, word, mine.get(study.uid)))
    return sorted(found, key=lambda one: (_group(one), one.rank, one.study.first))


def without_images(
    studies: Sequence[Study], orders: Iterable[Ordered], words: Iterable[Word]
) -> list[Ordered]:
    """Orders of which no image is here, and that are not known to be over; STAT first."""
    here = {one.accession for one in studies}
    over = {
        number
        for one in words
        if one.state in ("final", "external", "cancelled")
        for number in one.accessions
    }
    waiting = [
        one for one in orders if not one.is_cancelled and one.accession not in here | over
    ]
    return sorted(waiting, key=lambda one: one.rank)


_DONE = (Standing.FINAL, Standing.READ, Standing.CANCELLED)


def _group(exam: Exam) -> int:
    return 1 if exam.standing in _DONE else 0
