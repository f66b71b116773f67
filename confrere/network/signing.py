"""Propose, sign, amend, suspend and end agreements. The caller owns the transaction.

A version is signed as a whole and never changed. Both signatures put it in force; until then
the version before stays. That is enforced in the database, as is that no two agreements in
force cover the same exam between the same groups.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.errors import ExclusionViolation
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from confrere.kernel.errors import Conflict, Invalid, NotFound, Refused
from confrere.kernel.ids import AgreementId, GroupId
from confrere.network import store, store_agreements
from confrere.network.agreements import ENDED, PROPOSED
from confrere.network.agreements import WITHDRAWN as NEVER_SIGNED
from confrere.network.model import Agreement, Suspension
from confrere.network.terms import (
    DECLINED,
    WITHDRAWN,
    AgreementVersion,
    Signature,
    Terms,
    check,
    differing,
    digest_of,
    open_proposal,
    version_in_force,
)
from confrere.network.wall_time import local_day

LONGEST_REASON = 500
GONE = "no such agreement, or your group is no party to it"


@dataclass(frozen=True, slots=True)
class By:
    """The person who acts, and the group for which."""

    group: GroupId
    name: str
    user: UUID | None = None


def get(conn: Connection, agreement: AgreementId) -> Agreement:
    """One agreement as it stands; NotFound, also for who is no party to it."""
    found = store_agreements.agreements(conn, agreement)
    if not found:
        raise NotFound(GONE)
    return found[0]


def versions(conn: Connection, agreement: AgreementId) -> list[AgreementVersion]:
    """All versions of an agreement with their signatures, newest first."""
    return store_agreements.versions(conn, [agreement])


def proposals(conn: Connection, of: list[AgreementId]) -> dict[AgreementId, AgreementVersion]:
    """The versions of these agreements that wait for a signature."""
    found = store_agreements.versions(conn, of)
    return {one.agreement: one for one in found if one.is_open}


def suspensions(conn: Connection, agreement: AgreementId) -> list[Suspension]:
    """All suspensions of an agreement, oldest first."""
    return store_agreements.suspensions_of(conn, agreement)


def propose(
    conn: Connection, owner: GroupId, reading: GroupId, terms: Terms, by: By, now: datetime
) -> AgreementId:
    """Propose an agreement, signed by the proposer; either side may.

    Raises Invalid that names the term that nobody could sign.
    """
    _is_party(by, owner, reading)
    _check(conn, owner, reading, terms, now)
    made = store_agreements.add(conn, owner, reading, terms)
    _add(conn, made, owner, reading, 1, terms, by, now)
    return made


def amend(conn: Connection, agreement: AgreementId, terms: Terms, by: By, now: datetime) -> int:
    """Propose a further version, signed by the proposer; return its number.

    What is in force stays so until the other side signs. One's own open proposal gives way
    to the new one. Raises Conflict while the other side's waits, or when nothing changed.
    """
    head = _locked(conn, agreement, by)
    _check(conn, head.owner_group, head.reading_group, terms, now)
    known = versions(conn, agreement)
    waiting = open_proposal(known)
    if waiting and waiting.proposed_by != by.group:
        raise Conflict("the other group's proposal waits: sign or decline it first")
    standing = waiting or version_in_force(head, known)
    if standing and not differing(standing.terms, terms):
        raise Conflict("nothing differs from what stands: change a term to propose it")
    if waiting:
        store_agreements.close_version(conn, waiting, WITHDRAWN, now)
    number = known[0].number + 1
    owner, reading = head.owner_group, head.reading_group
    _add(conn, agreement, owner, reading, number, terms, by, now)
    return number


def sign(
    conn: Connection, agreement: AgreementId, number: int, by: By, now: datetime
) -> Agreement:
    """Counter-sign exactly this version; it is in force at once.

    Raises Conflict where another version is open by now, where one's own group proposed it,
    or naming the agreements in force that already cover some of it.
    """
    head = _locked(conn, agreement, by)
    version = _open(conn, agreement, number)
    if any(one.party == by.group for one in version.signatures):
        raise Conflict("your group has signed this version; the other group's signature lacks")
    today = local_day(now, version.terms.window_zone)
    if version.terms.ends_on < today:
        raise Conflict("its last day is over: propose it with later dates")
    owner, reading = head.owner_group, head.reading_group
    if digest_of(agreement, number, owner, reading, version.terms) != version.digest:
        raise Conflict("this version is not what was proposed: decline it and propose anew")
    try:
        with conn.begin_nested():
            mine = Signature(by.group, by.name, now, version.digest, by.user)
            store_agreements.add_signature(conn, version, mine)
    except IntegrityError as refused:
        if not isinstance(refused.orig, ExclusionViolation):
            raise
        others = overlapping(conn, agreement, owner, reading, version.terms)
        named = " and ".join(f"“{one}”" for one in others) or "another agreement"
        raise Conflict(
            f"it covers exams that {named} covers already: end that one, or change sites, "
            "exams, hours or dates so that the two do not meet"
        ) from None
    return get(conn, agreement)


def overlapping(
    conn: Connection, agreement: AgreementId, owner: GroupId, reading: GroupId, terms: Terms
) -> list[str]:
    """Titles of other agreements in force that cover some of the same; empty: none."""
    return store_agreements.in_the_way(conn, agreement, owner, reading, terms)


def refuse(conn: Connection, agreement: AgreementId, number: int, by: By, now: datetime) -> str:
    """Withdraw one's own open proposal, or decline the other side's; return which.

    An agreement that was never in force is over with its last proposal.
    """
    head = _locked(conn, agreement, by)
    version = _open(conn, agreement, number)
    how = WITHDRAWN if version.proposed_by == by.group else DECLINED
    store_agreements.close_version(conn, version, how, now)
    if head.state == PROPOSED:
        store_agreements.close(conn, agreement, NEVER_SIGNED, how, now)
    return how


def suspend(
    conn: Connection, agreement: AgreementId, by: By, reason: str, now: datetime
) -> Agreement:
    """Stop lending and taking reads, at once; each side may, for its own reason.

    Raises Conflict where it is not in force, or suspended by this side already.
    """
    words = _reason(reason)
    head = _locked(conn, agreement, by)
    if head.state == PROPOSED or head.ended:
        raise Conflict(f"the agreement is {head.state}: only one in force can be suspended")
    if any(one.party == by.group for one in head.suspensions):
        raise Conflict("your group has suspended this agreement already")
    new = Suspension(agreement, by.group, by.name, words, now)
    store_agreements.add_suspension(conn, head.owner_group, head.reading_group, new)
    return get(conn, agreement)


def resume(conn: Connection, agreement: AgreementId, by: By, now: datetime) -> Agreement:
    """End one's own side's suspension; in force again when no side suspends it."""
    head = _locked(conn, agreement, by)
    if head.ended:
        raise Conflict(f"the agreement is {head.state}: propose a new one")
    if not store_agreements.end_suspension(conn, agreement, by.group, by.name, now):
        if head.suspensions:
            raise Refused("the other group suspended it; only they can resume it")
        raise Conflict("the agreement is not suspended any more: reload the page")
    return get(conn, agreement)


def end(
    conn: Connection, agreement: AgreementId, by: By, reason: str, now: datetime
) -> Agreement:
    """End an agreement for good, at once; either side may. An open proposal goes with it."""
    words = _reason(reason)
    head = _locked(conn, agreement, by)
    if head.state == PROPOSED or head.ended:
        raise Conflict(f"the agreement is {head.state}: there is nothing to end")
    if waiting := open_proposal(versions(conn, agreement)):
        store_agreements.close_version(conn, waiting, WITHDRAWN, now)
    store_agreements.close(conn, agreement, ENDED, words, now)
    return get(conn, agreement)


def _locked(conn: Connection, agreement: AgreementId, by: By) -> Agreement:
    if store_agreements.lock(conn, agreement) is None:
        raise NotFound(GONE)
    head = get(conn, agreement)
    _is_party(by, head.owner_group, head.reading_group)
    return head


def _is_party(by: By, owner: GroupId, reading: GroupId) -> None:
    if by.group not in (owner, reading):
        raise Refused("only the two groups of an agreement act on it")


def _open(conn: Connection, agreement: AgreementId, number: int) -> AgreementVersion:
    waiting = open_proposal(versions(conn, agreement))
    if waiting is None:
        raise Conflict("no version waits for a signature any more: reload the page")
    if waiting.number != number:
        raise Conflict(f"version {waiting.number} was proposed meanwhile: read it first")
    return waiting


def _check(
    conn: Connection, owner: GroupId, reading: GroupId, terms: Terms, now: datetime
) -> None:
    groups = {one.id: one for one in store.groups(conn)}
    sites = {one.id: one for one in store.sites(conn)}
    check(terms, groups, sites, owner, reading)
    if terms.ends_on < local_day(now, terms.window_zone):
        raise Invalid("the last day is over already", "ends_on")


def _add(
    conn: Connection, agreement: AgreementId, owner: GroupId, reading: GroupId, number: int,
    terms: Terms, by: By, now: datetime,
) -> None:  # fmt: skip
    digest = digest_of(agreement, number, owner, reading, terms)
    made = AgreementVersion(
        agreement, owner, reading, number, terms, digest, by.group, by.name, now
    )
    store_agreements.add_version(conn, made)
    mine = Signature(by.group, by.name, now, digest, by.user)
    store_agreements.add_signature(conn, made, mine)


def _reason(words: str) -> str:
    said = " ".join(words.split())
    if not said or len(said) > LONGEST_REASON:
        raise Invalid(
            f"say why, in 1 to {LONGEST_REASON} characters: both groups read it", "reason"
        )
    return said
