"""The lead's board in a browser: accessible, live, and an exam given away by keyboard alone."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from confrere.database.engine import transaction
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.web import board_page, choices_page, given_page
from confrere.worklist.declining import decline
from tests.acceptance.chromium import browser, violations
from tests.integration.lists_house import House, lists_house
from tests.integration.test_web_board import WHY, exam, now, rival
from tests.integration.test_web_choices import choose
from tests.integration.web_shell import PASSWORD
from tests.integration.world import NOW


def sign_in(page: Page, house: House) -> None:
    page.goto("/login")
    page.fill(
        "[name=username]", house.account(Role.GROUP_MANAGER, house.world.owner, None, None)
    )
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(lambda url: "/login" not in url)


def test_a_lead_gives_an_exam_away_and_takes_it_back_without_a_mouse(
    postgres_socket: str, template: str, tmp_path: Path
) -> None:
    routers = [board_page.router]
    with (
        lists_house(postgres_socket, template, routers, tmp_path) as house,
        browser() as chrome,
    ):
        with transaction(house.made.system, frozenset()) as conn:
            rita = rival(conn, house.world)
        item, other = exam(house, "LM300"), exam(house, "LM301", code="MYSTERY")
        page = chrome.new_context(base_url=f"http://127.0.0.1:{house.site.port}").new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        sign_in(page, house)
        page.goto("/board")
        expect(page.locator("[data-live]")).to_have_attribute("data-state", "on")
        page.get_by_label("Search the board").fill("LM300")
        page.keyboard.press("Enter")
        expect(page.locator("#count")).to_have_text("1 exam")
        page.keyboard.press("j")
        expect(page.locator("#panel h2")).to_contain_text("CT head")
        assert violations(page) == []
        page.keyboard.press("m")
        expect(page.locator("#panel input[type=radio]").first).to_be_focused()
        page.locator(f"#panel input[value='{rita.id}']").press("Space")
        page.locator("#panel textarea").fill(WHY)
        page.get_by_role("button", name="Give it to them").press("Enter")
        expect(page.locator("#panel")).to_contain_text("Given to Rowe, Rita.")
        expect(page.locator(f"#i-{item.id}")).to_contain_text("moved by hand")
        assert now(house, item).offered_to == rita.id
        page.locator("#tw").focus()
        page.keyboard.press("u")
        expect(page.locator("#panel")).to_contain_text("Taken back")
        assert now(house, item).offered_to == item.offered_to
        page.keyboard.press("0")
        expect(page.locator(f"#i-{other.id}")).not_to_contain_text("declined")
        with transaction(house.made.system, frozenset()) as conn:
            general = network.reader(conn, house.world.general, NOW)
            decline(conn, now(house, other), general, "busy", "", NOW)
        expect(page.locator(f"#i-{other.id}")).to_contain_text("declined")  # by itself
        page.locator("button.cell").first.click()
        expect(page.locator("#cell")).to_be_visible()
        assert wrong == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_was_given_and_what_was_declined_are_accessible(
    postgres_socket: str, template: str, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    routers = [given_page.router, choices_page.router]
    with (
        lists_house(postgres_socket, template, routers, tmp_path) as house,
        browser() as chrome,
    ):
        world = house.world
        choose(house, world.general, world.owner, 20, 10)
        address = f"http://127.0.0.1:{house.site.port}"
        page = chrome.new_context(base_url=address, color_scheme=scheme).new_page()
        sign_in(page, house)
        for path in ("/given-taken", "/declines", f"/declines/{world.general}"):
            page.goto(path)
            assert violations(page) == [], path
        expect(page.locator(".gauge")).to_be_visible()
