"""The dispatcher in memory, rule by rule."""

import numpy as np
import pytest

from confrere.kernel.errors import Conflict, Invalid, NotFound
from confrere.worklist.explaining import explain, sentence
from confrere.worklist.pacts import Agreement
from confrere.worklist.policy import EVENNESS_FIRST, Policy, Wishes, ring_of
from confrere.worklist.queues import Study
from confrere.worklist.routing import Pool, Proposal
from tests.unit.routing_pool import OPEN, SITES, pool_of, rings_of, scan, study


def take(pool: Pool, now: float, reader: str, key: int) -> None:
    pool.taken(now, reader, key)


def test_the_rings_put_own_and_matched_first_and_a_partners_common_work_last() -> None:
    assert ring_of(own=True, matched=False, advanced=False) == 0
    assert ring_of(own=True, matched=True, advanced=True) == 0
    assert ring_of(own=False, matched=True, advanced=True) == 1
    assert ring_of(own=True, matched=False, advanced=True) == 2
    assert ring_of(own=False, matched=True, advanced=False) == 3


def test_an_idle_subspecialist_of_the_own_group_gets_an_advanced_study() -> None:
    pool = pool_of()
    assert pool.arrived(0, study(1, "ash", "mr-brain", "inpatient")) == [Proposal(1, "ann")]


def test_of_the_idle_the_one_with_least_work_this_shift_gets_a_common_study() -> None:
    pool = pool_of(on=["ann", "ben"])
    pool.arrived(0, study(1, "ash", "ct", "ed"))
    take(pool, 0, "ann", 1)
    pool.read_done(10, "ann", 1)
    assert pool.arrived(11, study(2, "ash", "ct", "ed", 11)) == [Proposal(2, "ben")]


def test_a_study_is_held_for_a_subspecialist_who_is_rostered_before_the_hold_ends() -> None:
    pool = pool_of(on=["ben"])
    pool.roster_changed(0, "ann", [(60, 500)])
    assert pool.arrived(0, study(1, "ash", "mr-brain", "inpatient")) == []
    assert pool.next(59, "ben") is None
    pool.roster_changed(61, "ann", [])
    assert pool.next(61, "ben") == 1


def test_a_rostered_reader_who_does_not_come_is_not_waited_for() -> None:
    pool = pool_of(on=["ben"])
    pool.roster_changed(0, "ann", [(30, 500)])
    pool.arrived(0, study(1, "ash", "mr-brain", "inpatient"))
    assert pool.next(44, "ben") is None
    assert pool.next(46, "ben") == 1  # 15 minutes' grace are over


def test_the_hold_ends_though_the_subspecialist_is_there_but_busy() -> None:
    pool = pool_of(on=["ann", "ben"])
    pool.arrived(0, study(1, "ash", "mr-brain", "inpatient"))
    take(pool, 0, "ann", 1)
    pool.arrived(0, study(2, "ash", "mr-brain", "inpatient"))
    assert pool.next(0.74 * 240, "ben") is None
    assert pool.next(0.76 * 240, "ben") == 2


def test_stat_is_never_held() -> None:
    pool = pool_of(on=["ben"])
    pool.roster_changed(0, "ann", [(1, 500)])
    assert pool.arrived(0, study(1, "ash", "mr-brain", "stat")) == [Proposal(1, "ben")]


def test_a_stat_without_an_idle_reader_puts_aside_what_is_not_urgent() -> None:
    pool = pool_of(on=["ann", "ben"])
    pool.arrived(0, study(1, "ash", "ct", "ed"), study(2, "ash", "ct", "routine"))
    take(pool, 0, "ann", 1)
    take(pool, 0, "ben", 2)
    assert pool.arrived(1, study(3, "ash", "ct", "stat", 1)) == [Proposal(3, "ben", True)]
    pool.taken(1, "ben", 3, put_aside=True)
    assert pool.arrived(2, study(4, "ash", "ct", "stat", 2)) == []  # nobody twice
    pool.read_done(9, "ben", 3)
    assert not pool.presence.idle[pool.presence.reader("ben").row]
    pool.read_done(15, "ben", 2)
    assert pool.next(15, "ben") == 4


