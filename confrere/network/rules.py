"""The rules of eligibility as data: class, citation, dates and owner. Pure.

What a rule asks is code, found by its code word; whether it is in force, what it cites and
who answers for it is data that counsel changes without code.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from confrere.kernel.periods import in_effect

CLINICAL, BILLING = "clinical-legal", "billing"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `kind` says what unknown means: no (CLINICAL), or a billing hold (BILLING)."""

    code: str
    title: str
    kind: str
    cites: str
    owner: str
    effective_from: date
    effective_to: date | None = None

    def in_force(self, day: date) -> bool:
        """Say whether the rule is judged on a day."""
        return in_effect(day, self.effective_from, self.effective_to)


COUNSEL, MEDICAL_STAFF, COLLABORATIVE = "counsel", "medical staff office", "collaborative"
COMPLIANCE, BILLING_OFFICE, MQSA_LEAD = "compliance", "billing office", "MQSA lead"
ALWAYS = date(2000, 1, 1)

BUILT_IN = (
    Rule("ACTIVE", "Member", CLINICAL, "the collaborative", COLLABORATIVE, ALWAYS),
    Rule(
        "LIC_PATIENT", "Licence", CLINICAL, "state medical practice acts; CMS CR 7631", COUNSEL,
        ALWAYS,
    ),
    Rule("PRIV", "Privileges", CLINICAL, "42 CFR 482.22(a)", MEDICAL_STAFF, ALWAYS),
    Rule(
        "PROXY_OK", "Proxy", CLINICAL, "42 CFR 482.22(a)(3)-(4), 482.12(e); 76 FR 25550",
        MEDICAL_STAFF, date(2011, 7, 5),
    ),
    Rule("SCOPE", "Scope", CLINICAL, "hospital bylaws", MEDICAL_STAFF, ALWAYS),
    Rule("MQSA", "MQSA", CLINICAL, "21 CFR 900.12(a)(1)", MQSA_LEAD, ALWAYS),
    Rule("COVER", "Cover", CLINICAL, "policy terms; hospital bylaws", COUNSEL, ALWAYS),
    Rule(
        "SANCTION", "Sanctions", CLINICAL, "42 USC 1320a-7; OIG LEIE; SAM", COMPLIANCE, ALWAYS
    ),
    Rule("CONFLICT", "Conflict", CLINICAL, "medical staff bylaws", COUNSEL, ALWAYS),
    Rule("CONSENT_ORG", "Agreement", CLINICAL, "the agreement", COLLABORATIVE, ALWAYS),
    Rule(
        "FINAL_PRELIM", "Read type", CLINICAL,
        "the agreement; 42 CFR 415.120", COLLABORATIVE, ALWAYS,
    ),
    Rule(
        "US_LOCATION", "In the US", BILLING,
        "Medicare Benefit Policy Manual ch. 16 s. 60; CR 5427", COMPLIANCE, ALWAYS,
    ),
    Rule(
        "PAYER_ENROL", "Payer", BILLING, "42 CFR 424.80; CMS-855I and 855R", BILLING_OFFICE,
        ALWAYS,
    ),
    Rule("TAT_FEAS", "In time", CLINICAL, "the hospital's contract", COLLABORATIVE, ALWAYS),
)  # fmt: skip
CODES = tuple(one.code for one in BUILT_IN)


def as_changed(changed: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules as the program brings them, with what their owners changed."""
    own = {one.code: one for one in changed}
    return tuple(own.get(one.code, one) for one in BUILT_IN)


def rules_in_force(rules: Iterable[Rule], day: date) -> tuple[Rule, ...]:
    """The rules that are judged on a day, in the order they are shown."""
    order = {code: n for n, code in enumerate(CODES)}
    return tuple(sorted((r for r in rules if r.in_force(day)), key=lambda r: order[r.code]))
