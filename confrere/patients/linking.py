"""Which identities are one person: matched, reviewed, told by messages.

Matching sees all groups and so needs the system role. A person's decision needs only their
own; persons are then put together anew by the job of `PairDecided`. The caller owns the
transaction.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from confrere.jobs import events
from confrere.kernel.errors import Conflict, Invalid, NotFound
from confrere.kernel.ids import GroupId, PatientId
from confrere.patients import pairs, store, store_pairs, weights
from confrere.patients.matching import Match, Verdict, clashing, judge
from confrere.patients.model import Demographics, PairDecided, Patient, PersonChanged
from confrere.patients.pairs import Choice, Pair, Said, State
from confrere.patients.persons import persons, successors
from confrere.patients.weights import Weights

JOINS_APART = "linking would join identities that were kept apart"
JOINS_NUMBERS = "linking would join two numbers of one assigner"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An identity that may be the one sought, and how sure that is."""

    patient: Patient
    verdict: Verdict


def weights_now(conn: Connection) -> Weights:
    """The weights in use: the version last put to use, else those shipped."""
    kept = store_pairs.weights_in_use(conn)
    return weights.from_data(kept[1], kept[0]) if kept else weights.DEFAULT


def keep_weights(conn: Connection, made: Weights, source: str, by: str, at: datetime) -> int:
    """Keep a set of weights as the next version; it is used only once somebody says so."""
    return store_pairs.add_weights(conn, weights.to_data(made), source, by, at)


def use_weights(conn: Connection, version: int, at: datetime) -> bool:
    """Match with a version from now on, 0 being the shipped one; False when there is none."""
    return store_pairs.use_weights(conn, version, at)


def all_weights(conn: Connection) -> Sequence[Any]:
    """Every version that was kept, the newest first."""
    return store_pairs.all_weights(conn)


def samples(conn: Connection, most: int) -> list[Demographics]:
    """Real demographics to train on, drawn evenly; needs the system role."""
    return [one.demographics for one in store.samples(conn, most)]


def candidates(
    conn: Connection, said: Demographics, not_this: PatientId | None = None
) -> list[Candidate]:
    """Who among those that this connection may see could be meant; the likeliest first."""
    used = weights_now(conn)
    judged = [
        Candidate(other, judge(said, other.demographics, used))
        for other in store.candidates(conn, said, not_this)
    ]
    return sorted(judged, key=lambda one: (-one.verdict.score, one.patient.id))


def link_matches(conn: Connection, patient_id: PatientId, at: datetime) -> list[PatientId]:
    """Match one identity with all others; return those whose person this changed.

    Sure pairs are linked, doubtful ones wait for a person, and what a veto keeps apart is kept
    with its reason. What was linked by score before is judged anew, and may part. Needs the
    system role.
    """
    store_pairs.lock(conn)
    patient = store.get(conn, [patient_id])[0]
    used = weights_now(conn)
    known = {_other(one, patient_id): one for one in store_pairs.touching(conn, [patient_id])}
    found = store.candidates(conn, patient.demographics, patient_id)
    again = [one for one in known if one not in {other.id for other in found}]
    for other in [*found, *store.get(conn, again)]:
        verdict = judge(patient.demographics, other.demographics, used)
        if other.id in known or _matters(verdict, used):
            _score(conn, patient, other, verdict, used.version, at)
    return [one.id for one in settle(conn, [patient_id], at)]


def _matters(verdict: Verdict, used: Weights) -> bool:
    """Say whether a pair is worth keeping: all but strangers."""
    return verdict.match is not Match.APART or verdict.score >= used.review_at


def _score(
    conn: Connection, patient: Patient, other: Patient, verdict: Verdict, version: int,
    at: datetime,
) -> None:  # fmt: skip
    before = store_pairs.between(conn, patient, other)
    after = pairs.scored(before, verdict, version, at)
    if after.state is State.LINKED and before.state is not State.LINKED:
        against = _against(conn, patient.id, other.id)
        if against:
            after = pairs.held_back(after, against)
    if after == before:
        return
    store_pairs.update(conn, after, by_score=True)
    if after.state is not before.state or before.decided_at is None:
        store_pairs.note_change(conn, before, after, after.state, at)


def _against(conn: Connection, one: PatientId, other: PatientId) -> str:
    """Why the persons of two identities must not be joined by a score alone; mostly empty."""
    mine, theirs = (set(_connected(conn, [who])[0]) for who in (one, other))
    kept = store_pairs.touching(conn, mine, State.APART)
    if any(pair.is_settled and {pair.one, pair.other} & theirs for pair in kept):
        return JOINS_APART
    sides = [[p.demographics for p in store.get(conn, sorted(side))] for side in (mine, theirs)]
    own = [{(one.assigner, one.mrn) for one in side} for side in sides]
    # also where a merge joined them before: undoing it must part them again
    clash = any(a[0] == b[0] and a[1] != b[1] for a in own[0] for b in own[1])
    every = [{number for one in side for number in one.record_numbers} for side in sides]
    return JOINS_NUMBERS if clash or clashing(*every) else ""


