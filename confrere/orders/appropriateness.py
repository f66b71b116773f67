"""Whether an exam may not be needed: rules as data, each with its source. Pure.

A rule only advises. It fires when all that it asks is *known* to hold: where the indication is
not told, a rule that lists exceptions stays silent. Denied words count as said ("no trauma"
names trauma), so that doubt silences a rule and never a clinician.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta

from confrere.kernel.periods import in_effect
from confrere.orders import parts
from confrere.orders.duplicates import Exam
from confrere.orders.suggesting import words_of


@dataclass(frozen=True, slots=True)
class When:
    """What must hold; what is left empty is not asked.

    `modalities` of plain films are XR. `procedure` words: all must be in the exam's words.
    The indication fits by one of the `indication` phrases or one of the `diagnoses`
    (beginnings of ICD-10-CM codes); one of `unless` or `unless_diagnoses` silences the rule.
    `egfr_below` is in mL/min/1.73 m2. `unless_recent` is (modality, region, days): such an
    exam within so many days silences the rule.
    """

    modalities: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    procedure: tuple[str, ...] = ()
    contrast: tuple[str, ...] = ()
    indication: tuple[str, ...] = ()
    diagnoses: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    unless_diagnoses: tuple[str, ...] = ()
    age_from: int | None = None
    age_below: int | None = None
    sex: str = ""
    egfr_below: int | None = None
    unless_recent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AppropriatenessRule:
    """One rule. `says` completes "may not be needed:", `cites` is the source.

    `area` is a priority clinical area of 42 CFR 414.94(e)(5) where it lies in one.
    """

    code: str
    version: int
    title: str
    says: str
    cites: str
    owner: str
    effective_from: date
    effective_to: date | None
    when: When
    area: str = ""
    origin: str = "example"  # or the name of the loaded set

    def in_force(self, day: date) -> bool:
        """Say whether it is tried on a day."""
        return in_effect(day, self.effective_from, self.effective_to)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known at the order; None or empty is not known."""

    indication: str = ""
    diagnoses: tuple[str, ...] = ()
    age: int | None = None
    sex: str = ""
    egfr: float | None = None
    recent: tuple[Exam, ...] = ()


@dataclass(frozen=True, slots=True)
class Doubt:
    """A rule that fired, and on what."""

    rule: AppropriatenessRule
    because: str


FIELDS = tuple(one.name for one in fields(When))


def doubts(
    ordered: Exam, known: Circumstances, rules: Sequence[AppropriatenessRule]
) -> tuple[Doubt, ...]:
    """Try every rule in force on the day of the order."""
    tried = (rule for rule in rules if rule.in_force(ordered.on))
    return tuple(
        Doubt(rule, because)
        for rule in tried
        if (because := _fires(rule.when, ordered, known)) is not None
    )


def _fires(when: When, ordered: Exam, known: Circumstances) -> str | None:
    """Say on what a rule fires; None where it does not."""
    if not _fits_exam(when, ordered) or not _fits_person(when, known):
        return None
    said = f"{known.indication} {ordered.question}".strip()
    told = bool(said or known.diagnoses)
    if (when.unless or when.unless_diagnoses or when.indication or when.diagnoses) and not told:
        return None
    if _first_phrase(when.unless, said) or _first_code(when.unless_diagnoses, known.diagnoses):
        return None
    reasons = _person_reasons(when, known)
    if when.indication or when.diagnoses:
        hit = _first_phrase(when.indication, said) or _first_code(
            when.diagnoses, known.diagnoses
        )
        if not hit:
            return None
        reasons = (f"the indication says {hit}", *reasons)
    if _silenced_by_recent(when, ordered, known.recent):
        return None
    return ", ".join(reasons) or "the exam ordered"


def _fits_exam(when: When, ordered: Exam) -> bool:
    return (
        (not when.modalities or parts.family(ordered.modality) in when.modalities)
        and (not when.regions or ordered.region in when.regions)
        and set(when.procedure) <= words_of(ordered.text)
        and (not when.contrast or ordered.contrast in when.contrast)
        and not parts.is_procedure(ordered.text)
    )


def _fits_person(when: When, known: Circumstances) -> bool:
    if when.age_from is not None and (known.age is None or known.age < when.age_from):
        return False
    if when.age_below is not None and (known.age is None or known.age >= when.age_below):
        return False
    if when.sex and known.sex != when.sex:
        return False
    return when.egfr_below is None or (known.egfr is not None and known.egfr < when.egfr_below)


def _person_reasons(when: When, known: Circumstances) -> tuple[str, ...]:
    reasons = []
    if when.age_below is not None or when.age_from is not None:
        reasons.append(f"age {known.age}")
    if when.egfr_below is not None and known.egfr is not None:
        reasons.append(f"eGFR {known.egfr:g}")
    return tuple(reasons)


def _silenced_by_recent(when: When, ordered: Exam, recent: Iterable[Exam]) -> bool:
    if not when.unless_recent:
        return False
    modality, region, days = when.unless_recent
    since = ordered.on - timedelta(days=int(days))
    return any(
        parts.family(one.modality) == modality and one.region == region and one.on >= since
        for one in recent
    )


def _first_phrase(phrases: Iterable[str], text: str) -> str:
    plain = " ".join(text.casefold().split())
    found = (one for one in phrases if re.search(rf"(?<!\w){re.escape(one.casefold())}", plain))
    return next((f"\N{LEFT DOUBLE QUOTATION MARK}{one}\N{RIGHT DOUBLE QUOTATION MARK}"
                 for one in found), "")  # fmt: skip


def _first_code(starts: Iterable[str], codes: Iterable[str]) -> str:
    wanted = tuple(_plain(one) for one in starts)
    return next((one for one in codes if _plain(one).startswith(wanted)), "") if wanted else ""


def _plain(code: str) -> str:
    return code.upper().replace(".", "").strip()


_EGFR = re.compile(r"\begfr\D{0,12}(\d{1,3}(?:\.\d+)?)", re.IGNORECASE)


def egfr_in(text: str) -> float | None:
    """The eGFR that notes tell, in mL/min/1.73 m2; None where they tell none."""
    found = _EGFR.search(text)
    return float(found[1]) if found else None
