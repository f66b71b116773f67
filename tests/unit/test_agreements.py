"""When an agreement lets one group read another's exam."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from uuid import UUID

import pytest

from confrere.kernel.ids import AgreementId, GroupId, SiteId
from confrere.network.agreements import covers
from confrere.network.model import Agreement

SITE = SiteId(UUID(int=9))
NIGHT = Agreement(
    AgreementId(UUID(int=1)), GroupId(UUID(int=1)), GroupId(UUID(int=2)), "nights",
    frozenset({SITE}), frozenset({"neuro"}), frozenset(), "final",
    date(2026, 1, 1), date(2026, 12, 31), "in force",
    time(22), time(7), "America/Chicago",
)  # fmt: skip


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
    assert (covers(NIGHT, SITE, "neuro", "stat", at) == "") is inside


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"state": "suspended"}, "suspended"),
        ({"ends_on": date(2026, 6, 1)}, "ran 2026-01-01 to 2026-06-01"),
        ({"site_ids": frozenset({SiteId(UUID(int=8))})}, "this site"),
        ({"subspecialties": frozenset({"chest"})}, "neuro"),
        ({"priorities": frozenset({"routine"})}, "stat"),
    ],
)
def test_each_term_says_why_it_does_not_cover(changes: dict[str, object], says: str) -> None:
    at = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
    assert says in covers(replace(NIGHT, **changes), SITE, "neuro", "stat", at)  # type: ignore[arg-type]
