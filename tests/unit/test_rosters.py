"""Who is on duty for what: shifts, signing on, and the two odd nights of the year."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, ReaderId, SiteId
from confrere.network.model import Directory, Reader
from confrere.network.presence import Attendance, Presence, Shift
from confrere.network.rosters import (
    Written,
    checked,
    cover,
    rostered,
    serves,
    shift_of,
    week_of,
    weekly,
)

CHICAGO = "America/Chicago"
MINE, OTHER = GroupId(UUID(int=1)), GroupId(UUID(int=2))
SITE = SiteId(UUID(int=9))
START = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
SHIFT = Shift(START, START + timedelta(hours=8), "day")
READER = Reader(
    ReaderId(UUID(int=5)),
    MINE,
    "Novak, Nina",
    "1",
    frozenset({"neuro", "msk"}),
    shifts=(SHIFT,),
)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def said(act: str, hours: float) -> Reader:
    return replace(READER, last_act=Attendance(act, at(hours)))


@pytest.mark.parametrize(
    ("reader", "hours", "presence"),
    [
        (READER, 1, Presence.ROSTERED),
        (READER, 8, Presence.OFF),
        (said("sign on", 0.1), 1, Presence.SIGNED_ON),
        (said("sign on", -0.5), 1, Presence.SIGNED_ON),
        (said("pause", 1), 2, Presence.PAUSED),
        (said("resume", 2), 3, Presence.SIGNED_ON),
        (said("sign off", 5), 6, Presence.SIGNED_OFF),
        (said("sign off", -0.5), 1, Presence.ROSTERED),  # of the shift before
        (said("sign on", -9), 1, Presence.ROSTERED),
    ],
)
def test_presence_is_the_shift_and_what_was_said_in_it(
    reader: Reader, hours: float, presence: Presence
) -> None:
    assert reader.presence(at(hours)) is presence
    there = presence in (Presence.ROSTERED, Presence.SIGNED_ON)
    assert reader.on_duty(at(hours)) is there


def test_who_does_not_sign_on_is_a_no_show_where_the_group_asks_for_it() -> None:
    asked = replace(READER, sign_on_within=timedelta(minutes=15))
    assert asked.presence(at(0.2)) is Presence.EXPECTED
    assert asked.presence(at(0.25)) is Presence.NO_SHOW
    assert not asked.on_duty(at(1))
    came = replace(asked, last_act=Attendance("sign on", at(0.9)))
    assert came.on_duty(at(1))


def test_a_shift_says_for_what_it_is_meant() -> None:
    only = replace(
        SHIFT, subspecialties=frozenset({"neuro"}), site_ids=frozenset({SITE}),
        takes_overflow=False,
    )  # fmt: skip
    reader = replace(READER, shifts=(only,))
    assert serves(reader, MINE, "neuro", SITE, at(1))
    assert serves(reader, MINE, "neuro", None, at(1))
    assert not serves(reader, MINE, "msk", SITE, at(1))
    assert not serves(reader, MINE, "neuro", SiteId(UUID(int=8)), at(1))
    assert not serves(reader, OTHER, "neuro", SITE, at(1))
    assert serves(READER, OTHER, "neuro", SITE, at(1))


def test_cover_is_an_own_reader_there_for_the_subspecialty() -> None:
    away = replace(READER, last_act=Attendance("pause", at(0.5)))
    for reader, covered in (
        (READER, True),
        (away, False),
        (replace(READER, active=False), False),
    ):
        directory = Directory({}, {}, {reader.id: reader}, ())
        assert cover(directory, MINE, "neuro", SITE, at(1)) is covered
        assert not cover(directory, MINE, "chest", SITE, at(1))
        assert not cover(directory, OTHER, "neuro", SITE, at(1))
    assert rostered([away], MINE, "neuro", at(1)) == 1


def test_a_night_shift_on_an_odd_night_lasts_as_long_as_the_clocks_say() -> None:
    spring = shift_of(Written(date(2026, 3, 7), time(23), time(7)), CHICAGO)
    autumn = shift_of(Written(date(2026, 10, 31), time(23), time(7)), CHICAGO)
    assert spring.ends_at - spring.starts_at == timedelta(hours=7)
    assert autumn.ends_at - autumn.starts_at == timedelta(hours=9)


def test_a_shift_in_a_skipped_hour_is_refused_with_the_two_valid_times() -> None:
    with pytest.raises(Invalid, match="Choose 01:30 or 03:30") as refused:
        shift_of(Written(date(2026, 3, 8), time(2, 30), time(10)), CHICAGO)
    assert refused.value.field == "start"
    with pytest.raises(Invalid, match="Choose 01:30 or 03:30") as refused:
        shift_of(Written(date(2026, 3, 7), time(20), time(2, 30)), CHICAGO)
    assert refused.value.field == "until"


def test_in_a_doubled_hour_one_picks_which() -> None:
    written = Written(date(2026, 11, 1), time(1, 30), time(9))
    with pytest.raises(Invalid, match="comes twice"):
        shift_of(written, CHICAGO)
    first = shift_of(replace(written, twice="first"), CHICAGO)
    second = shift_of(replace(written, twice="second"), CHICAGO)
    assert second.starts_at - first.starts_at == timedelta(hours=1)


def test_a_weekly_shift_keeps_its_wall_time_over_the_change_of_clocks() -> None:
    made = [shift_of(one, CHICAGO) for one in weekly(
        Written(date(2026, 10, 29), time(7), time(15)), 2)]  # fmt: skip
    assert made[1].starts_at - made[0].starts_at == timedelta(days=7, hours=1)
    with pytest.raises(Invalid):
        weekly(Written(date(2026, 10, 29), time(7), time(15)), 60)


def test_a_shift_of_days_is_refused() -> None:
    with pytest.raises(Invalid, match="36 hours"):
        checked(replace(SHIFT, ends_at=at(40)))
    assert week_of(date(2026, 11, 29))[0] == date(2026, 11, 23)
