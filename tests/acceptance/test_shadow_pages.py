"""A site's records in a browser: compared, cut over against advice, and back; axe-clean."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from confrere.database.engine import transaction
from confrere.kernel.principal import Role
from confrere.network import modes
from confrere.network.model import SHADOW
from confrere.network.signing import By
from confrere.web import (
    exceptions_page,
    exceptions_twice,
    network_page,
    peers_page,
    shadow_page,
    worklist_page,
)
from confrere.worklist import shadowing
from tests.acceptance.chromium import browser, violations
from tests.integration.beside_house import complete
from tests.integration.lists_house import House, lists_house
from tests.integration.web_shell import PASSWORD
from tests.integration.world import NOW

PAGES = (
    network_page, shadow_page, worklist_page, exceptions_page, exceptions_twice, peers_page,
)  # fmt: skip


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(postgres_socket, template, [one.router for one in PAGES]) as made:
        world = made.world
        with transaction(made.made.system, frozenset()) as conn:
            by = By(world.owner, "Olga Owner")
            site = modes.change(conn, world.site, SHADOW, by, "the feeds are new", NOW)
            shadowing.follow(conn, [site], NOW)
            complete(conn, world)
        yield made


@pytest.fixture(scope="module")
def page(house: House) -> Iterator[Page]:
    with browser() as chromium:
        yield signed_in(house, chromium)


def signed_in(house: House, chromium: Browser) -> Page:
    context = chromium.new_context(base_url=f"http://127.0.0.1:{house.site.port}")
    page = context.new_page()
    page.goto("/login")
    page.fill(
        "[name=username]", house.account(Role.GROUP_MANAGER, house.world.owner, None, None)
    )
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/worklist")
    return page


def test_a_site_is_compared_cut_over_and_taken_back(page: Page) -> None:
    expect(page.locator("[data-tab=shadow]")).to_contain_text("1")
    page.click("[data-tab=shadow]")
    expect(page.locator("tbody tr:visible")).to_have_count(1)
    page.goto("/network")
    page.click("text=Compare and cut over")
    expect(page.locator(".verdict")).to_contain_text("Not ready to cut over.")
    assert violations(page) == []
    page.check("[name=confirm]")
    page.fill("[name=reason]", "we read it all by telephone first")
    page.click("text=Cut over against this advice")
    expect(page.locator(".state .pill")).to_have_text("live")
    assert violations(page) == []
    page.click("text=Back into shadow mode")
    page.fill("[name=reason]", "results do not arrive there")
    page.click("button:has-text('Into shadow mode')")
    expect(page.locator(".state .pill")).to_have_text("in shadow mode")


@pytest.mark.parametrize("path", ["/exceptions/twice", "/network/peers", "/network"])
def test_the_pages_beside_it_are_axe_clean(page: Page, path: str) -> None:
    page.goto(path)
    assert violations(page) == []
