"""How well our records and a site's own agree, and whether that is enough to go live. Pure.

Each line says what was counted, what is good, and what to do next. Shares are between 0 and 1.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from confrere.analytics.agreeing_lines import Check, Verdict, at_least, at_most
from confrere.analytics.agreeing_times import (
    IMAGES_COMPLETE,
    Course,
    courses,
)
from confrere.delivery.clocks import Skew
from confrere.imaging.model import Study
from confrere.kernel.ids import OrderId, PatientId, StudyId
from confrere.orders.model import (
    CANCELLED,
    COMPLETE,
    EXAM_COMPLETE,
    REPORT_FINAL,
    REPORTED,
    Order,
    ToldTime,
)
from confrere.patients.model import Patient
from confrere.reading.model import Report

SETTLES = timedelta(minutes=30)  # what is younger may still be on its way
FEWEST_EXAMS = 30  # below, nothing at all can be concluded of a site


@dataclass(frozen=True, slots=True)
class Records:
    """What both sides hold of a site's exams of a period."""

    orders: Sequence[Order]
    studies: Sequence[Study]
    ties: Mapping[StudyId, Sequence[OrderId]]
    reports: Sequence[Report]  # of the site's own system
    patients: Mapping[PatientId, Patient]
    told: Sequence[ToldTime]
    messages: Mapping[str, int]  # by state
    refused: Mapping[str, int]  # failed messages, by the field they name
    skews: Mapping[str, Skew]  # by the sender's name
    until: datetime


@dataclass(frozen=True, slots=True)
class Agreement:
    """The whole report."""

    checks: tuple[Check, ...]
    courses: tuple[Course, ...]
    unmapped: tuple[tuple[str, str, int], ...]  # code, text, orders; most frequent first

    @property
    def unmet(self) -> tuple[str, ...]:
        """Titles of the lines that do not hold."""
        return tuple(one.title for one in self.checks if one.verdict is not Verdict.GOOD)

    @property
    def is_ready(self) -> bool:
        """Say whether every line holds."""
        return not self.unmet


def compare(records: Records) -> Agreement:
    """Draw up the report."""
    studies = {one.id: one for one in records.studies}
    found = courses(records.told, studies, records.ties)
    checks = (
        _enough(records), _orders(records), _images(records), _codes(records),
        _patients(records), _identifiers(records), _reports(records),
        *(_times(one) for one in found), _messages(records), _clocks(records),
    )  # fmt: skip
    return Agreement(checks, found, _unmapped(records.orders))


def _done(records: Records) -> list[Order]:
    """Exams that are complete, long enough for their images to be here."""
    ripe = records.until - SETTLES
    return [
        one
        for one in records.orders
        if one.content.status in (COMPLETE, REPORTED)
        and (one.content.exam_complete_at or one.updated_at) <= ripe
    ]


def _enough(records: Records) -> Check:
    number = len(_done(records))
    enough = number >= FEWEST_EXAMS
    remedy = (
        f"Let the feeds run until {FEWEST_EXAMS} exams are complete, nights and weekends too."
    )
    return Check(
        "enough", "Exams to compare", number, FEWEST_EXAMS, f"{FEWEST_EXAMS} or more",
        Verdict.GOOD if enough else Verdict.FEW, "" if enough else remedy,
    )  # fmt: skip


def _orders(records: Records) -> Check:
    by_id = {one.id: one for one in records.studies}
    numbers: dict[OrderId, set[str]] = defaultdict(set)
    for key, tied in records.ties.items():
        if key in by_id:
            for order in tied:
                numbers[order] |= {by_id[key].accession.strip(), by_id[key].study_uid}
    done = _done(records)
    matched = sum(
        bool(numbers[one.id] & {one.content.accession, one.content.study_uid} - {""})
        for one in done
    )
    return at_least(
        "orders", "Orders whose images came under their accession number", matched, len(done),
        0.98, "Compare (0008,0050) of the images with OBR-18 (IPC-1, OBR-3) of the orders.",
        "/exceptions/unmatched",
    )  # fmt: skip


def _images(records: Records) -> Check:
    ripe = [one for one in records.studies if one.first_at <= records.until - SETTLES]
    alone = sum(not records.ties.get(one.id) for one in ripe)
    return at_most(
        "images", "Images without an order", alone, len(ripe), 0.01,
        "Tie them by hand; then see whether their orders come at all, and in time.",
        "/exceptions/unmatched",
    )  # fmt: skip


def _alive(records: Records) -> list[Order]:
    return [one for one in records.orders if one.content.status != CANCELLED]


def _codes(records: Records) -> Check:
    alive = _alive(records)
    return at_least(
        "codes", "Procedure codes mapped", sum(one.mapped for one in alive), len(alive), 0.99,
        "Map the codes below: an exam of an unknown code goes to whoever is on call.",
        "/exceptions/codes",
    )  # fmt: skip


