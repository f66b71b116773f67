"""Who may lawfully read an exam. Pure: no clock, no database, no network.

Every rule gives a verdict with its reason and remedy, also after the first that fails, so
that "why not me" shows them all. For clinical-legal rules unknown is no; for those of billing
unknown offers the exam and holds the bill.
"""

from collections.abc import Callable
from types import MappingProxyType

from confrere.kernel.ids import AgreementId, GroupId
from confrere.network.rules import BILLING, Rule, rules_in_force
from confrere.worklist.case import Case, Finding
from confrere.worklist.competence import mammography, scope
from confrere.worklist.consent import consent, read_type
from confrere.worklist.lending import ANY_READ
from confrere.worklist.liability import conflict, cover, sanction
from confrere.worklist.licensure import active, licence, privilege, proxy
from confrere.worklist.model import Item, Outcome, Verdict
from confrere.worklist.payment import enrolment, us_location

Judge = Callable[[Case], Finding]
# TAT_FEAS is not here: it is judged over all candidates, by `feasibility`
JUDGES: MappingProxyType[str, Judge] = MappingProxyType(
    {
        "ACTIVE": active,
        "LIC_PATIENT": licence,
        "PRIV": privilege,
        "PROXY_OK": proxy,
        "SCOPE": scope,
        "MQSA": mammography,
        "COVER": cover,
        "SANCTION": sanction,
        "CONFLICT": conflict,
        "CONSENT_ORG": consent,
        "FINAL_PRELIM": read_type,
        "US_LOCATION": us_location,
        "PAYER_ENROL": enrolment,
    }
)


def eligibility(case: Case) -> tuple[Verdict, ...]:
    """Try every rule in force on one reader, in the order they are shown."""
    return tuple(
        verdict_of(rule, JUDGES[rule.code](case), is_urgent=case.is_urgent)
        for rule in rules_in_force(case.rules, case.day)
        if rule.code in JUDGES
    )


def verdict_of(rule: Rule, found: Finding, *, is_urgent: bool) -> Verdict:
    """Weigh a finding by its class: what billing lacks offers, and never blocks STAT or ED."""
    is_billing = (found.kind or rule.kind) == BILLING
    lacks = found.outcome is Outcome.UNKNOWN or (found.outcome is Outcome.FAILS and is_urgent)
    return Verdict(
        rule.code, found.outcome, found.because, found.remedy, rule.cites, is_billing and lacks
    )


def is_eligible(verdicts: tuple[Verdict, ...]) -> bool:
    """Say whether no rule stands in the way."""
    return all(verdict.holds for verdict in verdicts)


def holds_bill(verdicts: tuple[Verdict, ...]) -> bool:
    """Say whether the charge must wait until a billing rule is cleared."""
    return any(verdict.billing_hold for verdict in verdicts)


def agreement_used(case: Case) -> AgreementId | None:
    """The agreement under which this reader would read; None within the owner group."""
    found = None if case.is_own else (case.lent().agreement or case.lent(ANY_READ).agreement)
    return found.id if found else None


def may_know_patient(reader_group: GroupId, item: Item, verdicts: tuple[Verdict, ...]) -> bool:
    """Say whether a "why not me" may name the patient: the owner group's own readers may."""
    return reader_group == item.owner_group or is_eligible(verdicts)
