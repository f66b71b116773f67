"""The rules of payment: PAYER_ENROL and US_LOCATION. Unknown offers and holds the bill. Pure."""

from confrere.network.credentials import (
    MEDICAID,
    MEDICARE,
    UNITED_STATES,
    current,
)
from confrere.network.rules import BILLING, CLINICAL
from confrere.worklist.case import Case, Finding, attested_country, fails, holds, unknown

FEDERAL = frozenset({MEDICARE, MEDICAID})
NOT_TOLD = "the order does not tell the payer"
SELF_PAY = "self-pay"


def enrolment(case: Case) -> Finding:
    """Enrolled with the payer under a tax number that may bill.

    Medicare's contractor is that of the place of interpretation; other payers go by the site.
    """
    payer = case.item.payer_class
    if not payer:
        return unknown(NOT_TOLD, "add the insurance to the order")
    if payer == SELF_PAY:
        return holds("no payer to be enrolled with")
    groups = (case.item.owner_group, case.reader.group)
    tins = {case.tins.get(one, "") for one in groups} - {""}
    if not tins:
        return unknown("neither group's tax number is on record", "record the billing TIN")
    state = case.seat[1] if payer == MEDICARE else case.site.state
    known = [one for one in case.reader.enrolments if one.payer == payer and one.tin in tins]
    able = [one for one in current(known, case.day) if one.state == state]
    if able:
        return holds(f"enrolled with {payer} in {state} under {able[0].tin}")
    if known:
        because = f"the enrolment with {payer} is not in force in {state or 'an unknown state'}"
        return fails(because, "renew or extend the enrolment")
    return unknown(f"no enrolment with {payer} on record", "enrol, or record the enrolment")


def us_location(case: Case) -> Finding:
    """In the United States while reading, where the payer or the contract asks for it.

    Medicare pays for no part done outside: a known stay abroad is a no, even for STAT.
    """
    payer, bound = case.item.payer_class, case.site.forbids_offshore
    if payer and payer not in FEDERAL and not bound:
        return holds(f"not asked for by {payer}")
    country = attested_country(case.reader, case.at)
    if country == UNITED_STATES:
        return holds("attested to read in the United States")
    kind = CLINICAL if bound else BILLING
    who = "the contract" if bound else payer or "the payer"
    if not country:
        return unknown(
            "no attested reading location now", "attest where you read from today", kind
        )
    because = f"reads in {country}; {who} asks for the United States"
    if payer in FEDERAL or bound:
        return fails(because, "read from within the United States", CLINICAL)
    return unknown(f"{because}, if it is Medicare or Medicaid", "add the insurance", BILLING)
