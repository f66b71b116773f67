"""What holds for the dispatcher whatever happens, in whatever order."""

import random
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from confrere.kernel.errors import Conflict
from confrere.worklist.policy import Policy
from confrere.worklist.queues import Study
from confrere.worklist.routing import Pool, Proposal
from tests.unit.routing_pool import (
    LEVELS,
    LIMITS,
    READERS,
    SERVICES,
    SITES,
    pool_of,
    rings_of,
    scan,
    study,
)

NAMES = sorted(READERS)
KINDS = st.tuples(
    st.sampled_from(sorted(SITES)), st.sampled_from(sorted(SERVICES)), st.sampled_from(LEVELS)
)
WORDS = [
    "arrive",
    "arrive",
    "next",
    "next",
    "done",
    "upgrade",
    "return",
    "decline",
    "off",
    "on",
    "pause",
    "resume",
    "rings",
    "roster",
    "withdraw",
]
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(WORDS),
        st.integers(0, 10_000),
        st.floats(0, 40, allow_nan=False),
    ),
    min_size=5,
    max_size=60,
)


class Replay:
    """Drives a pool by a list of events, and writes down what it decided."""

    def __init__(self, events: Sequence[tuple[str, int, float]]) -> None:
        self.pool = pool_of(Policy(guard_late=1), on=NAMES[:5])
        self.now, self.count = 0.0, 0
        self.holds: dict[int, str] = {}
        self.declined: set[tuple[int, str]] = set()
        self.log: list[Any] = []
        for what, number, minutes in events:
            self.now = round(self.now + minutes, 3)
            getattr(self, f"do_{what}")(number, NAMES[number % len(NAMES)])

    def follow(self, proposals: list[Proposal]) -> None:
        self.log += proposals
        for one in proposals:
            assert (one.study, one.reader) not in self.declined
            self.take(one.reader, one.study, put_aside=one.put_aside)

    def take(self, reader: str, key: int, *, put_aside: bool = False) -> None:
        assert key not in self.holds, "assigned twice"
        self.pool.taken(self.now, reader, key, put_aside=put_aside)
        self.holds[key] = reader

    def waiting(self, number: int) -> int | None:
        keys = sorted(self.pool.queues.studies)
        return keys[number % len(keys)] if keys else None

    def do_arrive(self, number: int, _: str) -> None:
        self.count += 1
        rng = random.Random(number)
        site, service = rng.choice(sorted(SITES)), rng.choice(sorted(SERVICES))
        coming = study(self.count, site, service, rng.choice(LEVELS), self.now)
        self.follow(self.pool.arrived(self.now, coming))

    def do_next(self, _: int, reader: str) -> None:
        one = self.pool.presence.reader(reader)
        if not self.pool.presence.on[one.row] or one.holding:
            return
        key = self.pool.next(self.now, reader)
        best = scan(self.pool, self.now, reader)
        assert (key in best) if best else key is None
        assert (key, reader) not in self.declined
        self.log.append((reader, key))
        if key is not None:
            self.take(reader, key)

    def do_done(self, _: int, reader: str) -> None:
        held = self.pool.presence.reader(reader).holding
        if held:
            self.holds.pop(held[-1])
            self.pool.read_done(self.now, reader, held[-1])

    def do_upgrade(self, number: int, _: str) -> None:
        key = self.waiting(number)
        if key is not None:
            old = self.pool.queues.studies[key][1]
            due = min(old.due, self.now + LIMITS["stat"])
            self.follow(self.pool.upgraded(self.now, key, "stat", due))

    def do_return(self, _: int, reader: str) -> None:
        held = self.pool.presence.reader(reader).holding
        if held:
            self.holds.pop(held[-1])
            self.follow(self.pool.returned(self.now, reader, held[-1]))

    def do_decline(self, number: int, reader: str) -> None:
        key = self.waiting(number)
        if key is None:
            return
        self.declined = {one for one in self.declined if one[0] != key}
        proposals = self.pool.declined(self.now, reader, key)
        self.declined |= {(key, by) for by in self.pool._declined[key]}
        self.follow(proposals)

    def do_off(self, _: int, reader: str) -> None:
        self.pool.signed_off(self.now, reader)

    def do_on(self, number: int, reader: str) -> None:
        self.pool.signed_on(self.now, reader, self.now + 30 + number % 500)

    def do_pause(self, _: int, reader: str) -> None:
        self.pool.paused(reader)

    def do_resume(self, _: int, reader: str) -> None:
        self.pool.resumed(reader)

    def do_rings(self, number: int, reader: str) -> None:
        sites = [site for k, site in enumerate(sorted(SITES)) if number >> k & 1]
        self.pool.set_rings(reader, rings_of(reader, sites))
        for site in set(SITES) - set(sites):
            for key, (_, found) in self.pool.queues.studies.items():
                assert found.site != site or not self.pool.may_take(self.now, reader, key)

    def do_roster(self, number: int, reader: str) -> None:
        begins = self.now + number % 200
        self.pool.roster_changed(self.now, reader, [(begins, begins + 480)])

    def do_withdraw(self, number: int, _: str) -> None:
        key = self.waiting(number)
        if key is not None:
            self.pool.withdrawn(self.now, key)


