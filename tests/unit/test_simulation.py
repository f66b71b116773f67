"""A replay reads every exam once, by who may, when they are there; more help never harms."""

import itertools
from collections.abc import Mapping

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from confrere.worklist.policy import Policy
from confrere.worklist.queues import Service
from confrere.worklist.simulation import Arrival, Duty, Replay, Replayed, Setting, outcome

LEVELS = {"stat": 30.0, "ed": 60.0, "inpatient": 240.0, "routine": 1440.0}
SERVICES = {
    "ct": Service("general", advanced=False, minutes=8, rvu=1.0),
    "mr": Service("neuro", advanced=True, minutes=15, rvu=2.0),
}
SITES: Mapping[str, tuple[str, dict[str, float]]] = {"ash": ("north", {}), "bay": ("south", {})}
READERS = {"ann": "north", "ben": "north", "cat": "south"}
DAY = [Duty(name, 0, 600) for name in READERS]


def rings(*names: str) -> dict[str, dict[tuple[str, str, bool], int]]:
    """Everybody reads CT at home; Cat, a neuroradiologist, reads MR everywhere."""
    found: dict[str, dict[tuple[str, str, bool], int]] = {}
    for name in names:
        found[name] = {}
        for site, (owner, _) in SITES.items():
            own = owner == READERS[name]
            for urgent in (False, True):
                if own:
                    found[name][site, "ct", urgent] = 0
                if name == "cat":
                    found[name][site, "mr", urgent] = 0 if own else 1
                elif own:
                    found[name][site, "mr", urgent] = 2
    return found


def setting(duties: list[Duty] | None = None, **more: object) -> Setting:
    turns = more.pop("turns", [(0.0, rings(*READERS))])
    return Setting(Policy(), SITES, SERVICES, READERS, DAY if duties is None else duties, turns)  # type: ignore[arg-type]


def arrivals_of(rows: list[tuple[float, str, str, str]]) -> list[Arrival]:
    return [
        Arrival(at, site, service, level, at + LEVELS[level])
        for at, site, service, level in sorted(rows)
    ]


many = st.lists(
    st.tuples(
        st.floats(0, 500), st.sampled_from(list(SITES)), st.sampled_from(list(SERVICES)),
        st.sampled_from(list(LEVELS)),
    ),
    max_size=40,
).map(arrivals_of)  # fmt: skip


def replay(some: list[Arrival], with_setting: Setting | None = None) -> Replayed:
    return Replay(with_setting or setting()).run(some)


@settings(deadline=None, max_examples=60)
@given(many)
def test_each_exam_is_read_once_by_who_may_and_nobody_reads_two_at_once(
    some: list[Arrival],
) -> None:
    found, may = replay(some), rings(*READERS)
    spans: dict[int, list[tuple[float, float]]] = {}
    for n, one in enumerate(some):
        if found.reader[n] < 0:
            assert np.isnan(found.done[n])
            continue
        name = found.readers[found.reader[n]]
        urgent = one.level in ("stat", "ed")
        assert found.ring[n] == may[name][one.site, one.service, urgent]
        assert found.begun[n] >= one.at
        assert found.done[n] > found.begun[n]
        spans.setdefault(int(found.reader[n]), []).append((found.begun[n], found.done[n]))
    for mine in spans.values():
        ordered = sorted(mine)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(ordered))


@settings(deadline=None, max_examples=30)
@given(many)
def test_the_same_again_comes_out_the_same(some: list[Arrival]) -> None:
    one, other = replay(some), replay(some)
    np.testing.assert_array_equal(one.reader, other.reader)
    np.testing.assert_array_equal(one.done, other.done)


def test_with_nobody_there_everything_stays_unread_and_is_late() -> None:
    came = arrivals_of([(1, "ash", "ct", "ed"), (2, "bay", "mr", "routine")])
    empty = setting(duties=[])
    found = outcome(empty, replay(came, empty))
    assert (found.unread, found.late, found.match) == (2, 100.0, 0.0)


def test_an_advanced_exam_waits_for_the_specialist_who_comes() -> None:
    late_cat = [Duty("ann", 0, 600), Duty("ben", 0, 600), Duty("cat", 60, 600)]
    came = arrivals_of([(1, "ash", "mr", "inpatient")])
    found = replay(came, setting(duties=late_cat))
    assert found.readers[found.reader[0]] == "cat"
    assert found.begun[0] == 60.0
    alone = replay(came, setting(duties=late_cat[:2]))
    assert alone.readers[alone.reader[0]] in ("ann", "ben")
    assert alone.begun[0] < 60


def test_agreements_open_and_close_in_the_middle() -> None:
    closed = rings(*READERS)
    closed["cat"] = {key: ring for key, ring in closed["cat"].items() if ring == 0}
    came = arrivals_of([(10, "ash", "mr", "stat"), (300, "ash", "mr", "stat")])
    only_cat = [Duty("cat", 0, 600)]
    turns = [(0.0, closed), (200.0, rings(*READERS))]
    found = replay(came, setting(duties=only_cat, turns=turns))
    assert found.begun.tolist() == [200.0 + 0.0, found.begun[1]]
    assert found.ring.tolist() == [1, 1]


def test_progress_is_told_to_the_end() -> None:
    told: list[float] = []
    Replay(setting()).run(arrivals_of([(1, "ash", "ct", "ed")]), told.append)
    assert told[0] == 0.0
    assert told[-1] == 1.0


def test_the_sum_counts_percent_minutes_and_evenness() -> None:
    came = arrivals_of(
        [(0, "ash", "ct", "stat"), (0, "ash", "ct", "stat"), (0, "bay", "mr", "ed")]
    )
    found = outcome(setting(), replay(came))
    assert (found.exams, found.unread, found.late) == (3, 0, 0.0)
    assert found.match == 100.0
    assert {one.name: one.exams for one in found.levels} == {"stat": 2, "ed": 1}
    assert found.evenness > 0
    assert found.late_minutes == 0.0
