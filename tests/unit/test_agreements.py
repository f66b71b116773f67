"""When an agreement lets one group read another's exam."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import AgreementId, GroupId, SiteId
from confrere.network.agreements import Asked, consent, covers, kept_home, overflow_opens
from confrere.network.model import Agreement, Group, OptOut, Site, Suspension
from confrere.network.terms import Rate, Terms, check, differing, digest_of
from confrere.network.wall_time import choices, instant_of, window_around

SITE = SiteId(UUID(int=9))
OWNER, READING = GroupId(UUID(int=1)), GroupId(UUID(int=2))
CHICAGO = "America/Chicago"
NIGHT = Agreement(
    AgreementId(UUID(int=1)), OWNER, READING, "nights",
    frozenset({SITE}), frozenset({"neuro"}), frozenset(), frozenset({"final"}),
    date(2026, 1, 1), date(2026, 12, 31), "in force",
    time(22), time(7), CHICAGO,
)  # fmt: skip
AT_NIGHT = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


def asked(at: datetime = AT_NIGHT, **changes: object) -> Asked:
    made = Asked(SITE, "neuro", "stat", "CT", "CT head", frozenset({"final"}), at)
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        (datetime(2026, 11, 24, 4, 0, tzinfo=UTC), True),  # 22:00 in Chicago
        (datetime(2026, 11, 24, 3, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 24, 12, 59, tzinfo=UTC), True),  # 06:59
        (datetime(2026, 11, 24, 13, 0, tzinfo=UTC), False),  # 07:00, half open
        (datetime(2026, 7, 1, 12, 30, tzinfo=UTC), False),  # 07:30 in summer time
    ],
)
def test_a_night_window_is_local_wall_time_across_midnight(at: datetime, inside: bool) -> None:
    assert (covers(NIGHT, asked(at)) == "") is inside


def test_a_night_belongs_to_the_weekday_on_which_it_starts() -> None:
    friday = replace(NIGHT, weekdays=frozenset({4}))
    saturday_early = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)  # 03:00 on a Saturday
    assert covers(friday, asked(saturday_early)) == ""
    assert "outside" in covers(friday, asked(saturday_early + timedelta(days=1)))
    whole_days = replace(friday, window_start=None, window_end=None)
    assert "Saturdays" in covers(whole_days, asked(saturday_early))


@pytest.mark.parametrize(
    ("wall", "instant"),
    [
        (time(1, 59), datetime(2026, 3, 8, 7, 59, tzinfo=UTC)),
        (time(2, 0), datetime(2026, 3, 8, 8, 0, tzinfo=UTC)),  # skipped: the end of the gap
        (time(2, 59), datetime(2026, 3, 8, 8, 0, tzinfo=UTC)),
        (time(3, 0), datetime(2026, 3, 8, 8, 0, tzinfo=UTC)),
    ],
)
def test_a_skipped_wall_time_means_the_end_of_the_gap(wall: time, instant: datetime) -> None:
    assert instant_of(date(2026, 3, 8), wall, CHICAGO) == instant


def test_a_doubled_wall_time_means_its_first_showing_and_both_are_known() -> None:
    first, second = (datetime(2026, 11, 1, hour, 30, tzinfo=UTC) for hour in (6, 7))
    assert choices(date(2026, 11, 1), time(1, 30), CHICAGO).instants == (first, second)
    assert instant_of(date(2026, 11, 1), time(1, 30), CHICAGO) == first


def test_a_skipped_wall_time_names_the_two_that_were_meant() -> None:
    found = choices(date(2026, 3, 8), time(2, 30), CHICAGO)
    assert found.instants == ()
    assert [f"{one:%H:%M}" for one in found.around] == ["01:30", "03:30"]


@pytest.mark.parametrize("night", [date(2026, 3, 7), date(2026, 10, 31)])
@pytest.mark.parametrize("meets", [time(1, 30), time(2, 30)])
def test_windows_that_meet_on_the_wall_meet_in_time_on_both_odd_nights(
    night: date, meets: time
) -> None:
    at = instant_of(night, time(22), CHICAGO)
    until = instant_of(night + timedelta(days=1), time(7), CHICAGO)
    while at < until:
        early = window_around(at, time(22), meets, CHICAGO) is not None
        late = window_around(at, meets, time(7), CHICAGO) is not None
        assert early != late, at
        at += timedelta(minutes=10)


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 7), 8), ((2026, 10, 31), 10)])
def test_a_night_is_an_hour_shorter_or_longer_when_the_clocks_change(
    day: tuple[int, int, int], hours: int
) -> None:
    at = instant_of(date(*day), time(23), CHICAGO)
    found = window_around(at, time(22), time(7), CHICAGO)
    assert found is not None
    assert found[1] - found[0] == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"state": "suspended"}, "suspended"),
        ({"ends_on": date(2026, 6, 1)}, "ran 2026-01-01 to 2026-06-01"),
        ({"site_ids": frozenset({SiteId(UUID(int=8))})}, "this site"),
        ({"subspecialties": frozenset({"chest"})}, "neuro"),
        ({"priorities": frozenset({"routine"})}, "stat"),
        ({"modalities": frozenset({"MR"})}, "CT"),
        ({"read_types": frozenset({"preliminary"})}, "final reads"),
        ({"daily_cap": 3, "taken": 3}, "3 exams of today are taken"),
    ],
)
def test_each_term_says_why_it_does_not_cover(changes: dict[str, object], says: str) -> None:
    assert says in covers(replace(NIGHT, **changes), asked())  # type: ignore[arg-type]


def test_dates_are_days_of_the_agreements_own_zone() -> None:
    last = replace(NIGHT, ends_on=date(2026, 11, 23))
    assert covers(last, asked()) == ""  # 22:00 on the 23rd in Chicago, the 24th in UTC
    assert "ran" in covers(last, asked(AT_NIGHT + timedelta(hours=3)))


def test_a_read_begun_in_time_may_be_finished_but_not_under_a_suspended_agreement() -> None:
    morning = AT_NIGHT + timedelta(hours=10)
    assert "outside" in covers(NIGHT, asked(morning))
    begun = asked(morning, begun_at=AT_NIGHT)
    assert covers(replace(NIGHT, daily_cap=1, taken=1), begun) == ""
    stopped = Suspension(NIGHT.id, OWNER, "Olga", "staffing", AT_NIGHT)
    suspended = replace(NIGHT, state="suspended", suspensions=(stopped,))
    assert "suspended (staffing)" in covers(suspended, begun)


@pytest.mark.parametrize(
    ("opt_out", "kept"),
    [
        ({}, True),
        ({"site": SITE, "modality": "CT"}, True),
        ({"modality": "MR"}, False),
        ({"procedure": "CT Head"}, True),
        ({"procedure": "perfusion"}, False),
        ({"priority": "routine"}, False),
        ({"starts_on": date(2026, 12, 1)}, False),
        ({"ends_on": date(2026, 11, 22)}, False),
        ({"ends_on": date(2026, 11, 23)}, True),
    ],
)
def test_an_opt_out_keeps_its_class_of_exams_home(
    opt_out: dict[str, object], kept: bool
) -> None:
    made = replace(OptOut(UUID(int=1), OWNER, date(2026, 1, 1)), **opt_out)  # type: ignore[arg-type]
    assert (kept_home([made], asked(), CHICAGO) is not None) is kept
    lends = replace(NIGHT, kept_home=(made,))
    assert (covers(lends, asked()) == "") is not kept


def test_an_exam_of_unknown_type_stays_home_where_it_might_be_meant() -> None:
    made = OptOut(UUID(int=1), OWNER, date(2026, 1, 1), subspecialty="breast")
    assert kept_home([made], asked(subspecialty="", modality=""), CHICAGO)


def test_consent_tells_every_reason_and_a_remedy() -> None:
    other = replace(NIGHT, title="days", subspecialties=frozenset({"chest"}))
    stopped = replace(NIGHT, state="suspended")
    found = consent([other, stopped], OWNER, READING, asked())
    assert found.agreement is None
    assert "does not include neuro" in found.why_not
    assert "resume" in found.remedy
    assert consent([replace(NIGHT, state="proposed")], OWNER, READING, asked()).why_not == (
        "no agreement between the two groups"
    )


def test_overflow_opens_by_the_share_left_or_at_a_wall_time() -> None:
    came, due = AT_NIGHT, AT_NIGHT + timedelta(hours=10)

    def opens(agreement: Agreement, *, urgent: bool = False, own: bool = True) -> timedelta:
        return overflow_opens(agreement, came, due, urgent=urgent, own_cover=own) - came

    half = replace(NIGHT, overflow_share=Decimal("0.5"))
    assert opens(half) == timedelta(hours=5)
    assert opens(half, urgent=True) == opens(half, own=False) == timedelta()
    assert opens(replace(half, own_first=False)) == timedelta()
    assert opens(NIGHT) == timedelta(hours=10)
    assert opens(replace(NIGHT, overflow_from=time(1))) == timedelta(hours=3)
    assert opens(replace(NIGHT, overflow_from=time(21))) == timedelta(hours=23)


GROUPS = {
    one: Group(one, str(one.int), f"Group {one.int}", CHICAGO) for one in (OWNER, READING)
}
SITES = {SITE: Site(SITE, OWNER, "S", "Site", "Site", "IL", CHICAGO, "hospital", "A")}
TERMS = Terms(
    "nights", date(2026, 1, 1), date(2026, 12, 31), CHICAGO, rate=Rate(Decimal("31.50"), "wRVU")
)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": " "}, "title"),
        ({"ends_on": date(2025, 1, 1)}, "ends_on"),
        ({"window_zone": "Chicago"}, "window_zone"),
        ({"window_start": time(22)}, "window_end"),
        ({"read_types": frozenset()}, "read_types"),
        ({"read_types": frozenset({"quick"})}, "read_types"),
        ({"site_ids": frozenset({SiteId(UUID(int=8))})}, "site_ids"),
        ({"daily_cap": -1}, "daily_cap"),
        ({"response_minutes": {"stat": 0}}, "response_minutes"),
        ({"overflow_share": Decimal("1.2")}, "overflow_share"),
        ({"overflow_share": Decimal("0.5"), "overflow_from": time(1)}, "overflow_from"),
        ({"rate": Rate(Decimal(-1), "wRVU")}, "rate"),
    ],
)
def test_terms_that_nobody_could_sign_are_refused_by_name(
    changes: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        check(replace(TERMS, **changes), GROUPS, SITES, OWNER, READING)  # type: ignore[arg-type]
    assert refused.value.field == field


def test_the_digest_covers_every_term_and_differences_are_named() -> None:
    def digest(terms: Terms) -> str:
        return digest_of(AgreementId(UUID(int=1)), 1, OWNER, READING, terms)

    dearer = replace(TERMS, rate=Rate(Decimal("31.51"), "wRVU"))
    same = replace(TERMS, rate=Rate(Decimal("31.5000"), "wRVU"))
    assert digest(TERMS) == digest(same) != digest(dearer)
    assert differing(TERMS, replace(dearer, daily_cap=5)) == ("daily_cap", "rate")
