"""Advice in a browser: an order by HL7 is advised on, decided and taken back by keyboard."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from confrere.assets import default_folder
from confrere.database.engine import transaction
from confrere.kernel.principal import Role
from confrere.orders import service as orders
from confrere.orders.model import OrderContent
from confrere.wiring.advising import order_changed
from tests.acceptance.chromium import browser, violations
from tests.database import Databases
from tests.integration.test_cds_hooks import Room, room
from tests.integration.web_shell import PASSWORD
from tests.integration.world import NOW


@pytest.fixture
def advised(fresh: Databases) -> Iterator[Room]:
    with room(fresh, default_folder()) as made:
        content = OrderContent(
            "LM2", procedure_code="CTHEAD", procedure_text="CT head without contrast",
            clinical_question="Headache since Monday", ordered_at=NOW,
        )  # fmt: skip
        with transaction(fresh.system, frozenset()) as conn:
            order = orders.place(
                conn, made.world.owner, made.world.site, made.patient, content, NOW
            )
            order_changed(conn, order.id, NOW)
        yield made


def test_advice_is_decided_and_taken_back_in_a_browser(advised: Room) -> None:
    manager = advised.person(Role.GROUP_MANAGER, advised.world.owner)
    with browser() as chrome:
        page = chrome.new_page(base_url=f"http://127.0.0.1:{advised.site.port}")
        _walk(page, manager.username)


def _walk(page: Page, username: str) -> None:
    page.goto("/login")
    page.fill("[name=username]", username)
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)
    page.goto("/advice")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(3)
    rows.filter(has_text="3 days ago").locator("summary", has_text="Decide").click()
    page.select_option("details[open] [name=reason]", "planned")
    page.locator("details[open] button").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("Noted: go on")
    expect(rows).to_have_count(2)
    page.goto("/advice?which=all")
    page.get_by_role("button", name="Take back").click()
    expect(page.locator("#said")).to_contain_text("Taken back")
    page.goto("/advice")
    page.locator("a", has_text="Open report and images").first.click()
    expect(page.locator(".report .text")).to_contain_text("No haemorrhage")
    for path in ("/advice", "/advice/rules", "/advice/effect", "/advice/try"):
        page.goto(path)
        expect(page.locator("h2").first).to_be_visible()
        assert violations(page) == [], path
        if folder := os.environ.get("CONFRERE_SHOTS"):
            page.screenshot(path=f"{folder}/{path.rpartition('/')[2]}.png")
