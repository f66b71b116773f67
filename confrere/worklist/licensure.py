"""The rules of licence and privilege: ACTIVE, LIC_PATIENT, PRIV, PROXY_OK. Pure."""

from collections.abc import Sequence
from datetime import date, timedelta

from confrere.network.credentials import (
    ENTITY,
    HOSPITAL,
    UNITED_STATES,
    current,
    lasts_longest,
)
from confrere.network.model import BY_PROXY, Privilege
from confrere.worklist.case import Case, Finding, fails, holds, unknown
from confrere.worklist.model import Outcome

ACTIVE, EXPIRED = "active", "expired"
# a new privilege has no performance to tell of; later the two years of a reappointment count
FEEDBACK_FIRST_DUE, FEEDBACK_EVERY = timedelta(days=365), timedelta(days=730)


def active(case: Case) -> Finding:
    """The reader is a current member of their group."""
    if case.reader.active:
        return holds("current member")
    return fails("no longer a member", "reinstate the membership")


def licence(case: Case) -> Finding:
    """An active licence where the patient lay, and where the reader sits.

    Never by the patient's home address. Abroad no state licenses; US_LOCATION judges that.
    """
    there = _licensed(case, case.site.state)
    if there.outcome is not Outcome.HOLDS:
        return there
    country, state = case.seat
    if not country:
        return unknown(
            "it is not recorded where the reader sits", "attest where you read from today"
        )
    if country != UNITED_STATES or state == case.site.state:
        return there
    sits = _licensed(case, state)
    if sits.outcome is not Outcome.HOLDS:
        return Finding(sits.outcome, f"{sits.because}, where the reader sits", sits.remedy)
    return holds(f"{there.because}; {sits.because}")


def _licensed(case: Case, state: str) -> Finding:
    held = [one for one in case.reader.licences if one.state == state]
    for one in current(held, case.day):
        if one.status == ACTIVE:
            return holds(f"licence {state} {one.number}, valid to {one.valid_to}")
    latest = lasts_longest(held)
    if latest is None:
        return fails(
            f"no licence in {state}", f"obtain a licence in {state} (IMLC may speed it)"
        )
    if latest.status == EXPIRED and latest.valid_to < case.day:
        return fails(f"licence {state} {latest.number} lapsed {latest.valid_to}", "renew it")
    if latest.status != ACTIVE:
        because = f"licence {state} {latest.number} is {latest.status}"
        return fails(because, "clear the licence's status with the state board")
    if latest.valid_from > case.day:
        because = f"licence {state} {latest.number} starts {latest.valid_from}"
        return fails(because, "wait for its first day")
    return fails(f"licence {state} {latest.number} lapsed {latest.valid_to}", "renew it")


def privileges_here(case: Case) -> list[Privilege]:
    """The reader's privileges at the performing site for the exam's modality, at any time."""
    return [
        one
        for one in case.reader.privileges
        if one.site == case.item.site and one.scope in ("all", case.item.modality)
    ]


def privilege(case: Case) -> Finding:
    """Current privileges at the performing site for the exam's modality."""
    there = privileges_here(case)
    for one in current(there, case.day):
        path = "by proxy" if one.path == BY_PROXY else "full file"
        return holds(f"privileged at {case.site.short_name} ({path}), valid to {one.valid_to}")
    if there:
        latest = max(one.valid_to for one in there)
        if latest >= case.day:
            first = min(one.valid_from for one in there)
            because = f"privileges at {case.site.short_name} start {first}"
            return fails(because, "wait for their first day")
        return fails(f"privileges at {case.site.short_name} lapsed {latest}", "reappoint")
    return fails(
        f"no privileges at {case.site.short_name} for {case.item.modality or 'this exam'}",
        "apply at the medical staff office, or by proxy",
    )


def proxy(case: Case) -> Finding:
    """A privilege by proxy meets every condition of 42 CFR 482.22(a)(3)-(4)."""
    relied = current(privileges_here(case), case.day)
    if not any(one.path == BY_PROXY for one in relied):
        return holds("not by proxy")
    if any(one.path != BY_PROXY for one in relied):
        return holds("a full file stands beside the proxy")
    return _best([proxy_gaps(one, case.day) for one in relied])


def _best(gaps: Sequence[list[str]]) -> Finding:
    fewest = min(gaps, key=len)
    if not fewest:
        return holds("written agreement, privilege list and performance feedback are there")
    return unknown(f"by proxy without {', '.join(fewest)}", "complete the proxy packet")


def proxy_gaps(held: Privilege, day: date) -> list[str]:
    """What a privilege by proxy lacks, in words; empty when nothing."""
    gaps = []
    if not held.agreement_ref:
        gaps.append("a written agreement")
    if not held.distant_site or held.distant_kind not in (HOSPITAL, ENTITY):
        gaps.append("a distant site that is a Medicare hospital or entity")
    if held.list_supplied_on is None or held.list_supplied_on > day:
        gaps.append("a current privilege list")
    sent = held.feedback_sent_on
    is_due = day >= held.valid_from + FEEDBACK_FIRST_DUE
    if is_due and (sent is None or not day - FEEDBACK_EVERY <= sent <= day):
        gaps.append("performance feedback in two years")
    return gaps
