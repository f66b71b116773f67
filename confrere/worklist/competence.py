"""The rules of skill: SCOPE and MQSA. Pure."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from confrere.network.credentials import (
    DECLARED,
    FacilityCertificate,
    MammographyCount,
    current,
    lasts_longest,
    months_after,
    quarter_end_before,
)
from confrere.network.model import Reader, Site
from confrere.worklist.case import Case, Finding, exam_day_of, fails, holds, unknown
from confrere.worklist.model import Item, Outcome

DAY = timedelta(days=1)
MAMMOGRAPHY, PET = "MG", "PT"
PEDIATRIC, CARDIAC, INTERVENTION, PET_SKILL = "peds", "cardiac", "ir", "pet"
LEAST_READS, LEAST_CME = 960, Decimal(15)
READS_MONTHS, CME_MONTHS = 24, 36
INSPECTED_MONTHS = 14  # inspections are yearly; a later one is on its way into the record


def needs(item: Item, site: Site, at: datetime) -> dict[str, bool]:
    """The competences an exam asks for; True where evidence must be on record."""
    explicit = item.subspecialty in (PEDIATRIC, INTERVENTION) or (
        item.subspecialty == CARDIAC and item.modality in ("CT", "MR")
    )
    asked = {item.subspecialty: explicit}
    if item.modality == PET:
        asked[PET_SKILL] = True
    if _is_child(item, site, at):
        asked[PEDIATRIC] = True
    return asked


def _is_child(item: Item, site: Site, at: datetime) -> bool:
    born, limit = item.birth_date, site.child_below
    return bool(limit and born and exam_day_of(item, at) < months_after(born, 12 * limit))


def scope(case: Case) -> Finding:
    """The reader has every competence that the exam asks for.

    An exam that nobody has typed stays with its own group.
    """
    if not case.item.subspecialty:
        if case.is_own:
            return holds("unmapped exam: its own group's readers")
        because = "unmapped exam: its own group's readers only"
        return fails(because, "map the procedure code on the exceptions page")
    asked = needs(case.item, case.site, case.at)
    for code, explicit in asked.items():
        held = [one for one in case.reader.competences if one.code == code]
        able = current(held, case.day)
        if not able:
            return _lacks(case, code, lasts_longest(held))
        if explicit and all(one.basis == DECLARED for one in able):
            because = f"reads {code}, but nothing on record shows it"
            return unknown(because, "record the certificate, fellowship or case log")
    return holds(f"reads {', '.join(asked)}")


def _lacks(case: Case, code: str, latest: object) -> Finding:
    if latest is not None:
        return fails(f"the competence {code} is not valid today", "renew it")
    reads = sorted({one.code for one in current(case.reader.competences, case.day)})
    because = f"does not read {code} (reads {', '.join(reads) or 'nothing recorded'})"
    return fails(because, "record the competence with its evidence")


def mammography(case: Case) -> Finding:
    """For mammography: initial and continuing requirements, and the facility's own papers."""
    if case.item.modality != MAMMOGRAPHY:
        return holds("not mammography")
    return reads_mammograms(case.reader, case.site, case.day)


def reads_mammograms(reader: Reader, site: Site, day: date) -> Finding:
    """Say whether a reader may read a site's mammograms on a day."""
    certificate = lasts_longest(current(site.certificates, day))
    if certificate is None:
        because = f"{site.short_name} has no MQSA certificate in force"
        return fails(because, "record the facility's certificate")
    files = [one for one in reader.mammography_files if one.site == site.id]
    papers = lasts_longest(current(files, day))
    if papers is None:
        return unknown(
            f"{site.short_name} does not hold the reader's MQSA documents",
            "send the documents to the facility and record it",
        )
    if papers.workstation_tested_to < day:
        because = f"the workstation's physicist test ended {papers.workstation_tested_to}"
        return fails(because, "have the workstation tested")
    started = [one for one in reader.mammography_starts if one.initial_on <= day]
    if not started:
        return unknown("no initial MQSA qualification on record", "record it")
    trained = frozenset().union(*(one.modalities for one in started))
    if missing := sorted(certificate.modalities - trained):
        return fails(f"no training in {missing[0]}", "eight hours of the new modality")
    return _continuing(reader, certificate, min(one.initial_on for one in started), day)


def _continuing(
    reader: Reader, certificate: FacilityCertificate, initial: date, day: date
) -> Finding:
    inspected = certificate.inspected_on
    if inspected > day or months_after(inspected, INSPECTED_MONTHS) < day:
        return unknown(f"last inspection on record {inspected}", "record the last inspection")
    first, last = quarter_end_before(inspected), inspected
    counted = [one for one in reader.mammography_counts if first <= one.counted_to <= last]
    reads = _enough_reads(counted, months_after(initial, READS_MONTHS) > last)
    if reads.outcome is not Outcome.HOLDS:
        return reads
    hours = max((one.cme_hours for one in counted), default=None)
    if months_after(initial, CME_MONTHS) > last or (hours is not None and hours >= LEAST_CME):
        return reads
    told = "no CME on record" if hours is None else f"{hours} CME hours in 36 months"
    return fails(f"{told}; MQSA asks for 15", "earn and record category 1 CME in mammography")


def _enough_reads(counted: list[MammographyCount], is_new: bool) -> Finding:
    """The facility may choose any day from the quarter's end before the inspection on."""
    if is_new:
        return holds("MQSA: within the first 24 months")
    best = max(counted, key=lambda one: one.reads, default=None)
    if best is None:
        return unknown(
            "no count of mammograms up to the inspection or the quarter's end before it",
            "record the count",
        )
    if best.reads < LEAST_READS:
        because = (
            f"{best.reads} mammograms in the 24 months to {best.counted_to}; MQSA asks for 960"
        )
        return fails(because, "requalify under direct supervision")
    return holds(f"MQSA: {best.reads} mammograms in the 24 months to {best.counted_to}")


def mammography_changes(site: Site) -> list[date]:
    """The days on which a facility's papers begin to serve, or cease to."""
    found = []
    for one in site.certificates:
        after = months_after(one.inspected_on, INSPECTED_MONTHS)
        found += [one.valid_from, one.valid_to + DAY, one.inspected_on, after + DAY]
    return found
