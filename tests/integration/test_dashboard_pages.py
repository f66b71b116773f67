"""Who sees which numbers on the dashboard and the pooled page, over HTTP."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from confrere.analytics import service as analytics
from confrere.analytics.periods import Period, Scope, whole_months
from confrere.analytics.pooled import TOTAL
from confrere.database.engine import transaction
from confrere.identity import service as identity
from confrere.kernel.ids import GroupId, ReaderId, SiteId
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.network.model import Group, Site
from confrere.web import dashboard_page, pooled_page
from tests.database import Databases, clone, drop
from tests.integration import web_shell
from tests.integration.test_dashboard import fact

NONE = UUID(int=0)
ME, COLLEAGUE = ReaderId(UUID(int=70)), ReaderId(UUID(int=71))
LAST_WEEK = datetime(2026, 11, 17, 15, tzinfo=UTC)
LAST_MONTH = datetime(2026, 10, 14, 15, tzinfo=UTC)
EVIL = "=HYPERLINK(1) Hospital"


@dataclass(frozen=True, eq=False)
class Place:
    """Two groups, three sites, and the application served."""

    made: Databases
    site: web_shell.Site
    home: GroupId
    away: GroupId
    here: SiteId
    other: SiteId  # of the home group
    theirs: SiteId  # of the other group

    def get(self, role: Role, path: str, **owned: object) -> httpx.Response:
        """Ask as a person of that role and belongings."""
        values = {"group": self.home, "reader": None, "site": None} | owned
        return self.site.client(**self._token(role, tuple(values.items()))).get(path)

    @cache  # noqa: B019 - a place lives as long as the run; hashing passwords is slow
    def _token(self, role: Role, values: tuple[tuple[str, object], ...]) -> dict[str, str]:
        with transaction(self.made.app, frozenset()) as conn:
            user = identity.create_user(
                conn, uuid4().hex, "Dr Ana Kessler", role, password=web_shell.PASSWORD,
                now=self.site.clock(), **dict(values),  # type: ignore[arg-type]
            )  # fmt: skip
        return self.site.token(user)


def add_site(conn: Connection, group: GroupId, name: str) -> SiteId:
    plan = Site(
        SiteId(NONE), group, name[:8], name, name, "IL", "America/Chicago", "hospital", name[:6]
    )
    return network.add_site(conn, plan)


@pytest.fixture(scope="module")
def place(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    made = clone(postgres_socket, template)
    with transaction(made.system, frozenset()) as conn:
        home, away, *more = (
            network.add_group(conn, Group(GroupId(NONE), f"G{n}", f"Secret Name {n}", "UTC"))
            for n in range(6)
        )
        here, other = (add_site(conn, home, n) for n in ("Lakeside Hospital", EVIL))
        theirs = add_site(conn, away, "Theirs Hospital")
        facts = [
            *(
                fact(home, here, LAST_WEEK, m, reader_id=ME, reader_group=home)
                for m in (10, 20)
            ),
            fact(home, here, LAST_WEEK, 90, reader_id=COLLEAGUE, reader_group=away),
            fact(home, here, None, None, final_at=LAST_WEEK),
            fact(home, other, LAST_WEEK, 40, reader_id=ME, reader_group=home),
            fact(away, theirs, LAST_WEEK, 500, reader_id=ME, reader_group=home),
            fact(away, theirs, LAST_WEEK, 700, reader_group=away, priority="stroke"),
        ]
        for group in (home, away, *more):
            facts += [fact(group, here, LAST_MONTH, 30 + n) for n in range(20)]
        facts += [fact(more[0], here, LAST_MONTH, 5, priority="stroke") for _ in range(5)]
        analytics.record(conn, facts)
    folder: Path = tmp_path_factory.mktemp("assets")
    site = web_shell.Site(made, folder, (dashboard_page.router, pooled_page.router))
    with web_shell.serving(site):
        yield Place(made, site, home, away, here, other, theirs)
    drop(made)


WEEK = "from=2026-11-16&to=2026-11-22"


def test_the_answer_for_programs_is_that_of_the_recorded_instants(place: Place) -> None:
    answer = place.get(Role.GROUP_MANAGER, f"/api/measures/turnaround?{WEEK}")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    total = told["total"]
    assert (total["exams"], total["measured"]) == (5, 4)
    assert total["excluded"] == {"missing": 1, "negative": 0}
    assert (total["median_minutes"], total["mean_minutes"]) == (30, 40)
    assert total["p90_minutes"] == pytest.approx(75)
    assert total["within_limit"]["met"] == 3
    assert total["indicative"] is True
    assert "type 7" in told["quantiles"]
    assert told["clock_sources"] == {"order status": 5}
    assert told["by_site"][str(place.here)]["median_minutes"] == 20
    assert told["read_for_other_groups"]["median_minutes"] == 500
    assert str(place.theirs) not in answer.text
    assert told["you"] is None
    one = place.get(
        Role.GROUP_MANAGER, f"/api/measures/turnaround?{WEEK}&site={place.other}&priority=ed"
    ).json()
    assert (one["total"]["median_minutes"], one["read_for_other_groups"]) == (40, None)


def test_a_program_may_ask_between_instants(place: Place) -> None:
    ends = {
        "from": LAST_WEEK.isoformat(),
        "to": (LAST_WEEK + timedelta(minutes=20)).isoformat(),
    }
    address = f"/api/measures/turnaround?{urlencode(ends)}"
    told = place.get(Role.GROUP_MANAGER, address).json()
    # signed 0, 10 and not yet 20 minutes after; the first has no clock
    assert (told["total"]["exams"], told["count"], told["median_minutes"]) == (2, 1, 10)
    bad = urlencode(ends | {"to": "2026-11-17T16:00:00"})
    assert place.get(Role.GROUP_MANAGER, f"/api/measures/turnaround?{bad}").status_code == 422
    assert place.get(Role.GROUP_MANAGER, f"/dashboard?{urlencode(ends)}").status_code == 422


def test_a_reader_sees_the_own_figures_and_nobody_elses_name(place: Place) -> None:
    answer = place.get(Role.RADIOLOGIST, f"/api/measures/turnaround?{WEEK}", reader=ME)
    you = answer.json()["you"]
    assert (you["exams"], you["median_minutes"]) == (4, 30)
    page = place.get(Role.RADIOLOGIST, f"/dashboard?{WEEK}", reader=ME).text
    assert "only you see this" in page
    assert "n&lt;30, indicative" in page or "n<30, indicative" in page
    assert str(COLLEAGUE) not in page
    assert "only you see this" not in place.get(Role.GROUP_MANAGER, "/dashboard").text


def test_a_hospital_sees_its_own_exams_and_cannot_ask_for_others(place: Place) -> None:
    address = f"/api/measures/turnaround?{WEEK}"
    told = place.get(Role.HOSPITAL_CLIENT, address, site=place.other).json()
    assert (told["total"]["exams"], told["total"]["median_minutes"]) == (1, 40)
    assert list(told["by_site"]) == [str(place.other)]
    assert told["read_for_other_groups"] is None
    wrong = place.get(Role.HOSPITAL_CLIENT, f"{address}&site={place.here}", site=place.other)
    assert wrong.status_code == 404
    page = place.get(Role.HOSPITAL_CLIENT, f"/dashboard?{WEEK}", site=place.other)
    assert "Lakeside" not in page.text
    assert "Read for other groups" not in page.text


def test_another_groups_site_is_unknown_and_wrong_filters_name_their_field(
    place: Place,
) -> None:
    address = "/api/measures/turnaround?"
    assert place.get(Role.GROUP_MANAGER, f"{address}site={place.theirs}").status_code == 404
    for wrong in ("site=1", "priority=fast", "from=yesterday", "from=2026-02-02&to=2026-01-01"):
        assert place.get(Role.GROUP_MANAGER, address + wrong).status_code == 422, wrong
    assert place.get(Role.ANALYST, "/dashboard", group=None).status_code == 403


def test_a_scope_that_claims_more_groups_gets_no_more_rows(place: Place) -> None:
    week = Period(LAST_WEEK.date(), LAST_WEEK.date(), "UTC")
    mine, wide = frozenset({place.home}), frozenset({place.home, place.away})
    with transaction(place.made.app, mine) as conn:
        # of the other group's two exams, row-level security shows the one we read
        assert analytics.total(conn, Scope(wide), week).exams == 6
        assert analytics.total(conn, Scope(mine), week).exams == 5
        assert analytics.total(conn, Scope(mine, lent=True), week).exams == 1
    with transaction(place.made.system, frozenset()) as conn:
        # without row-level security the query alone still keeps to the scope
        assert analytics.total(conn, Scope(mine), week).exams == 5
        assert analytics.total(conn, Scope(mine, lent=True), week).exams == 1
    with transaction(place.made.app, frozenset()) as conn:
        assert analytics.total(conn, Scope(wide), week).exams == 0


def test_the_file_defuses_what_a_spreadsheet_would_run(place: Place) -> None:
    address = f"/dashboard/export.csv?table=turnaround-by-site&{WEEK}"
    answer = place.get(Role.GROUP_MANAGER, address)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert f"'{EVIL},1,1,0,0,40,40,40,40,1,100," in answer.text
    assert "\n=" not in answer.text
    missing = place.get(Role.GROUP_MANAGER, f"/dashboard/export.csv?table=none&{WEEK}")
    assert missing.status_code == 404


def test_an_empty_period_says_not_measured_and_never_zero_minutes(place: Place) -> None:
    page = place.get(Role.GROUP_MANAGER, "/dashboard?from=2025-01-06&to=2025-01-12").text
    assert "Not measured here" in page
    assert "0 min" not in page
    total = place.get(
        Role.GROUP_MANAGER, "/api/measures/turnaround?from=2025-01-06&to=2025-01-12"
    ).json()["total"]
    assert (total["exams"], total["median_minutes"], total["within_limit"]) == (0, None, None)


def test_the_pool_shows_sums_of_all_groups_and_names_none(place: Place) -> None:
    page = place.get(Role.ANALYST, "/pooled", group=None)
    assert page.status_code == 200
    assert "6 groups, none named" in page.text
    assert "Secret Name" not in page.text
    assert "All member groups contribute until opt-ins are set (later)" in page.text
    months = whole_months(place.site.clock().date(), "UTC")
    with transaction(place.made.app, frozenset()) as conn:
        pool = analytics.pool(conn, months)
    # five stroke exams of one group: withheld, and with them the rest that would tell
    assert pool.at(priority="stroke").withheld
    assert pool.at(priority="ed").withheld
    assert not pool.at().withheld
    assert (pool.at().exams, pool.at().median) == (120, 39)
    assert TOTAL in pool.cells


def test_a_manager_sees_the_own_group_beside_the_pool(place: Place) -> None:
    page = place.get(Role.GROUP_MANAGER, "/pooled").text
    assert "Your group" in page
    assert "Secret Name" not in page
    file = place.get(Role.GROUP_MANAGER, "/pooled/export.csv?table=pooled-by-priority").text
    assert "Stroke,withheld,withheld" in file
    assert place.get(Role.RADIOLOGIST, "/pooled", reader=ME).status_code == 403


def test_the_pools_function_is_the_apps_alone_and_gives_no_rows(place: Place) -> None:
    months = whole_months(place.site.clock().date(), "UTC")
    with transaction(place.made.app, frozenset()) as conn:
        assert analytics.pool(conn, months).groups == 6
    with place.made.system.begin() as conn, pytest.raises(DBAPIError, match="permission"):
        analytics.pool(conn, months)
    earlier = Period(
        months.first - timedelta(days=800), months.last - timedelta(days=800), "UTC"
    )
    with transaction(place.made.app, frozenset()) as conn:
        assert analytics.pool(conn, earlier).cells == {}
