"""The pages of corrections and imports in a browser: accessible, and usable without a mouse."""

from pathlib import Path
from typing import Literal
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Page, expect

from confrere.imaging import importing
from confrere.kernel.principal import Role
from confrere.web import exceptions_page, exceptions_pieces, images_page, imports_page
from tests.acceptance.chromium import browser, violations
from tests.integration.lists_house import House, lists_house
from tests.integration.test_web_images import arrived, ordered
from tests.integration.test_web_imports import blobs_of, cd, local, opened
from tests.integration.web_shell import PASSWORD

ROUTERS = [
    one.router for one in (images_page, imports_page, exceptions_page, exceptions_pieces)
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_images_are_rejected_given_away_and_brought_from_outside(
    postgres_socket: str, template: str, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    with (
        lists_house(postgres_socket, template, ROUTERS, tmp_path) as house,
        browser() as chrome,
    ):
        ordered(house, "RIGHT1", "M-RIGHT")
        study = arrived(house, "M-WRONG", "WRONG1", 4)
        arrived(house, "M-RIGHT", "RIGHT1", 1)
        arrived(house, "M-RIGHT", "RIGHT1", 2)
        username = house.account(Role.GROUP_MANAGER, house.world.owner, None, None)
        address = f"http://127.0.0.1:{house.site.port}"
        page = chrome.new_context(
            base_url=address, color_scheme=scheme, viewport={"width": 1500, "height": 950}
        ).new_page()
        page.goto("/login")
        page.fill("[name=username]", username)
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_url(lambda url: "/login" not in url)
        page.on("dialog", lambda dialog: dialog.accept())

        page.goto(f"/images/{study}")
        page.locator("#chosen summary").first.press("Enter")
        page.locator("[name=images]").first.press("Space")
        page.select_option("[name=code]", "113001")
        page.fill("[hx-post$='/reject'] [name=reason]", "motion; repeated as series 3")
        page.get_by_role("button", name="Reject the chosen").press("Enter")
        expect(page.locator("#said")).to_contain_text("Rejected: 1.")
        page.fill("[name=sought]", "RIGHT1")
        page.press("[name=sought]", "Enter")
        page.get_by_label("Order right1").check()
        page.get_by_label("I compared name").check()
        page.fill("#targets [name=reason]", "the technologist picked the wrong line")
        assert violations(page) == []
        page.screenshot(path=str(tmp_path / f"give-{scheme}.png"), full_page=True)
        page.get_by_role("button", name="Give them").press("Enter")
        expect(page.locator("#said")).to_contain_text("given to order RIGHT1")
        page.screenshot(path=str(tmp_path / f"images-{scheme}.png"), full_page=True)
        page.goto("/exceptions/pieces")
        assert violations(page) == []
        page.screenshot(path=str(tmp_path / f"pieces-{scheme}.png"), full_page=True)
        _bring(page, house, tmp_path, scheme)


def _bring(page: Page, house: House, tmp_path: Path, scheme: str) -> None:
    patient, outside = local(house), f"2.25.{uuid4().int}"
    (tmp_path / "cd.zip").write_bytes(cd(outside))
    page.goto("/imports")
    assert violations(page) == []
    page.set_input_files("[name=file]", str(tmp_path / "cd.zip"))
    page.fill("[name=label]", "CD of Mercy Hospital")
    page.get_by_role("button", name="Upload").press("Enter")
    page.wait_for_url("**/imports/*-*")
    key = UUID(page.url.rpartition("/")[2])
    importing.read_zip(lambda: opened(house), blobs_of(house), key)
    expect(page.locator("#body")).to_contain_text("Say whose they are", timeout=8000)
    page.locator("details.choose summary").press("Enter")
    page.get_by_label(f"patient {patient.demographics.mrn}").check()
    page.get_by_label("I compared name").check()
    assert violations(page) == []
    page.screenshot(path=str(tmp_path / f"import-{scheme}.png"), full_page=True)
    page.get_by_role("button", name="Take them in").press("Enter")
    expect(page.locator("#said")).to_contain_text("Being taken in")