def instruct(
    conn: Connection, one: Patient, other: Patient, state: State, trigger: str, said: Said,
    survivor: PatientId | None = None,
) -> None:  # fmt: skip
    """Obey a message that merges, links or parts two identities; publishes PairDecided.

    Nothing is destroyed: both identities keep their numbers, exams and reports. Raises Invalid
    when both are the same.
    """
    if one.id == other.id:
        raise Invalid(
            "the two identifiers are the same: name the one that is merged away", "MRG-1"
        )
    before = store_pairs.between(conn, one, other)
    after = pairs.instructed(before, state, trigger, said, survivor)
    used = weights_now(conn)
    verdict = judge(one.demographics, other.demographics, used)
    if after != before:
        weighed = pairs.scored(after, verdict, used.version, said.at)
        store_pairs.update(conn, weighed, by_score=True)
    what = state if after != before else f"{state}: a newer word stands"
    store_pairs.note_change(conn, before, after, what, said.at)
    events.publish(conn, PairDecided(one.owner_group, before.one, before.other, said.at))


def decide(conn: Connection, pair_id: UUID, version: int, choice: Choice, said: Said) -> Pair:
    """Take a person's decision on a pair; publishes PairDecided.

    Raises Conflict when the pair was changed since `version`, NotFound when it is not theirs.
    """
    before = store_pairs.get(conn, pair_id)
    if before is None or said.group not in before.groups:
        raise NotFound("no such pair of identities")
    if before.version != version:
        raise Conflict(
            "Somebody decided on this pair meanwhile; the page shows it as it is now."
        )
    after = pairs.decided(before, choice, said)
    store_pairs.update(conn, after)
    store_pairs.note_change(conn, before, after, _word(before, after, choice), said.at)
    if (before.state is State.LINKED) != (after.state is State.LINKED):
        events.publish(conn, PairDecided(said.group, after.one, after.other, said.at))
    return after


def _word(before: Pair, after: Pair, choice: Choice) -> str:
    same = before.state is after.state
    return (
        f"{choice}: waits for the other group"
        if same and after.yes
        else (choice if same else after.state)
    )


def settle(conn: Connection, ids: Collection[PatientId], at: datetime) -> list[Patient]:
    """Put the persons of these identities together anew from the links; publish what changed.

    Needs the system role. A person is nothing but its links: taking one back restores exactly
    what was before.
    """
    store_pairs.lock(conn)
    before = [one.person for one in store.get(conn, sorted(ids)) if one.person]
    members = {p.id for person in set(before) for p in store.of_person(conn, person)}
    all_ids, links = _connected(conn, {*ids, *members})
    named = persons(all_ids, [(one.one, one.other) for one in links])
    merged = successors(links)
    now = {one: (named[one], merged.get(one)) for one in all_ids}
    changed = store.set_persons(conn, now, at)
    for one in changed:
        events.publish(conn, PersonChanged(one.owner_group, one.id, at))
    return changed


def _connected(
    conn: Connection, ids: Collection[PatientId]
) -> tuple[list[PatientId], list[Pair]]:
    """All identities reached over links, and those links."""
    reached, edge = set(ids), set(ids)
    links: dict[UUID, Pair] = {}
    while edge:
        found = store_pairs.touching(conn, edge, State.LINKED)
        links.update({one.id: one for one in found})
        edge = {end for one in found for end in (one.one, one.other)} - reached
        reached |= edge
    return sorted(reached), list(links.values())


def waiting(conn: Connection, group: GroupId, limit: int) -> list[Pair]:
    """The pairs of a group that wait for a person, the likeliest first, put off ones last."""
    return store_pairs.listed(conn, group, [State.REVIEW], limit, settled=False)


def settled(conn: Connection, group: GroupId, state: State, limit: int) -> list[Pair]:
    """The pairs of a group that are linked, or kept apart, the newest first."""
    return store_pairs.listed(conn, group, [state], limit, settled=True)


def counts(conn: Connection, group: GroupId) -> dict[State, int]:
    """How many pairs of a group are in each state."""
    return store_pairs.counts(conn, group)


def get(conn: Connection, pair_id: UUID) -> Pair:
    """One pair; NotFound, also when it is of other groups."""
    found = store_pairs.get(conn, pair_id)
    if found is None:
        raise NotFound("no such pair of identities")
    return found


def history(conn: Connection, pair_id: UUID) -> Sequence[Any]:
    """Everything that became of a pair, oldest first."""
    return store_pairs.changes(conn, pair_id)


def links_of(conn: Connection, ids: Collection[PatientId]) -> dict[PatientId, Pair]:
    """Why each of these identities is linked, by the newest decision on it."""
    found = store_pairs.touching(conn, ids, State.LINKED)
    newest: dict[PatientId, Pair] = {}
    for link in sorted(found, key=lambda one: (one.decided_at is not None, one.decided_at)):
        newest |= {link.one: link, link.other: link}
    return newest


def _other(pair: Pair, one: PatientId) -> PatientId:
    return pair.other if pair.one == one else pair.one
