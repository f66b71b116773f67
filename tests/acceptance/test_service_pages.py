"""The switch of a site's services and the list of systems in a browser, without a mouse."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import expect

from confrere.database.engine import transaction
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.network import serving
from confrere.web import network_page, peers_page, services_page
from tests.acceptance.chromium import browser, violations
from tests.integration.lists_house import lists_house
from tests.integration.web_shell import PASSWORD


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_worklist_is_switched_on_for_a_site_by_keyboard(
    postgres_socket: str, template: str, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    routers = [network_page.router, peers_page.router, services_page.router]
    with (
        lists_house(postgres_socket, template, routers, tmp_path) as house,
        browser() as chrome,
    ):
        with transaction(house.made.system, frozenset()) as conn:
            known = network.peer(conn, house.world.dicom)
            network.register_peer(conn, replace(known, name="Main PACS", aet="PACS", port=104))
        username = house.account(Role.IT_ENGINEER, house.world.owner, None, None)
        address = f"http://127.0.0.1:{house.site.port}"
        page = chrome.new_context(base_url=address, color_scheme=scheme).new_page()
        page.goto("/login")
        page.fill("[name=username]", username)
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_url(lambda url: "/login" not in url)
        page.goto("/network")
        page.get_by_role("link", name="Services for").first.press("Enter")
        page.locator("[name=worklist]").press("Space")
        assert violations(page) == []
        if shots := os.environ.get("SHOTS"):
            page.screenshot(path=f"{shots}/services-{scheme}.png")
        page.locator("button", has_text="Save").press("Enter")
        expect(page.locator("#said")).to_contain_text("the doors follow within two seconds")
        with transaction(house.made.system, frozenset()) as conn:
            assert serving.services(conn)[house.world.site].worklist
        page.goto("/network/peers")
        expect(page.locator("#body")).to_contain_text("listens on port 104")
        expect(page.get_by_role("button", name="Echo Main PACS")).to_be_visible()
        page.locator("summary", has_text="Register a PACS").press("Enter")
        assert violations(page) == []
        if shots:
            page.screenshot(path=f"{shots}/peers-{scheme}.png", full_page=True)
