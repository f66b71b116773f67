"""Gaps in the coming days, by demand, shifts and agreements."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from confrere.kernel.ids import AgreementId, GroupId, ReaderId
from confrere.network.coverage import NOBODY, OWN, PARTNER, QUIET, gaps, lent_at, strip
from confrere.network.model import Agreement, Directory, Reader
from confrere.network.presence import Shift

MINE, OTHER = GroupId(UUID(int=1)), GroupId(UUID(int=2))
NOW = datetime(2026, 11, 24, 0, 20, tzinfo=UTC)
START = NOW.replace(minute=0)
DEMAND = {(1, hour, "neuro"): 0.5 for hour in range(20)}  # Tuesday, until 20:00
HOUR = timedelta(hours=1)
LENDS = Agreement(
    AgreementId(UUID(int=3)), MINE, OTHER, "neuro", frozenset(), frozenset({"neuro"}),
    frozenset(), frozenset({"final"}), date(2026, 1, 1), date(2027, 1, 1), "in force",
    time(8), time(14), "UTC",
)  # fmt: skip


def reader(number: int, group: GroupId, first: int, last: int) -> Reader:
    shift = Shift(START + first * HOUR, START + last * HOUR)
    words = frozenset({"neuro"})
    return Reader(ReaderId(UUID(int=number)), group, "R", "1", words, shifts=(shift,))


def directory(*readers: Reader, agreement: Agreement = LENDS) -> Directory:
    return Directory({}, {}, {one.id: one for one in readers}, (agreement,))


def covers(made: Directory) -> str:
    letters = {OWN: "o", PARTNER: "p", NOBODY: "!", QUIET: "."}
    hours = strip(made, MINE, "neuro", DEMAND, "UTC", NOW, 1)
    return "".join(letters[one.cover] for one in hours)


def test_each_hour_is_covered_by_own_readers_partners_or_nobody() -> None:
    made = directory(reader(1, MINE, 0, 6), reader(2, OTHER, 4, 12))
    assert covers(made) == "oooooo!!pppp!!!!!!!!...."


def test_a_suspended_agreement_or_a_shift_for_the_own_group_covers_nothing() -> None:
    partner = reader(2, OTHER, 4, 12)
    stopped = replace(LENDS, state="suspended")
    assert "p" not in covers(directory(partner, agreement=stopped))
    own_only = replace(partner, shifts=(replace(partner.shifts[0], takes_overflow=False),))
    assert "p" not in covers(directory(own_only))


def test_gaps_are_runs_with_a_remedy() -> None:
    made = directory(reader(1, MINE, 0, 6), reader(2, OTHER, 4, 12))
    hours = strip(made, MINE, "neuro", DEMAND, "UTC", NOW, 1)
    first, second = gaps(hours, "neuro", {OTHER: "Prairie"})
    assert (first.starts_at, first.ends_at) == (START + 6 * HOUR, START + 8 * HOUR)
    assert first.expected == 1.0
    assert first.remedy.startswith("add a shift, or agree")
    assert second.starts_at == START + 12 * HOUR
    assert "ask Prairie to roster neuro" in second.remedy


def test_an_agreement_lends_at_its_hours_and_days() -> None:
    assert lent_at(LENDS, "neuro", START + 8 * HOUR)
    assert not lent_at(LENDS, "neuro", START + 14 * HOUR)
    assert not lent_at(LENDS, "chest", START + 8 * HOUR)
    assert not lent_at(replace(LENDS, ends_on=date(2026, 6, 1)), "neuro", START + 8 * HOUR)
    weekend = replace(LENDS, window_start=None, window_end=None, weekdays=frozenset({5, 6}))
    assert not lent_at(weekend, "neuro", START)