def test_partners_get_common_work_by_day_only_when_half_of_the_limit_is_used() -> None:
    pool = pool_of(on=["dan"])
    closed = Agreement(hours=lambda _: (False, np.inf), overflow=0.5, match_any_hour=True)
    pool.set_agreement(0, "north", "south", closed)
    pool.arrived(0, study(1, "ash", "ct", "ed"))
    assert pool.next(29, "dan") is None
    assert pool.next(30, "dan") == 1
    pool.arrived(30, study(2, "ash", "mr-brain", "inpatient", 30))
    assert pool.may_take(30, "dan", 2)


def test_an_agreements_hours_act_when_they_come() -> None:
    pool = pool_of(on=["dan"])
    night = Agreement(hours=lambda now: (now >= 600, 600.0 if now < 600 else np.inf))
    pool.set_agreement(0, "north", "south", night)
    pool.arrived(0, study(1, "ash", "ct", "routine"))
    assert pool.next(599, "dan") is None
    assert pool.next(600, "dan") == 1


def test_a_suspended_agreement_and_a_used_up_cap_close_at_once() -> None:
    pool = pool_of(on=["dan"])
    pool.arrived(0, study(1, "ash", "ct", "ed"), study(2, "ash", "ct", "ed"))
    pool.set_agreement(1, "north", "south", Agreement(in_force=False))
    assert pool.next(1, "dan") is None
    pool.set_agreement(2, "north", "south", Agreement(cap=1))
    assert pool.next(2, "dan") == 1
    take(pool, 2, "dan", 1)
    assert pool.best(3, "dan", 5) == []
    pool.returned(4, "dan", 1)
    assert pool.best(4, "dan", 5) == [1, 2]


def test_a_revoked_privilege_acts_at_once_and_a_new_one_too() -> None:
    pool = pool_of(on=["ben"])
    pool.arrived(0, study(1, "ash", "ct", "ed"), study(2, "birch", "ct", "ed"))
    pool.set_rings("ben", rings_of("ben", ["birch"]))
    assert pool.best(0, "ben", 9) == [2]
    assert pool.proposal(0, 1) is None
    pool.set_rings("ben", rings_of("ben"))
    assert pool.proposal(0, 1) == Proposal(1, "ben")


def test_what_was_held_for_a_revoked_subspecialist_opens() -> None:
    pool = pool_of(on=["ann", "ben"])
    pool.paused("ann")
    pool.arrived(0, study(1, "ash", "mr-brain", "inpatient"))
    assert pool.next(1, "ben") is None
    pool.set_rings("ann", {})
    assert pool.next(1, "ben") == 1


def test_a_paused_reader_is_offered_nothing() -> None:
    pool = pool_of(on=["ben"])
    pool.paused("ben")
    assert pool.arrived(0, study(1, "ash", "ct", "ed")) == []
    pool.resumed("ben")
    assert pool.proposal(0, 1) == Proposal(1, "ben")


def test_a_declined_study_comes_back_to_its_decliner_only_after_the_others() -> None:
    pool = pool_of(on=["ann", "ben"])
    pool.arrived(0, study(1, "ash", "ct", "ed"))
    assert pool.declined(0, "ann", 1) == [Proposal(1, "ben")]
    assert pool.next(0, "ann") is None
    take(pool, 0, "ben", 1)
    assert pool.returned(1, "ben", 1, declined=True) == [Proposal(1, "ann")]
    assert pool.next(1, "ben") is None


def test_who_declines_sees_the_next_study_of_the_same_queue() -> None:
    pool = pool_of(on=["ann", "ben"])
    pool.arrived(0, study(1, "ash", "ct", "ed"), study(2, "ash", "ct", "ed", due=61.0))
    pool.declined(0, "ann", 1)
    assert pool.next(0, "ann") == 2
    assert pool.best(0, "ben", 9) == [1, 2]


def test_an_excluded_reader_is_never_offered_a_study() -> None:
    pool = pool_of(on=["ben"])
    pool.arrived(0, study(1, "ash", "ct", "stat", excluded=frozenset({"ben"})))
    assert pool.next(500, "ben") is None
    assert pool.upgraded(500, 1, "stroke", 505) == []


def test_a_patients_studies_come_along_but_a_trauma_patients_are_split() -> None:
    pool = pool_of(on=["ben"])
    pool.arrived(
        0,
        study(1, "ash", "ct", "ed", patient="p"),
        study(2, "ash", "xr", "inpatient", patient="p"),
        study(3, "ash", "mr-brain", "inpatient", patient="p"),
        study(4, "ash", "ct", "stat", patient="t", split=True),
        study(5, "ash", "xr", "stat", patient="t", split=True),
    )
    assert pool.bundle(0, "ben", 1) == [2, 3]
    assert pool.bundle(0, "ben", 4) == []
    take(pool, 0, "ben", 1)
    assert pool.bundle(0, "ben", 1) == [2, 3]
    take(pool, 0, "ben", 2)
    pool.read_done(5, "ben", 1)
    assert not pool.presence.idle[pool.presence.reader("ben").row]


