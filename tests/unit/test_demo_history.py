"""The synthetic history has the shape of a year of work."""

import itertools
from datetime import UTC, datetime

import numpy as np
import pytest

from confrere.demo import catalogue, history_load, people, places
from confrere.demo.history import ED, PRIORITIES, ROUTINE, STROKE, Flags
from confrere.demo.history_load import History
from confrere.demo.history_reading import MIGRATION_DAYS, MIGRATION_SITE

NOW = datetime(2026, 11, 24, 3, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def year() -> History:
    return history_load.draw(NOW, 1)


def at(year: History, code: str) -> Flags:
    return year.seen.site == [one.code for one in places.SITES].index(code)


def minutes(year: History, which: Flags) -> float:
    waited = (year.reads.final - year.seen.complete)[which] / 60
    assert waited.size > 60
    return float(np.percentile(waited, 90))


def days(year: History) -> np.ndarray:
    return (year.seen.complete - NOW.timestamp()) / 86_400


def test_it_has_a_hundred_thousand_exams_and_no_group_a_quarter(year: History) -> None:
    assert year.seen.site.size >= 110_000
    groups = np.array([one.group for one in places.SITES])[year.seen.site]
    _, counts = np.unique(groups, return_counts=True)
    assert counts.size == 6
    assert counts.max() / counts.sum() < 0.25
    assert (year.crowd.site[year.patient] == year.seen.site).all()


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    one, same, other = (history_load.draw(NOW, seed, 3000) for seed in (4, 4, 5))
    assert (one.reads.final == same.reads.final).all()
    assert (
        one.reads.final.shape != other.reads.final.shape
        or (one.reads.final != other.reads.final).any()
    )


def test_instants_come_in_order(year: History) -> None:
    reads, complete = year.reads, year.seen.complete
    steps = (
        reads.ordered, reads.first_image, complete, reads.offered, reads.claimed, reads.final
    )  # fmt: skip
    for before, after in itertools.pairwise(steps):
        assert (before <= after).all()
    told = reads.preliminary >= 0
    assert told.any()
    assert (reads.claimed[told] <= reads.preliminary[told]).all()
    assert (reads.preliminary[told] <= reads.final[told]).all()


def test_outpatients_come_by_day_and_emergencies_also_by_night(year: History) -> None:
    night = (year.seen.hour >= 22) | (year.seen.hour < 6)
    part = [float(night[year.seen.patient_class == kind].mean()) for kind in range(3)]
    assert part[0] > 0.12
    assert part[2] < 0.01
    assert part[0] > part[2]


def test_the_urgent_is_read_sooner(year: History) -> None:
    each = [
        minutes(year, year.seen.priority == PRIORITIES.index(one))
        for one in (STROKE, ED, ROUTINE)
    ]
    assert each == sorted(each)
    assert each[1] < 150
    assert each[2] < 2880


def test_fox_hollows_neuro_is_read_sooner_since_the_agreement(year: History) -> None:
    neuro = np.array([one.subspecialty == "neuro" for one in catalogue.PROCEDURES])
    mine = neuro[year.seen.procedure] & at(year, "HCM")
    mine &= year.seen.priority == PRIORITIES.index(ED)
    before, after = mine & (days(year) < -184), mine & (days(year) > -130)
    assert minutes(year, after) < 0.8 * minutes(year, before)
    group = np.array([one.group for one in people.RADIOLOGISTS])[year.reads.reader]
    assert set(group[before]) == {places.FOX}
    assert 0.4 < (group[after] != places.FOX).mean() < 0.95


def test_the_migration_shows_once_and_at_its_site_only(year: History) -> None:
    ed = year.seen.priority == PRIORITIES.index(ED)
    then = (days(year) >= MIGRATION_DAYS[0]) & (days(year) < MIGRATION_DAYS[1])
    moved, elsewhere = at(year, MIGRATION_SITE), at(year, "GBR")
    assert minutes(year, ed & then & moved) > 1.8 * minutes(year, ed & ~then & moved)
    assert minutes(year, ed & then & elsewhere) < 1.4 * minutes(year, ed & ~then & elsewhere)


def test_patients_are_fit_for_their_exams(year: History) -> None:
    kind = np.array([one.subspecialty for one in catalogue.PROCEDURES])[year.seen.procedure]
    female, years = year.crowd.female[year.patient], year.crowd.born[year.patient] / 365.25
    assert female[kind == "breast"].all()
    assert (years[kind == "peds"] < 18).all()
    assert (years[kind == "neuro"] >= 18).all()


def test_readers_from_other_groups_are_licensed_and_privileged_there(year: History) -> None:
    for reader, site in {*zip(year.reads.reader, year.seen.site, strict=True)}:
        who, where = people.RADIOLOGISTS[reader], places.SITES[site]
        if who.group != where.group:
            assert where.state in who.states
            assert where.code in who.privileges
