"""Given and taken: each pair's figures are those of the exams, and only the pair sees them."""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from confrere.analytics import service as analytics
from confrere.analytics.model import ExamFact
from confrere.analytics.turnaround import Interval, summarize
from confrere.database.engine import transaction
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.network.model import Group
from confrere.web import given_page
from confrere.web.given_view import asked, months_before
from tests.integration.lists_house import House, lists_house
from tests.integration.world import NOW, World

HOUR = timedelta(hours=1)
OCTOBER = datetime(2026, 10, 15, 12, tzinfo=NOW.tzinfo)


def fact(world: World, number: int, at: datetime, **changes: object) -> ExamFact:
    """A neuro exam of the owner, read by the partner within `number` minutes."""
    made = ExamFact(
        world.owner, None, None, world.site, f"LM{number:04d}", "CT", "head", "neuro", "ed", "E",
        at - HOUR, at - number * timedelta(minutes=1), "order status", None, None, None, None,
        at, at, world.neuro, world.partner, "confrere", Decimal("0.85"),
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(postgres_socket, template, [given_page.router]) as made:
        world = made.world
        late = {"due_at": OCTOBER - HOUR, "priority": "stat", "subspecialty": "=cmd"}
        with transaction(made.made.system, frozenset()) as conn:
            third = network.add_group(
                conn,
                Group(GroupId(UUID(int=0)), "OTH", "Elsewhere Imaging", "America/Chicago"),
            )
            analytics.record(conn, [
                *(fact(world, n, NOW - 2 * HOUR) for n in range(10, 50, 10)),
                fact(world, 60, OCTOBER, wrvu=None),
                fact(world, 70, OCTOBER, **late),
                fact(world, 80, NOW - HOUR, owner_group=world.partner,
                     reader_group=world.owner, reader_id=world.general, wrvu=Decimal("2.5")),
                fact(world, 90, NOW - HOUR, reader_group=world.owner, reader_id=world.general),
                fact(world, 91, NOW - HOUR, owner_group=third),
            ])  # fmt: skip
        yield made


def rows(
    house: House, table: str, month: str = "", group: GroupId | None = None
) -> list[dict[str, str]]:
    who = (Role.GROUP_MANAGER, group) if group else (Role.GROUP_MANAGER,)
    text = (
        house.signed_in(*who).get(f"/given-taken/export.csv?table={table}&month={month}").text
    )
    lines = text.lstrip("\ufeff").split("\r\n\r\n")[0]
    return list(csv.DictReader(io.StringIO(lines)))


def test_the_months_figures_are_those_of_its_exams(house: House) -> None:
    given, taken = rows(house, "given-taken")
    expected = summarize(
        Interval(NOW - 2 * HOUR - n * timedelta(minutes=1), NOW - 2 * HOUR, NOW - 2 * HOUR)
        for n in range(10, 50, 10)
    )
    assert (given["Partner"], given["Direction"]) == ("Prairie", "they read for you")
    assert (given["Exams"], given["wRVU"], given["Within (%)"]) == ("4", "3.4", "100")
    assert float(given["Median (min)"]) == expected.median
    assert float(given["P90 (min)"]) == expected.p90
    assert (taken["Exams"], taken["wRVU"]) == ("1", "2.5")


def test_an_earlier_month_shows_what_is_late_and_what_has_no_wrvu(house: House) -> None:
    given, taken = rows(house, "given-taken", "2026-10")
    assert (given["Exams"], given["Without wRVU"], given["Within (%)"]) == ("2", "1", "50")
    assert taken["Exams"] == "0"
    kinds = rows(house, "by-subspecialty", "2026-10")
    assert {one["Subspecialty"] for one in kinds} == {"neuro", "'=cmd"}  # no formula runs
    assert [one["Level"] for one in rows(house, "by-level", "2026-10")] == ["STAT", "ED"]


def test_the_balance_adds_up_over_twelve_months(house: House) -> None:
    months = rows(house, "balance")
    assert [one["Month"] for one in months][-2:] == ["2026-10", "2026-11"]
    assert len(months) == 12
    sums = [float(one["Balance since the first month (wRVU)"]) for one in months[-2:]]
    assert sums == pytest.approx([-0.85, -0.85 - 3.4 + 2.5], abs=0.01)


def test_the_partner_sees_the_same_pair_from_its_side_and_no_other(house: House) -> None:
    mirrored = rows(house, "given-taken", group=house.world.partner)
    of = {(one["Partner"], one["Direction"]): one["Exams"] for one in mirrored}
    assert of["Lakeshore", "you read for them"] == "4"
    assert of["Lakeshore", "they read for you"] == "1"
    assert of["Elsewhere Imaging", "you read for them"] == "1"
    mine = house.signed_in(Role.GROUP_MANAGER).get("/given-taken").text
    assert "Prairie" in mine
    assert "Elsewhere" not in mine


def test_the_database_gives_a_group_only_its_own_pairs(house: House) -> None:
    """Even a query that asks as the owner group is answered with what the caller may see."""
    world, ago = house.world, NOW - timedelta(days=400)
    with transaction(house.made.app, frozenset({world.partner})) as conn:
        seen = analytics.exchanged(conn, world.owner, ago, NOW)
    with transaction(house.made.app, frozenset({GroupId(UUID(int=5))})) as conn:
        assert analytics.exchanged(conn, world.owner, ago, NOW) == []
        assert analytics.flows(conn, world.owner, [ago, NOW]) == []
    assert {one.reading for one in seen} | {one.owner for one in seen} == {
        world.owner, world.partner,
    }  # fmt: skip


def test_who_manages_no_group_is_told_so_and_others_are_refused(house: House) -> None:
    admin = house.signed_in(Role.ADMINISTRATOR, None)
    assert admin.get("/given-taken").status_code == 403
    reads = house.signed_in(Role.RADIOLOGIST, house.world.owner, house.world.general)
    assert reads.get("/given-taken").status_code == 403
    assert house.signed_in(Role.GROUP_MANAGER).get("/given-taken?month=soon").status_code == 422
    unknown = "/given-taken/export.csv?table=other"
    assert house.signed_in(Role.GROUP_MANAGER).get(unknown).status_code == 404


def test_months_are_whole_and_the_year_ends_with_the_one_asked_for() -> None:
    found = asked("2026-02", date(2026, 11, 24), "America/Chicago")
    assert (found.month.first, found.month.last) == (date(2026, 2, 1), date(2026, 2, 28))
    assert found.year.first == date(2025, 3, 1)
    assert len(found.year.starts()) == 12
    assert months_before(date(2026, 1, 31))[1] == ("2025-12", "December 2025")
    for wrong in ("2026-12", "2026-13", "x", "1999-01"):
        with pytest.raises(Invalid):
            asked(wrong, date(2026, 11, 24), "UTC")
