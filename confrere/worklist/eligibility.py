"""Who may lawfully read an exam. Pure: no clock, no database, no network.

Every rule gives a verdict with its reason and remedy, also after the first that fails, so
that "why not me" shows them all. For these clinical-legal rules, unknown is no.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from confrere.kernel.ids import AgreementId, GroupId
from confrere.network.model import BY_PROXY, Agreement, Reader, Site
from confrere.worklist.lending import lent
from confrere.worklist.model import Item, Verdict


@dataclass(frozen=True, slots=True)
class Case:
    """What the rules look at: one exam, one reader, the facts, the instant."""

    item: Item
    reader: Reader
    site: Site
    agreements: tuple[Agreement, ...]
    at: datetime
    read_type: str = ""  # known at the signature


def eligibility(case: Case) -> tuple[Verdict, ...]:
    """Try every rule on one reader, in the order they are shown."""
    return tuple(rule(case) for rule in RULES)


def is_eligible(verdicts: tuple[Verdict, ...]) -> bool:
    """Say whether all rules hold."""
    return all(verdict.holds for verdict in verdicts)


def agreement_used(case: Case) -> AgreementId | None:
    """The agreement under which this reader would read; None within the owner group."""
    found = lent(case.item, case.reader, case.agreements, case.at, case.read_type).agreement
    return found.id if found else None


def licence(case: Case) -> Verdict:
    """An active licence in the state where the patient lay and the image was made."""
    state, day = case.site.state, case.at.astimezone(UTC).date()
    cites = "state medical practice acts; CMS CR 7631"
    held = [one for one in case.reader.licences if one.state == state]
    for one in held:
        if one.status == "active" and one.valid_from <= day <= one.valid_to:
            because = f"licence {state} {one.number}, valid to {one.valid_to}"
            return Verdict("LIC_PATIENT", holds=True, because=because, cites=cites)
    latest = max(held, key=lambda one: one.valid_to, default=None)
    if latest is None:
        because, remedy = (
            f"no licence in {state}",
            f"obtain a licence in {state} (IMLC may speed it)",
        )
    elif latest.status != "active":
        because = f"licence {state} {latest.number} is {latest.status}"
        remedy = "clear the licence's status with the state board"
    elif latest.valid_from > day:
        because = f"licence {state} {latest.number} starts {latest.valid_from}"
        remedy = "wait for its first day"
    else:
        because, remedy = (
            f"licence {state} {latest.number} lapsed {latest.valid_to}",
            "renew it",
        )
    return Verdict("LIC_PATIENT", holds=False, because=because, remedy=remedy, cites=cites)


def privilege(case: Case) -> Verdict:
    """Current privileges at the performing site for the exam's modality."""
    day, item, cites = case.at.astimezone(UTC).date(), case.item, "42 CFR 482.22(a)"
    here = [
        one
        for one in case.reader.privileges
        if one.site == item.site and one.scope in ("all", item.modality)
    ]
    for one in here:
        if one.valid_from <= day <= one.valid_to:
            path = "by proxy" if one.path == BY_PROXY else "full file"
            because = f"privileged at {case.site.short_name} ({path}), valid to {one.valid_to}"
            return Verdict("PRIV", holds=True, because=because, cites=cites)
    if here:
        latest = max(one.valid_to for one in here)
        because, remedy = f"privileges at {case.site.short_name} lapsed {latest}", "reappoint"
    else:
        because = f"no privileges at {case.site.short_name} for {item.modality or 'this exam'}"
        remedy = "apply at the medical staff office, or by proxy"
    return Verdict("PRIV", holds=False, because=because, remedy=remedy, cites=cites)


def consent(case: Case) -> Verdict:
    """The reader's own group owns the exam, or an agreement in force now covers it."""
    if case.reader.group == case.item.owner_group:
        return Verdict("CONSENT_ORG", holds=True, because="own group's exam")
    found = lent(case.item, case.reader, case.agreements, case.at, case.read_type)
    if found.agreement:
        because = f"agreement {found.agreement.title!r} in force"
        return Verdict("CONSENT_ORG", holds=True, because=because)
    return Verdict("CONSENT_ORG", holds=False, because=found.why_not, remedy=found.remedy)


def scope(case: Case) -> Verdict:
    """The exam's subspecialty is among the reader's; an unmapped exam stays at home."""
    wanted, reader = case.item.subspecialty, case.reader
    if not wanted:
        own = reader.group == case.item.owner_group
        because = "unmapped exam: its own group's readers" + ("" if own else " only")
        remedy = "" if own else "map the procedure code on the exceptions page"
        return Verdict("SCOPE", holds=own, because=because, remedy=remedy)
    if wanted in reader.subspecialties:
        return Verdict("SCOPE", holds=True, because=f"reads {wanted}")
    reads = ", ".join(sorted(reader.subspecialties)) or "nothing recorded"
    return Verdict(
        "SCOPE",
        holds=False,
        because=f"does not read {wanted} (reads {reads})",
        remedy="record the competence with its evidence",
    )


def active(case: Case) -> Verdict:
    """The reader is a current member of their group."""
    if case.reader.active:
        return Verdict("ACTIVE", holds=True, because="current member")
    return Verdict("ACTIVE", holds=False, because="no longer a member", remedy="reinstate")


RULES: tuple[Callable[[Case], Verdict], ...] = (active, licence, privilege, consent, scope)


def may_know_patient(reader_group: GroupId, item: Item, verdicts: tuple[Verdict, ...]) -> bool:
    """Say whether a "why not me" may name the patient: the owner group's own readers may."""
    return reader_group == item.owner_group or is_eligible(verdicts)
