"""Identities are matched, linked, merged, reviewed and parted; nothing is destroyed by it."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.kernel.errors import Conflict, Invalid, NotFound
from confrere.kernel.ids import GroupId, PatientId
from confrere.network import service as network
from confrere.patients import linking, weights
from confrere.patients import service as patients
from confrere.patients.matching import TWINS
from confrere.patients.model import Demographics, Patient
from confrere.patients.pairs import Choice, Pair, Said, State
from confrere.wiring import inbound_hl7
from tests.database import Databases
from tests.integration.world import NOW, World, build

KEY = b"k" * 32
HERE = Demographics("LMH-MRN", "M1", "Okafor", "Miriam", date(1962, 4, 12), "F", "60614")
THERE = replace(HERE, assigner="PAR-MRN", mrn="P77")
controls = itertools.count(1)


def record(conn: Connection, group: GroupId, said: Demographics, at: datetime = NOW) -> Patient:
    made = patients.record(conn, group, said, at)
    linking.link_matches(conn, made.id, at)
    return patients.get(conn, made.id)


def same(conn: Connection, patient: Patient | PatientId) -> set[PatientId]:
    key = patient.id if isinstance(patient, Patient) else patient
    return {one.id for one in patients.same_person(conn, patients.get(conn, key))}


def pair_of(conn: Connection, group: GroupId, state: State) -> Pair:
    (found,) = (
        linking.waiting(conn, group, 9)
        if state is State.REVIEW
        else linking.settled(conn, group, state, 9)
    )
    return found


def decide(
    conn: Connection, pair: Pair, choice: Choice, group: GroupId, reason: str = ""
) -> Pair:
    now = linking.get(conn, pair.id)
    made = linking.decide(
        conn, now.id, now.version, choice, Said(group, "Rae Reed", NOW, reason)
    )
    linking.settle(conn, [pair.one, pair.other], NOW)
    return made


def adt(
    trigger: str, *pids: tuple[str, str], at: datetime = NOW, merged: str = "",
    family: str = "DOE",
) -> bytes:  # fmt: skip
    """An ADT message: each pid is (mrn, given name)."""
    stamp = f"{at:%Y%m%d%H%M%S}+0000"
    lines = [
        f"MSH|^~\\&|RIS|LMH|CONFRERE|LMH|{stamp}||ADT^{trigger}|C{next(controls)}|P|2.5.1",
        f"EVN|{trigger}|{stamp}",
    ]
    lines += [
        f"PID|1||{mrn}^^^LMH-MRN^MR||{family}^{given}||19620412|F|||1 Elm St^^Chicago^IL^60614"
        for mrn, given in pids
    ]
    lines += [f"MRG|{merged}^^^LMH-MRN^MR"] if merged else []
    return ("\r".join(lines) + "\r").encode()


def send(conn: Connection, world: World, raw: bytes, at: datetime = NOW) -> str:
    """Process a message and do the jobs that follow; return why it failed, if it did."""
    peer = network.peer(conn, world.hl7)
    kept = delivery.keep(conn, peer, "ADT", f"C{next(controls)}", raw, "127.0.0.1", at)
    inbound_hl7.process(conn, KEY, kept, at)
    found = patients.search(conn, [world.owner], {}, 50)
    for one in found:
        linking.link_matches(conn, one.id, at)
    linking.settle(conn, [one.id for one in found], at)
    done = delivery.received(conn, kept)
    return "" if done.state == "done" else done.reason


def known(conn: Connection, world: World, mrn: str) -> Patient:
    found = patients.find(conn, world.owner, "LMH-MRN", mrn)
    assert found is not None
    return found


# matching


def test_a_sure_match_of_another_group_is_linked_with_its_weights(conn: Connection) -> None:
    world = build(conn)
    one, other = record(conn, world.owner, HERE), record(conn, world.partner, THERE)
    assert same(conn, one) == {one.id, other.id}
    pair = pair_of(conn, world.owner, State.LINKED)
    assert pair.score == pytest.approx(25.6, abs=0.01)
    assert {f.field: f.level for f in pair.fields}["postal_code"] == "exact"
    assert [(c.before, c.after) for c in linking.history(conn, pair.id)] == [
        ("apart", "linked")
    ]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"birth_date": date(1962, 4, 21), "phone": "3125550142"}, "name and year"),
        ({"birth_date": date(1926, 4, 12), "phone": "3125550142"}, "phone"),
        ({"birth_date": date(1926, 4, 12), "street": "12 Elm St"}, "house"),
        ({"birth_date": date(1926, 4, 12), "national_last4": "1234"}, "national number"),
    ],
)
def test_a_slip_in_the_birth_date_is_still_found(
    conn: Connection, changes: dict[str, object], key: str
) -> None:
    world = build(conn)
    whole = replace(HERE, phone="3125550142", street="12 Elm St", national_last4="1234")
    one = patients.record(conn, world.owner, whole, NOW)
    found = linking.candidates(conn, replace(THERE, **changes))  # type: ignore[arg-type]
    assert [c.patient.id for c in found] == [one.id], key


def test_a_doubtful_pair_waits_and_is_nobodys_person(conn: Connection) -> None:
    world = build(conn)
    one = record(conn, world.owner, HERE)
    other = record(conn, world.partner, replace(THERE, family="Lindqvist"))
    assert same(conn, one) == {one.id}
    assert pair_of(conn, world.partner, State.REVIEW).of(world.partner) == other.id


def test_twins_are_kept_apart_and_that_is_told(conn: Connection) -> None:
    world = build(conn)
    one = record(conn, world.owner, HERE)
    record(conn, world.owner, replace(HERE, mrn="M2", given="Martha"))
    assert same(conn, one) == {one.id}
    assert pair_of(conn, world.owner, State.APART).reasons == (TWINS,)


def test_a_corrected_name_parts_what_was_linked_by_score(conn: Connection) -> None:
    world = build(conn)
    one, other = record(conn, world.owner, HERE), record(conn, world.partner, THERE)
    later = NOW + timedelta(hours=1)
    record(conn, world.partner, replace(THERE, given="Martha"), later)
    assert same(conn, one) == {one.id}
    assert patients.get(conn, other.id).person is None


def test_two_numbers_of_one_assigner_are_not_joined_through_a_third(conn: Connection) -> None:
    world = build(conn)
    record(conn, world.owner, HERE)
    second = record(conn, world.owner, replace(HERE, mrn="M2"))
    record(conn, world.partner, THERE)
    groups = {frozenset(same(conn, one)) for one in patients.search(conn, [], {}, 9)}
    assert {len(one) for one in groups} == {1, 2}
    held = [p for p in linking.waiting(conn, world.owner, 9) if p.groups != {world.owner}]
    assert held[0].reasons == (linking.JOINS_NUMBERS,)
    assert second.id in {p.id for p in patients.search(conn, [], {}, 9)}


# review


def test_between_groups_a_link_needs_both_and_parting_it_restores_exactly(
    conn: Connection,
) -> None:
    world = build(conn)
    one = record(conn, world.owner, HERE)
    other = record(conn, world.partner, replace(THERE, family="Lindqvist"))
    before = [patients.get(conn, who.id) for who in (one, other)]
    pair = pair_of(conn, world.owner, State.REVIEW)
    assert decide(conn, pair, Choice.LINK, world.owner).state is State.REVIEW
    assert same(conn, one) == {one.id}
    assert decide(conn, pair, Choice.LINK, world.partner).state is State.LINKED
    assert same(conn, one) == {one.id, other.id}
    with pytest.raises(Invalid, match="Say why"):
        decide(conn, pair, Choice.APART, world.owner)
    decide(conn, pair, Choice.APART, world.owner, "another birthplace")
    assert [patients.get(conn, who.id) for who in (one, other)] == before
    told = [(c.after, c.by_name, c.reason) for c in linking.history(conn, pair.id)]
    assert told[-1] == ("apart", "Rae Reed", "another birthplace")
    linking.link_matches(conn, one.id, NOW)
    assert same(conn, one) == {one.id}, "matching does not undo what a person decided"


def test_a_pair_is_put_off_and_a_decision_asked_again(conn: Connection) -> None:
    world = build(conn)
    record(conn, world.owner, HERE)
    record(conn, world.owner, replace(HERE, mrn="M2", family="Lindqvist"))
    pair = pair_of(conn, world.owner, State.REVIEW)
    assert decide(conn, pair, Choice.LATER, world.owner).later_at == NOW
    assert decide(conn, pair, Choice.LINK, world.owner).state is State.LINKED
    assert decide(conn, pair, Choice.AGAIN, world.owner, "too fast").state is State.REVIEW
    assert all(one.person is None for one in patients.search(conn, [], {}, 9))


def test_two_who_decide_at_once_the_second_is_told(fresh: Databases) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
        record(conn, world.owner, HERE)
        record(conn, world.owner, replace(HERE, mrn="M2", family="Lindqvist"))
    groups = frozenset({world.owner})
    with transaction(fresh.app, groups) as conn:
        seen = pair_of(conn, world.owner, State.REVIEW)
    said = Said(world.owner, "Rae Reed", NOW)
    with transaction(fresh.app, groups) as conn:
        linking.decide(conn, seen.id, seen.version, Choice.APART, said)
    with pytest.raises(Conflict), transaction(fresh.app, groups) as conn:
        linking.decide(conn, seen.id, seen.version, Choice.LINK, said)


def test_a_third_group_sees_no_pair_and_changes_none(
    conn: Connection, standing: Databases
) -> None:
    world = build(conn)
    record(conn, world.owner, HERE)
    record(conn, world.owner, replace(HERE, mrn="M2", family="Lindqvist"))
    pair = pair_of(conn, world.owner, State.REVIEW)
    with pytest.raises(NotFound):
        linking.decide(conn, pair.id, pair.version, Choice.LINK, Said(world.partner, "X", NOW))


# messages


def test_a_merge_joins_and_its_undoing_restores_exactly(conn: Connection) -> None:
    world = build(conn)
    for mrn, name in (("M1", "JANE"), ("M2", "JANET")):
        assert send(conn, world, adt("A04", (mrn, name))) == ""
    before = [known(conn, world, mrn) for mrn in ("M1", "M2")]
    assert send(conn, world, adt("A40", ("M1", "JANE"), merged="M2")) == ""
    one, gone = known(conn, world, "M1"), known(conn, world, "M2")
    assert gone.merged_into == one.id
    assert gone.person == one.person is not None
    pair = pair_of(conn, world.owner, State.LINKED)
    assert (pair.how, pair.decided_by) == ("message A40", "RIS")
    later = NOW + timedelta(minutes=1)
    assert send(conn, world, adt("A37", ("M1", "JANE"), ("M2", "JANET"), at=later), later) == ""
    after = [known(conn, world, mrn) for mrn in ("M1", "M2")]
    assert [replace(p, updated_at=NOW) for p in after] == before
    again = NOW + timedelta(minutes=2)
    send(conn, world, adt("A40", ("M1", "JANE"), merged="M2", at=again), again)
    assert known(conn, world, "M2").merged_into == one.id


@pytest.mark.parametrize("trigger", ["A18", "A34", "A36", "A39", "A40", "A47"])
def test_a_merge_may_name_numbers_never_heard_of(conn: Connection, trigger: str) -> None:
    world = build(conn)
    assert send(conn, world, adt(trigger, ("M1", "JANE"), merged="M9")) == ""
    assert known(conn, world, "M9").merged_into == known(conn, world, "M1").id


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (adt("A40", ("M1", "JANE")), "MRG-1"),
        (adt("A40", ("M1", "JANE"), merged="M1"), "the same"),
        (adt("A24", ("M1", "JANE")), "two patients"),
        (adt("A43", ("M1", "JANE")), "not handled"),
    ],
)
def test_a_message_that_names_only_one_says_what_is_missing(
    conn: Connection, raw: bytes, why: str
) -> None:
    world = build(conn)
    assert why in send(conn, world, raw)
    assert patients.search(conn, [], {}, 9) == [], "nothing half done"


def story() -> Sequence[tuple[bytes, datetime]]:
    """Two arrive, are corrected, merged, linked to a third, parted, merged again, corrected."""
    told = [
        ("A04", [("M1", "JANE")], ""), ("A04", [("M2", "JANET")], ""),
        ("A40", [("M1", "JANE")], "M2"), ("A24", [("M1", "JANE"), ("M3", "JAN")], ""),
        ("A37", [("M1", "JANIE"), ("M2", "JANET")], ""), ("A31", [("M1", "JOAN")], ""),
        ("A40", [("M3", "JAN")], "M2"),
    ]  # fmt: skip
    at = [NOW - timedelta(hours=9 - n) for n in range(len(told))]
    return [
        (adt(trigger, *pids, at=when, merged=merged), when)
        for (trigger, pids, merged), when in zip(told, at, strict=True)
    ]


def end_state(conn: Connection, world: World) -> object:
    found = {p.id: p for p in patients.search(conn, [world.owner], {}, 50)}
    name = {key: p.demographics.mrn for key, p in found.items()}
    people = {
        frozenset(name[o.id] for o in patients.same_person(conn, p)) for p in found.values()
    }
    return (
        {
            name[k]: (p.demographics, p.merged_into and name[p.merged_into])
            for k, p in found.items()
        },
        people,
    )


def tell(conn: Connection, messages: Sequence[tuple[bytes, datetime]]) -> object:
    """Process a story in a savepoint of its own; give what stands at its end."""
    saved = conn.begin_nested()
    world = build(conn)
    for raw, _ in messages:
        assert send(conn, world, raw) == ""
    ended = end_state(conn, world)
    saved.rollback()
    return ended


@settings(
    max_examples=6, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(order=st.permutations(range(7)), twice=st.integers(0, 6))
def test_messages_in_any_order_and_twice_end_the_same(
    conn: Connection, order: list[int], twice: int
) -> None:
    messages = story()
    expected = tell(conn, messages)
    people = expected[1]  # type: ignore[index]
    assert people == {frozenset({"M1", "M3", "M2"})}
    assert tell(conn, [messages[n] for n in (*order, twice)]) == expected


def test_an_older_message_fills_only_what_no_newer_one_told(conn: Connection) -> None:
    world = build(conn)
    send(conn, world, adt("A08", ("M1", "JOAN")))
    earlier = NOW - timedelta(days=1)
    send(conn, world, adt("A08", ("M1", "JANE"), at=earlier))
    assert known(conn, world, "M1").demographics.given == "JOAN"


# weights


def test_matching_uses_the_version_of_weights_last_put_to_use(conn: Connection) -> None:
    world = build(conn)
    stricter = replace(weights.DEFAULT, link_at=26.0)
    version = linking.keep_weights(conn, stricter, "a test", "Rae Reed", NOW)
    assert linking.weights_now(conn) == weights.DEFAULT, "kept, not used"
    assert linking.use_weights(conn, version, NOW)
    one = record(conn, world.owner, HERE)
    record(conn, world.partner, THERE)
    assert same(conn, one) == {one.id}
    assert pair_of(conn, world.owner, State.REVIEW).weights_version == version
    assert not linking.use_weights(conn, version + 1, NOW)
    assert linking.use_weights(conn, 0, NOW)
    linking.link_matches(conn, one.id, NOW)
    assert len(same(conn, one)) == 2


def test_two_merges_that_cross_are_both_obeyed(conn: Connection) -> None:
    world = build(conn)
    send(conn, world, adt("A40", ("M1", "JANE"), merged="M2"))
    later = NOW + timedelta(minutes=1)
    send(conn, world, adt("A40", ("M2", "JANE"), merged="M1", at=later), later)
    one, two = known(conn, world, "M1"), known(conn, world, "M2")
    assert (one.merged_into, two.merged_into) == (two.id, None)


def test_insurance_and_national_numbers_are_no_record_numbers(conn: Connection) -> None:
    world = build(conn)
    raw = adt("A04", ("M1", "JANE")).replace(
        b"M1^^^LMH-MRN^MR", b"078-05-1120^^^USA^SS~991^^^ACME^MB~M1^^^LMH-MRN^MR"
    )
    assert send(conn, world, raw) == ""
    assert known(conn, world, "M1").demographics.national_last4 == "1120"
    (only,) = patients.search(conn, [], {}, 9)
    assert only.demographics.mrn == "M1"