def test_a_group_that_wants_evenness_holds_nothing() -> None:
    pool = pool_of(on=["ben"])
    pool.roster_changed(0, "ann", [(30, 500)])
    pool.set_wishes("north", EVENNESS_FIRST)
    assert pool.arrived(0, study(1, "ash", "mr-brain", "routine")) == [Proposal(1, "ben")]


def test_the_quick_come_before_the_long_while_several_are_late() -> None:
    pool = pool_of(Policy(guard_late=3, guard_minutes=np.inf), on=["ben"])
    for number, site in enumerate(("ash", "birch")):
        pool.arrived(0, study(number, site, "ct", "ed"), study(number + 5, site, "xr", "ed"))
    assert pool.next(0, "ben") == 0
    assert pool.next(70, "ben") == 5


def test_the_quick_come_before_the_long_when_more_acute_work_waits_than_can_be_done() -> None:
    for minutes, first in ((np.inf, 0), (20.0, 9)):
        pool = pool_of(Policy(guard_minutes=minutes, scarce=0), on=["ben"])
        pool.arrived(0, *(study(k, "ash", "ct", "ed") for k in range(4)))
        pool.arrived(1, study(9, "ash", "xr", "ed", 1))
        assert pool.next(5, "ben") == first


def test_a_specialist_takes_a_held_study_first_when_others_may_soon_take_it() -> None:
    for worth, first in ((0.0, 2), (0.5, 1)):
        pool = pool_of(Policy(match_worth=worth), on=["ann"])
        pool.arrived(0, study(1, "ash", "mr-brain", "routine", due=1440 * 0.3))
        pool.arrived(0, study(2, "ash", "ct", "inpatient"))
        assert pool.next(0, "ann") == first


def test_of_acute_studies_about_as_urgent_the_one_that_fewer_may_read_is_first() -> None:
    for scarce, first in ((0.0, 1), (0.15, 2)):
        pool = pool_of(Policy(scarce=scarce), on=["ann", "ben"])
        pool.set_rings("ann", rings_of("ann", ["ash"]))
        pool.arrived(0, study(1, "ash", "ct", "ed", due=60.0))
        pool.arrived(0, study(2, "cedar", "ct", "ed", due=61.0))
        assert pool.next(0, "ben") == first


def test_a_stat_interrupts_a_specialist_rather_than_going_to_an_idle_generalist() -> None:
    for minutes, offer in (
        (4.0, Proposal(2, "ann", put_aside=True)),
        (13.0, Proposal(2, "ben")),
    ):
        pool = pool_of(Policy(put_aside_match=minutes), on=["ann", "ben"])
        pool.arrived(0, study(1, "ash", "mr-brain", "routine"))
        take(pool, 0, "ann", 1)
        assert pool.arrived(0, study(2, "ash", "mr-brain", "stat")) == [offer]


def test_nobody_is_interrupted_for_a_match_where_nobody_is_to_be_interrupted() -> None:
    pool = pool_of(Policy(put_aside_after=np.inf), on=["ann", "ben"])
    pool.arrived(0, study(1, "ash", "mr-brain", "routine"))
    take(pool, 0, "ann", 1)
    assert pool.arrived(0, study(2, "ash", "mr-brain", "stat")) == [Proposal(2, "ben")]


def test_a_specialist_who_reads_acute_work_is_not_interrupted_for_a_match() -> None:
    pool = pool_of(on=["ann", "ben"])
    pool.arrived(0, study(1, "ash", "mr-brain", "ed"))
    take(pool, 0, "ann", 1)
    assert pool.arrived(0, study(2, "ash", "mr-brain", "stat")) == [Proposal(2, "ben")]


def test_a_stat_goes_to_the_idle_reader_who_is_quickest() -> None:
    pool = pool_of(on=["ben", "ann"])
    pool.set_reader("ben", "north", speed=0.8)
    pool.worked("ben", 20.0)
    assert pool.arrived(60, study(1, "ash", "ct", "stat", 60)) == [Proposal(1, "ben")]
    assert pool.arrived(60, study(2, "ash", "ct", "ed", 60)) == [Proposal(2, "ann")]


