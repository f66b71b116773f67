"""The rules between groups: CONSENT_ORG and FINAL_PRELIM. Pure."""

from confrere.worklist.case import Case, Finding, fails, holds, unknown
from confrere.worklist.lending import ANY_READ


def consent(case: Case) -> Finding:
    """The reader's own group owns the exam, or an agreement in force now covers it."""
    if case.is_own:
        return holds("own group's exam")
    found = case.lent(ANY_READ)
    if found.agreement:
        return holds(f"agreement {found.agreement.title!r} in force")
    return fails(found.why_not, found.remedy)


def read_type(case: Case) -> Finding:
    """The agreement lets this group write the kind of report that is meant.

    Only a final, signed report is billable; a preliminary reader makes no charge.
    """
    if case.is_own:
        return holds("own group's exam: preliminary or final")
    found = case.lent()
    if found.agreement:
        kinds = " or ".join(sorted(found.agreement.read_types)) or "any report"
        return holds(f"{kinds} by agreement {found.agreement.title!r}")
    if case.lent(ANY_READ).agreement is None:
        return unknown("no agreement says which report", "see the agreement between the groups")
    return fails(found.why_not, "sign the kind that the agreement names, or amend it")
