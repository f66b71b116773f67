"""What needs a person, and what would help that person: likely orders, near misses. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from confrere.imaging.model import Study
from confrere.kernel.ids import PatientId
from confrere.network.model import Directory, Reader
from confrere.orders.model import CANCELLED, Order
from confrere.patients.model import Patient
from confrere.worklist.case import case_in
from confrere.worklist.eligibility import eligibility
from confrere.worklist.model import Item, Verdict

NEAR = timedelta(days=2)
ENOUGH = 3  # fewer points: an order that only was near in time, of somebody else
SHOWN = 12
SHORTEST_PART = 5  # characters of a number that are more than chance
NEAREST = 3
RULES = {
    "ACTIVE": "membership", "LIC_PATIENT": "licence", "PRIV": "privileges",
    "CONSENT_ORG": "agreement", "SCOPE": "competence",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Candidate:
    """An order that these images may answer. `same_patient` False needs a second look."""

    order: Order
    patient: Patient | None
    reasons: tuple[str, ...]
    points: int
    same_patient: bool


@dataclass(frozen=True, slots=True)
class Stuck:
    """An exam that nobody may read: which rules fail how often, and who comes closest."""

    item: Item
    failing: tuple[tuple[str, int], ...]
    nearest: tuple[tuple[Reader, str, tuple[Verdict, ...]], ...]
    readers: int


def candidates(
    study: Study, patient: Patient | None, orders: Iterable[Order],
    patients: Mapping[PatientId, Patient],
) -> list[Candidate]:  # fmt: skip
    """Rank the orders that may be meant, likeliest first."""
    alive = [order for order in orders if order.content.status != CANCELLED]
    judged = [_judge(study, patient, order, patients.get(order.patient)) for order in alive]
    likely = [one for one in judged if one.points >= ENOUGH]
    return sorted(likely, key=lambda one: -one.points)[:SHOWN]


def _judge(study: Study, own: Patient | None, order: Order, whose: Patient | None) -> Candidate:
    same = own is not None and whose is not None and _is_same(own, whose)
    told = [
        *_by_number(study.accession, order.content.accession),
        (3, "same patient") if same else (0, ""),
        (2, "same name and birth date") if not same and _alike(study, whose) else (0, ""),
        (1, "same modality") if order.modality in study.modalities else (0, ""),
        (1, "near in time") if _is_near(study, order) else (0, ""),
    ]
    points = sum(one for one, _ in told)
    return Candidate(order, whose, tuple(words for _, words in told if words), points, same)


def _is_same(one: Patient, other: Patient) -> bool:
    return one.id == other.id or (one.person is not None and one.person == other.person)


def _by_number(mine: str, theirs: str) -> list[tuple[int, str]]:
    a, b = mine.strip().upper(), theirs.strip().upper()
    if a and a == b:
        return [(4, "same accession number")]
    short, long = sorted((a.lstrip("0"), b.lstrip("0")), key=len)
    if len(short) >= SHORTEST_PART and short in long:
        return [(2, "similar accession number")]
    return []


def _alike(study: Study, whose: Patient | None) -> bool:
    if whose is None or whose.demographics.birth_date is None:
        return False
    said = whose.demographics
    family = study.patient_name.partition("^")[0].strip().casefold()
    return family == said.family.casefold() and said.birth_date == day_of(study.birth_date)


def _is_near(study: Study, order: Order) -> bool:
    told = order.content.exam_complete_at or order.content.ordered_at
    on = day_of(study.study_date)
    return told is not None and on is not None and abs(told.date() - on) <= NEAR


def day_of(text: str) -> date | None:
    """Read DICOM's DA; None where it is none."""
    try:
        return date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:8]}")
    except ValueError:
        return None


def stuck(item: Item, directory: Directory, at: datetime) -> Stuck:
    """Judge every reader on an exam; the nearest fail the fewest rules."""
    fails = {
        reader.id: tuple(
            verdict
            for verdict in eligibility(case_in(directory, item, reader, at))
            if not verdict.holds
        )
        for reader in directory.readers.values()
    }
    counted = Counter(verdict.rule for why in fails.values() for verdict in why)
    order = sorted(fails, key=lambda one: (len(fails[one]), directory.readers[one].name))
    nearest = tuple(
        (
            directory.readers[one],
            directory.groups[directory.readers[one].group].name,
            fails[one],
        )
        for one in order[:NEAREST]
    )
    failing = tuple((RULES.get(rule, rule), count) for rule, count in counted.most_common())
    return Stuck(item, failing, nearest, len(fails))