def test_acute_work_goes_before_late_inpatients_while_much_of_it_waits() -> None:
    for reserve, first in ((0.0, 1), (1.0, 2)):
        pool = pool_of(Policy(reserve=reserve, guard_late=99), on=["ben"])
        pool.arrived(0, study(1, "ash", "ct", "inpatient"))
        pool.arrived(235, *(study(k, "ash", "ct", "ed", 235) for k in range(2, 6)))
        assert pool.next(235, "ben") == first


def test_a_withdrawn_study_is_gone_whether_it_waits_or_is_read() -> None:
    pool = pool_of(on=["ben"])
    pool.arrived(0, study(1, "ash", "ct", "ed"), study(2, "ash", "ct", "ed"))
    take(pool, 0, "ben", 1)
    pool.withdrawn(1, 1)
    pool.withdrawn(1, 2)
    assert pool.next(1, "ben") is None
    assert pool.presence.idle[pool.presence.reader("ben").row]


def test_a_contracts_limit_and_a_changed_service_line_act_on_what_waits() -> None:
    pool = pool_of(on=["ben"])
    pool.roster_changed(0, "ann", [(60, 500)])
    pool.arrived(0, study(1, "ash", "mr-brain", "inpatient"))
    assert pool.next(1, "ben") is None
    pool.set_site("ash", "north", {"inpatient": 1000.0})
    assert pool.next(1, "ben") == 1  # 240 of 1,000 minutes are less than the share held
    assert SITES["ash"] == "north"


def test_what_the_pool_does_not_know_or_hold_is_an_error_in_words() -> None:
    pool = pool_of()
    with pytest.raises(NotFound):
        pool.next(0, "zoe")
    with pytest.raises(NotFound):
        pool.arrived(0, Study(1, "elm", "ct", "ed", 60))
    with pytest.raises(NotFound):
        pool.arrived(0, Study(1, "ash", "us", "ed", 60))
    with pytest.raises(Invalid):
        pool.arrived(0, Study(1, "ash", "ct", "soon", 60))
    with pytest.raises(Invalid):
        pool.arrived(0, Study(1, "ash", "ct", "ed", np.inf))
    with pytest.raises(Invalid):
        Wishes(hold={"ed": 1.5})
    pool.arrived(0, study(1, "ash", "ct", "ed"))
    with pytest.raises(Conflict):
        pool.arrived(0, study(1, "ash", "ct", "ed"))
    take(pool, 0, "ben", 1)
    with pytest.raises(Conflict):
        take(pool, 0, "ann", 1)
    with pytest.raises(Conflict):
        pool.read_done(1, "ann", 1)


def test_a_decision_is_explained_as_data_and_as_a_sentence() -> None:
    pool = pool_of(on=["ann", "ben", "dan"])
    pool.arrived(0, study(1, "ash", "mr-brain", "inpatient"), study(2, "ash", "ct", "routine"))
    why = explain(pool, 0, "ann", 1)
    assert (why.ring, why.visible, why.runner_up, why.agreement) == (0, 2, 2, None)
    assert why.opens == pytest.approx((0, 0.31 * 240, 0.75 * 240, 0.75 * 240))
    assert sentence(why) == (
        "Inpatient neuro: your group, subspecialty match; due in 240 min; "
        "first of 2 open queues you may read; urgency +0.37"
    )
    with pytest.raises(Conflict):
        explain(pool, 0, "ben", 1)
    late = explain(pool, 0.76 * 240, "ben", 1)
    assert "outside your subspecialty, the hold for a subspecialist has ended" in sentence(late)
    partner = explain(pool, 0.5 * 240, "dan", 1)
    assert partner.agreement == "pact" == OPEN.id
    assert sentence(partner).startswith(
        "Inpatient neuro: partner group under agreement, subspecialty match"
    )


def test_a_list_is_in_the_order_in_which_next_would_give_it() -> None:
    pool = pool_of(on=["ben"])
    rows = [("ct", "ed"), ("xr", "routine"), ("ct", "inpatient"), ("xr", "stat"), ("ct", "ed")]
    for number, (service, level) in enumerate(rows):
        pool.arrived(number, study(number, "ash", service, level, number))
    listed = pool.best(5, "ben", 9)
    assert set(listed) == {0, 1, 2, 3, 4}
    for expected in listed:
        assert pool.next(5, "ben") in scan(pool, 5, "ben")
        assert pool.next(5, "ben") == expected
        pool.withdrawn(5, expected)
