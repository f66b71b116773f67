"""The rules of risk: COVER, SANCTION and CONFLICT. Pure."""

from datetime import date, timedelta

from confrere.network.credentials import (
    CLAIMS_MADE,
    EXCLUDED,
    FACILITY,
    LEIE,
    SAM,
    TELERADIOLOGY,
    Cover,
    SanctionCheck,
    in_force,
    includes,
)
from confrere.network.rules import BILLING
from confrere.worklist.case import Case, Finding, fails, holds, unknown

SELF_OR_KIN = "the reader has a conflict of interest with this patient"
CHECK_WITHIN, ALERT_FOR = timedelta(days=31), timedelta(days=7)
ASKED_SOURCES = (LEIE, SAM)


def cover(case: Case) -> Finding:
    """One policy in force covers this reader, state, activity, modality and exam date."""
    policies = case.reader.covers
    if not policies:
        return unknown("no malpractice cover on record", "record the policy")
    each = [(one, _uncovered(one, case)) for one in policies]
    best, gap = min(each, key=lambda pair: (len(pair[1]), -pair[0].valid_to.toordinal()))
    if not gap:
        return holds(f"covered by {best.policy}, valid to {best.valid_to}")
    return fails(f"policy {best.policy}: {'; '.join(gap)}", "amend the cover with the insurer")


def _uncovered(one: Cover, case: Case) -> list[str]:
    gaps, modality, activity = [], case.item.modality, _activity(case)
    if not in_force(one, case.day):
        word = "lapsed" if one.valid_to < case.day else "not yet in force"
        gaps.append(f"{word} ({one.valid_from} to {one.valid_to})")
    if one.form == CLAIMS_MADE and (one.retro_date is None or case.exam_day < one.retro_date):
        gaps.append(f"the exam is before its retroactive date {one.retro_date}")
    if not includes(one.states, case.site.state):
        gaps.append(f"not in {case.site.state}")
    if modality and not includes(one.modalities, modality):
        gaps.append(f"not for {modality}")
    if not one.activities & activity:
        gaps.append(f"not for {' or '.join(sorted(activity))}")
    each = one.mammography_each_claim if modality == "MG" else None
    each = one.each_claim if each is None else each
    if case.site.each_claim is not None and each < case.site.each_claim:
        gaps.append(f"each claim {each:,.0f}, the site asks for {case.site.each_claim:,.0f}")
    if case.site.aggregate is not None and one.aggregate < case.site.aggregate:
        gaps.append(
            f"aggregate {one.aggregate:,.0f}, the site asks for {case.site.aggregate:,.0f}"
        )
    return gaps


def _activity(case: Case) -> frozenset[str]:
    """Who reads for another group reads from afar; the own group may sit in the facility."""
    return frozenset({TELERADIOLOGY} | ({FACILITY} if case.is_own else set()))


def _last(checks: tuple[SanctionCheck, ...], day: date) -> dict[str, SanctionCheck]:
    """The last look into each list up to a day."""
    last: dict[str, SanctionCheck] = {}
    for one in sorted(checks, key=lambda c: c.checked_on):
        if one.checked_on <= day:
            last[one.source] = one
    return last


def sanction(case: Case) -> Finding:
    """Not on a list of excluded people; looked up within a month.

    A known exclusion is a clinical-legal no. A missed check is an office's lapse: for a week
    it alerts, then it closes what is not STAT or ED.
    """
    return checked(case.reader.checks, case.day)


def checked(checks: tuple[SanctionCheck, ...], day: date) -> Finding:
    """Judge the look-ups that were made up to a day."""
    last = _last(checks, day)
    if found := [one for one in last.values() if one.result == EXCLUDED]:
        return fails(
            f"on the exclusion list {found[0].source}", "none: this person may not read"
        )
    missing = [source for source in ASKED_SOURCES if source not in last]
    if missing:
        because = f"never checked against {' and '.join(missing)}"
        return fails(because, "check and record the result", BILLING)
    oldest = min((last[source] for source in ASKED_SOURCES), key=lambda one: one.checked_on)
    because = f"{oldest.source} last checked {oldest.checked_on}"
    if day <= oldest.checked_on + CHECK_WITHIN:
        return holds(because)
    if day <= oldest.checked_on + CHECK_WITHIN + ALERT_FOR:
        return unknown(
            f"{because}: overdue", "check it this week and record the result", BILLING
        )
    return fails(f"{because}: overdue for more than a week", "check and record it", BILLING)


def conflict(case: Case) -> Finding:
    """Neither patient, kin, opponent nor orderer; and nobody has excluded the reader."""
    for one in case.exclusions:
        if one.reader != case.reader.id or not in_force(one, case.day):
            continue
        if one.site is not None and one.site == case.item.site:
            return fails(f"{case.site.short_name} has excluded the reader", "ask the hospital")
        if one.patient is not None and one.patient == case.item.patient:
            return fails(SELF_OR_KIN, "another reader must read it")
    if case.reader.npi and case.reader.npi in case.item.orderers:
        return fails("the reader ordered this exam", "another reader must read it")
    return holds("none on record")
