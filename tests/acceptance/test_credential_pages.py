"""The credential pages in a browser: accessible in light and dark, and usable without a mouse."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import expect

from confrere.kernel.principal import Role
from tests.acceptance.chromium import browser, violations
from tests.integration.lists_house import lists_house
from tests.integration.test_web_credentials import PAGES
from tests.integration.web_shell import PASSWORD


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_credential_page_is_accessible_and_a_renewal_works(
    postgres_socket: str, template: str, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    routers = [one.router for one in PAGES]
    with (
        lists_house(postgres_socket, template, routers, tmp_path) as house,
        browser() as chrome,
    ):
        username = house.account(Role.GROUP_MANAGER, house.world.owner, None, None)
        address = f"http://127.0.0.1:{house.site.port}"
        page = chrome.new_context(base_url=address, color_scheme=scheme).new_page()
        page.goto("/login")
        page.fill("[name=username]", username)
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_url(lambda url: "/login" not in url)
        reader = f"/network/readers/{house.world.general}"
        for path in ("expiry", "import", "packets", "rules", ""):
            page.goto(f"/network/{path}".rstrip("/"))
            assert violations(page) == [], path
        page.goto(reader)
        assert violations(page) == []
        page.locator("details.pop summary", has_text="Renew").first.press("Enter")
        page.locator("details[open] [name=valid_to]").fill("2036-06-30")
        page.get_by_role("button", name="Record the new term").first.press("Enter")
        expect(page.locator("#said")).to_contain_text("Renewed: state licence.")
        expect(page.locator("#body")).to_contain_text("to 2036-06-30")
