"""The demonstration's collaborative is complete, and its story holds at any hour."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confrere.demo import agreements, catalogue, collaborative, people, places, rota
from confrere.network.agreements import IN_FORCE
from confrere.network.model import READS_ELSEWHERE
from confrere.network.npi import npi_holds

START = datetime(2026, 1, 1, tzinfo=UTC)
moments = st.timedeltas(timedelta(), timedelta(days=730)).map(lambda past: START + past)


def on_duty(now: datetime, at: datetime) -> set[str]:
    found = set()
    for group in places.GROUPS:
        readers = [one for one in people.READERS if one.group == group.code]
        for key, shifts in rota.duty(readers, group.time_zone, now).items():
            if any(shift.starts_at <= at < shift.ends_at for shift in shifts):
                found.add(key)
    return found


def test_six_groups_of_three_to_eight_readers_have_thirty_radiologists() -> None:
    sizes = Counter(one.group for one in people.RADIOLOGISTS)
    assert len(places.GROUPS) == 6
    assert set(sizes) == {one.code for one in places.GROUPS}
    assert sum(sizes.values()) == 30
    assert all(3 <= size <= 8 for size in sizes.values())


def test_at_least_eight_sites_lie_in_three_states_and_share_all_volume() -> None:
    assert len(places.SITES) >= 8
    assert {one.state for one in places.SITES} == {"IL", "WI", "IN"}
    assert sum(one.share for one in places.SITES) == pytest.approx(1)
    assert [one.code for one in places.SITES if one.reporting == READS_ELSEWHERE] == ["EKH"]


def test_identifiers_are_each_one_persons_or_sites_own() -> None:
    assert len({one.assigner for one in places.SITES}) == len(places.SITES)
    assert len({one.prefix for one in places.SITES}) == len(places.SITES)
    assert len(people.BY_KEY) == len(people.READERS)
    assert all(len(one.aet) <= 16 for one in places.SITES)
    assert Counter(places.shares_its_machines(one) for one in places.SITES)[True] == 2


@pytest.mark.parametrize(
    ("written", "holds"),
    [("1234567893", True), ("1234567894", False), ("123456789", False), ("12345678x3", False)],
)
def test_the_check_digit_is_that_of_the_published_example(written: str, holds: bool) -> None:
    assert npi_holds(written) is holds


def test_every_reader_has_a_valid_npi_of_their_own() -> None:
    made = {collaborative.npi(number) for number in range(len(people.READERS))}
    assert len(made) == len(people.READERS)
    assert all(npi_holds(one) for one in made)


def test_users_have_every_role_and_belong_where_their_role_needs() -> None:
    assert {one.role for one in people.USERS} == set(people.Role)
    assert sum(one.role is people.Role.RADIOLOGIST for one in people.USERS) >= 6
    assert len({one.username for one in people.USERS}) == len(people.USERS)
    for one in people.USERS:
        if one.reader:
            assert people.BY_KEY[one.reader].group == one.group
        if one.site:
            assert places.site(one.site).group == one.group


def test_each_site_has_forty_procedures_under_codes_of_its_own() -> None:
    assert len(catalogue.PROCEDURES) >= 40
    for site in places.SITES:
        codes = {catalogue.local_code(site, one.word) for one in catalogue.PROCEDURES}
        assert len(codes) == len(catalogue.PROCEDURES)
    written = {catalogue.local_code(site, "CTHEAD") for site in places.SITES}
    assert len(written) == 3


@given(now=moments, offset=st.timedeltas(timedelta(hours=-12), timedelta(days=13)))
def test_at_any_hour_meridian_oaks_neuroradiologist_is_on_duty_and_fox_hollows_is_not(
    now: datetime, offset: timedelta
) -> None:
    there = on_duty(now, now + offset)
    assert {"raman", "whitfield", "vasquez"} <= there
    assert "hargrove" not in there
    neuro = {one.key for one in people.READERS if "neuro" in one.subspecialties}
    assert not {k for k in neuro & there if people.BY_KEY[k].group == places.FOX}


@given(now=moments)
def test_the_storys_three_readers_differ_in_one_fact_each(now: datetime) -> None:
    today = now.date()

    def licensed(key: str) -> bool:
        held = collaborative.licences(people.BY_KEY[key], today)
        return any(
            one.state == "IL" and one.valid_from <= today <= one.valid_to for one in held
        )

    def privileged(key: str) -> bool:
        held = collaborative.privileges(people.BY_KEY[key], today)
        return any(
            one.site == "HCM" and one.valid_from <= today <= one.valid_to for one in held
        )

    facts = {k: (licensed(k), privileged(k)) for k in ("raman", "whitfield", "vasquez")}
    assert facts == {
        "raman": (True, True), "whitfield": (False, True), "vasquez": (True, False),
    }  # fmt: skip


def test_agreements_name_what_exists_and_cover_several_pairs() -> None:
    words = {one.subspecialty for one in catalogue.PROCEDURES}
    codes = {one.code for one in places.SITES}
    groups = {one.code for one in places.GROUPS}
    for one in agreements.AGREEMENTS:
        assert one.subspecialties <= words
        assert one.sites <= codes
        assert {one.owner, one.reading} <= groups
        assert one.owner != one.reading
    assert sum(one.state == IN_FORCE for one in agreements.AGREEMENTS) >= 6
    assert [one.state for one in agreements.AGREEMENTS].count("suspended") == 1
    night = next(one for one in agreements.AGREEMENTS if "nights by Card" in one.title)
    assert [night.covers_hour(hour) for hour in (21, 22, 3, 7)] == [False, True, True, False]


@given(now=moments, offset=st.timedeltas(timedelta(hours=-12), timedelta(days=13)))
def test_at_any_hour_a_generalist_of_every_group_is_on_duty(
    now: datetime, offset: timedelta
) -> None:
    there = on_duty(now, now + offset) - people.RESIDENT_KEYS
    general = {k for k in there if set(people.BY_KEY[k].subspecialties) >= people.GENERALIST}
    assert {people.BY_KEY[k].group for k in general} == {one.code for one in places.GROUPS}
