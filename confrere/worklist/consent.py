"""The rules between groups: CONSENT_ORG and FINAL_PRELIM. Pure."""

from confrere.network.agreements import between, covers
from confrere.network.model import Agreement
from confrere.worklist.case import (
    FINAL,
    OVER_READ,
    PRELIMINARY,
    Case,
    Finding,
    fails,
    holds,
    unknown,
)


def consent(case: Case) -> Finding:
    """The reader's own group owns the exam, or an agreement in force now covers it."""
    if case.is_own:
        return holds("own group's exam")
    if case.covering:
        return holds(f"agreement {case.covering[0].title!r} in force")
    item = case.item
    offers = between(case.agreements, item.owner_group, case.reader.group)
    if not offers:
        return fails("no agreement between the two groups", "propose an agreement")
    because = "; ".join(
        covers(one, item.site, item.subspecialty, item.priority, case.at) for one in offers
    )
    return fails(because, "the owner group may change or resume it")


def read_type(case: Case) -> Finding:
    """The agreement lets this group write the kind of report that is meant.

    Only a final, signed report is billable; a preliminary reader makes no charge.
    """
    if case.is_own:
        return holds("own group's exam: preliminary or final")
    if not case.covering:
        return unknown("no agreement says which report", "see the agreement between the groups")
    allowed = [one for one in case.covering if allows(one, case.read_type)]
    if allowed:
        return holds(f"{allowed[0].read_type} by agreement {allowed[0].title!r}")
    title = case.covering[0].title
    because = f"agreement {title!r} is for preliminary reports; the owner group signs final"
    return fails(because, "sign preliminary, or amend the agreement")


def allows(agreement: Agreement, wanted: str) -> bool:
    """Say whether an agreement allows a kind of report; anything does for an empty wish."""
    if wanted in ("", PRELIMINARY):
        return True
    return wanted == FINAL and agreement.read_type in (FINAL, OVER_READ)