@settings(max_examples=60, deadline=None)
@given(EVENTS)
def test_nothing_is_assigned_twice_and_next_is_what_a_full_scan_finds(
    events: list[tuple[str, int, float]],
) -> None:
    done = Replay(events)
    assert set(done.holds) == set(done.pool._held)
    assert not set(done.holds) & set(done.pool.queues.studies)


@settings(max_examples=20, deadline=None)
@given(EVENTS)
def test_the_same_events_give_the_same_decisions(events: list[tuple[str, int, float]]) -> None:
    assert Replay(events).log == Replay(events).log


@settings(max_examples=30, deadline=None)
@given(EVENTS, st.sampled_from(NAMES))
def test_a_rebuilt_pool_decides_as_the_one_that_lived_through_it(
    events: list[tuple[str, int, float]], reader: str
) -> None:
    lived = Replay([one for one in events if one[0] in {"arrive", "next", "upgrade"}])
    rebuilt = pool_of(Policy(guard_late=1), on=NAMES[:5])
    for _, found in lived.pool.queues.studies.values():
        rebuilt.arrived(lived.now, found)
    assert rebuilt.best(lived.now, reader, 99) == lived.pool.best(lived.now, reader, 99)


def reads(pool: Pool, coming: Sequence[Study]) -> list[tuple[str, int]]:
    """Everybody reads until nothing is left; who reads what, in order."""
    order = [(one.reader, one.study) for one in pool.arrived(0, *coming)]
    for reader, key in order:
        pool.taken(0, reader, key)
    now = 0.0
    while pool.queues.studies and now < 3000:
        now += 7
        for reader in NAMES:
            one = pool.presence.reader(reader)
            for key in list(one.holding):
                pool.read_done(now, reader, key)
            key = pool.next(now, reader)
            if key is not None:
                pool.taken(now, reader, key)
                order.append((reader, key))
    return order


@settings(max_examples=20, deadline=None)
@given(st.lists(KINDS, max_size=25), st.randoms(use_true_random=False))
def test_the_order_of_simultaneous_arrivals_changes_nothing(
    kinds: list[tuple[str, str, str]], dice: random.Random
) -> None:
    coming = [study(number, *kind) for number, kind in enumerate(kinds)]
    shuffled = dice.sample(coming, len(coming))
    assert reads(pool_of(), coming) == reads(pool_of(), shuffled)


@settings(max_examples=40, deadline=None)
@given(st.lists(KINDS, min_size=1, max_size=20), st.integers(0, 19), st.floats(0, 1400))
def test_an_upgrade_never_delays_a_study(
    kinds: list[tuple[str, str, str]], which: int, now: float
) -> None:
    pool = pool_of(on=NAMES)
    for number, kind in enumerate(kinds):
        pool.arrived(0, study(number, *kind))
    key = which % len(kinds)
    old = pool.queues.studies[key][1]
    before = {reader: pool.best(now, reader, 99) for reader in NAMES}
    pool.upgraded(now, key, "stat", min(old.due, now + LIMITS["stat"]))
    for reader, seen in before.items():
        after = pool.best(now, reader, 99)
        if key in seen:
            assert after.index(key) <= seen.index(key)


@settings(max_examples=40, deadline=None)
@given(KINDS, st.sampled_from(NAMES), st.floats(0, 40))
def test_stat_is_open_at_once_to_everyone_of_the_own_group(
    kind: tuple[str, str, str], reader: str, now: float
) -> None:
    pool = pool_of(on=NAMES)
    pool.arrived(now, study(1, kind[0], kind[1], "stat", now))
    assert pool.may_take(now, reader, 1) is (1 in pool.best(now, reader, 1))
    if READERS[reader][0] == SITES[kind[0]]:
        assert pool.may_take(now, reader, 1)


def test_of_two_who_take_one_study_the_second_is_told() -> None:
    pool = pool_of()
    pool.arrived(0, study(1, "ash", "ct", "ed"))
    pool.taken(0, "ann", 1)
    try:
        pool.taken(0, "ben", 1)
    except Conflict as told:
        assert "was taken" in str(told)
    else:
        raise AssertionError("taken twice")