def _unmapped(orders: Sequence[Order]) -> tuple[tuple[str, str, int], ...]:
    counted: Counter[str] = Counter()
    texts: dict[str, str] = {}
    for one in orders:
        if not one.mapped and one.content.status != CANCELLED:
            counted[one.content.procedure_code] += 1
            texts.setdefault(one.content.procedure_code, one.content.procedure_text)
    return tuple((code, texts[code], number) for code, number in counted.most_common())


def _patients(records: Records) -> Check:
    whose = {one.id: one.patient for one in records.orders}
    pairs = [
        (study, records.patients[whose[order]])
        for study in records.studies
        for order in list(records.ties.get(study.id, ()))[:1]
        if order in whose and whose[order] in records.patients
    ]
    same = sum(_is_same(study, patient) for study, patient in pairs)
    return at_least(
        "patients", "Patients that are the same in images and orders", same, len(pairs), 0.99,
        "Compare MRN, family name and birth date of the images with PID-3, PID-5, PID-7.",
    )  # fmt: skip


def _is_same(study: Study, patient: Patient) -> bool:
    said = patient.demographics
    born = said.birth_date.strftime("%Y%m%d") if said.birth_date else ""
    family = study.patient_name.partition("^")[0].strip().casefold()
    return (
        study.mrn == said.mrn
        and (not born or not study.birth_date or study.birth_date == born)
        and family == said.family.strip().casefold()
    )


def _identifiers(records: Records) -> Check:
    whose: dict[str, set[str]] = defaultdict(set)
    for study in records.studies:
        if study.accession:
            whose[study.accession].add(study.mrn)
    doubled = sum(len(mrns) > 1 for mrns in whose.values())
    number = {one.content.accession for one in records.orders}
    strange = sum(
        one.accession in number and not records.ties.get(one.id) for one in records.studies
    )
    refused = records.refused.get("OBR-18", 0)
    bad = doubled + strange + refused
    told = f"{doubled} numbers of two patients, {strange} images with another's number, {refused} messages refused. "
    return Check(
        "identifiers", "Duplicate or conflicting identifiers", bad, len(whose), "none",
        Verdict.BAD if bad else Verdict.GOOD,
        told + "Each is two patients under one number: stop, and ask the site." if bad else "",
        "/exceptions/unmatched" if strange else "/deliveries/in?state=failed" if refused else "",
    )  # fmt: skip


def _reports(records: Records) -> Check:
    imaged = {order for tied in records.ties.values() for order in tied}
    matched = sum(bool(set(one.orders) & imaged) for one in records.reports)
    remedy = "Let its system send ORU^R01 with the accession number in OBR-18 or OBR-3."
    line = at_least(
        "reports", "The site's own reports that found their exam", matched, len(records.reports),
        0.98, remedy, "/deliveries/in",
    )  # fmt: skip
    return line if records.reports else replace(line, remedy=f"No report came. {remedy}")


_TIMES = {
    EXAM_COMPLETE: (
        "Exam complete heard within 2 min of the site's time",
        "Send the status CM when the technologist ends the exam, not in batches; see the clocks.",
    ),
    IMAGES_COMPLETE: (
        "Last image here within 2 min of exam complete",
        "Let the PACS route at the end of the exam; or complete the exam once all is sent.",
    ),
    REPORT_FINAL: (
        "Final report heard within 2 min of its signature",
        "Send the ORU at signature (OBR-22), not by a nightly job; see the clocks.",
    ),
}


def _times(course: Course) -> Check:
    title, remedy = _TIMES[course.step]
    name = course.step.replace(" ", "-")
    return at_least(name, title, course.equal, len(course.all), 0.95, remedy)


def _messages(records: Records) -> Check:
    total, failed = sum(records.messages.values()), records.messages.get("failed", 0)
    return at_most(
        "messages", "Messages that failed", failed, total, 0.005,
        "Each says which field and what helps; correct it at the sender, then replay.",
        "/deliveries/in?state=failed",
    )  # fmt: skip


def _clocks(records: Records) -> Check:
    wrong = {name: one for name, one in records.skews.items() if not one.holds}
    told = " ".join(f"{name}: {one.words}." for name, one in sorted(wrong.items()))
    number = len(records.skews)
    verdict = Verdict.BAD if wrong else Verdict.GOOD if number else Verdict.FEW
    remedy = told or ("" if number else "No sender has sent enough messages to tell.")
    return Check(
        "clocks", "Senders whose clock is wrong", len(wrong), number, "none", verdict, remedy,
        "/network/peers",
    )  # fmt: skip
