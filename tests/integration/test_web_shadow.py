"""The page of a site's records: what agrees, the way live with or against it, and back."""

from collections.abc import Iterator

import pytest

from confrere.database.engine import transaction
from confrere.kernel.principal import Role
from confrere.network import modes
from confrere.network import service as network
from confrere.network.model import SHADOW
from confrere.network.signing import By
from confrere.web import directory_page, network_page, shadow_page, worklist_page
from confrere.worklist import service as worklist
from confrere.worklist import shadowing
from tests.integration.beside_house import complete, receive, report
from tests.integration.lists_house import House, lists_house
from tests.integration.world import NOW, order_message

ROUTERS = [shadow_page.router, network_page.router, worklist_page.router, directory_page.router]


@pytest.fixture
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(postgres_socket, template, ROUTERS) as made:
        yield made


def shadowed(house: House) -> str:
    """Put the site into shadow mode, with an exam that it reported, one that waits, a bad code."""
    world = house.world
    with transaction(house.made.system, frozenset()) as conn:
        by = By(world.owner, "Olga Owner")
        site = modes.change(conn, world.site, SHADOW, by, "the feeds are new", NOW)
        shadowing.follow(conn, [site], NOW)
        complete(conn, world)
        receive(conn, world, report("F", at=NOW), NOW)
        complete(conn, world, "LM101")
        receive(conn, world, order_message("LM102", code="MYSTERY", control="M", status="CM"))
    return f"/sites/{world.site}/shadow"


def test_the_report_says_line_by_line_what_is_good_and_what_next(house: House) -> None:
    path = shadowed(house)
    page = house.signed_in(Role.IT_ENGINEER).get(path).text
    assert "Not ready to cut over." in page
    assert "Procedure codes mapped" in page
    assert "2 of 3" in page
    assert "MYSTERY" in page
    assert "at least 99 %" in page
    assert "too few to judge" in page
    assert "the feeds are new" in page
    assert "DOE" not in page
    assert "LM101" not in page, "no numbers of patients' exams on this page"
    assert "0 of 3 within 2 min" in page, "complete at 14:50, heard at 15:00"
    reader = house.signed_in(Role.RADIOLOGIST, reader=house.world.general)
    assert "shadow mode</span>" in reader.get("/network").text


def test_its_tables_are_files_and_its_period_is_picked(house: House) -> None:
    path = shadowed(house)
    browser = house.signed_in(Role.GROUP_MANAGER)
    codes = browser.get(f"{path}/export.csv", params={"table": "codes"})
    assert codes.headers["content-type"] == "text/csv; charset=utf-8"
    assert "MYSTERY,CT head without contrast,1" in codes.text
    outliers = browser.get(f"{path}/export.csv", params={"table": "outliers"}).text
    assert outliers.count("exam complete,") == 3
    assert "LM10" not in outliers
    assert browser.get(f"{path}/export.csv", params={"table": "x"}).status_code == 404
    early = browser.get(path, params={"from": "2026-01-01", "to": "2026-01-05"}).text
    assert "nothing to compare" in early
    assert browser.get(path, params={"from": "2025-01-01"}).status_code == 422
    assert browser.get(path, params={"from": "soon"}).status_code == 422


def test_a_cut_over_needs_to_be_confirmed_and_against_doubts_a_reason(house: House) -> None:
    path = shadowed(house)
    manager = house.signed_in(Role.GROUP_MANAGER)
    live = f"/sites/{house.world.site}/live"
    assert manager.post(live, data={"reason": "all is typed by hand"}).status_code == 422
    assert manager.post(live, data={"confirm": "yes"}).status_code == 422
    done = manager.post(live, data={"confirm": "yes", "reason": "all is typed by hand"})
    assert done.status_code == 303
    page = manager.get(path).text
    assert "Back into shadow mode" in page
    assert "all is typed by hand" in page
    assert "against:" in page
    with transaction(house.made.system, frozenset()) as conn:
        assert not network.is_shadow(conn, house.world.site)
        assert [one.shadow for one in worklist.open_items(conn)] == [False]
    noted = house.trail("site mode")[0]
    assert noted.detail["mode"] == "live"
    assert noted.detail["opened"] == 1
    assert (
        manager.post(live, data={"confirm": "yes", "reason": "once more now"}).status_code
        == 409
    )
    back = f"/sites/{house.world.site}/shadow"
    assert manager.post(back, data={"reason": "no"}).status_code == 422
    assert manager.post(back, data={"reason": "results do not arrive"}).status_code == 303
    with transaction(house.made.system, frozenset()) as conn:
        assert [one.shadow for one in worklist.open_items(conn)] == [True]


def test_who_may_see_and_who_may_cut_over(house: House) -> None:
    path = shadowed(house)
    live, form = (
        f"/sites/{house.world.site}/live",
        {"confirm": "yes", "reason": "because I can"},
    )
    admin = house.signed_in(Role.ADMINISTRATOR)
    assert admin.get(path).status_code == 200
    assert admin.post(live, data=form).status_code == 403
    reader = house.signed_in(Role.RADIOLOGIST, reader=house.world.general)
    assert reader.get(path).status_code == 403
    assert reader.post(live, data=form).status_code == 403
    other = house.signed_in(Role.GROUP_MANAGER, house.world.partner)
    assert other.get(path).status_code == 404
    assert other.post(live, data=form).status_code == 404
    minutes = f"/sites/{house.world.site}/outside"
    engineer = house.signed_in(Role.IT_ENGINEER)
    assert engineer.post(minutes, data={"minutes": "3"}).status_code == 422
    assert engineer.post(minutes, data={"minutes": "45"}).status_code == 303
    assert 'value="45"' in engineer.get(path).text


def test_the_worklist_shows_shadow_exams_apart_and_to_the_owner_alone(house: House) -> None:
    shadowed(house)
    mine = house.signed_in(Role.RADIOLOGIST, reader=house.world.general).get("/worklist").text
    assert ">Shadow<b>1</b>" in mine
    assert 'data-lists="shadow"' in mine
    assert "All<b>0</b>" in mine
    other = house.signed_in(
        Role.RADIOLOGIST, house.world.partner, reader=house.world.neuro
    ).get("/worklist").text  # fmt: skip
    assert "Shadow<b>" not in other


def test_a_site_may_begin_in_shadow_mode(house: House) -> None:
    form = {
        "name": "New Hospital", "code": "NEWH", "state": "IL", "time_zone": "America/Chicago",
        "kind": "hospital", "assigner": "NEWH", "mode": "shadow",
    }  # fmt: skip
    browser = house.signed_in(Role.GROUP_MANAGER)
    assert browser.post("/network/sites", data=form).status_code == 303
    page = browser.get("/network").text
    assert "shadow mode</span>" in page
    assert "Compare and cut over" in page
    with transaction(house.made.system, frozenset()) as conn:
        site = next(one for one in network.sites(conn) if one.code == "NEWH")
        assert modes.history(conn, site.id)[0].mode == SHADOW
