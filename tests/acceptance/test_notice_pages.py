"""The banner, the notices and the call lists in Chromium."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from confrere.database.engine import transaction
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.notices import service as notices
from confrere.notices.contacts import LEAD
from confrere.notices.model import SEEN
from confrere.worklist.dispatch import dispatch
from confrere.worklist.escalating import escalate
from tests.acceptance.chromium import browser, violations
from tests.integration.lists_house import House, lists_house
from tests.integration.test_prealerts import named, order, turn
from tests.integration.test_web_notices import PAGES
from tests.integration.test_worklist import placed
from tests.integration.web_shell import PASSWORD
from tests.integration.world import NOW, order_message


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as made:
        yield made


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(postgres_socket, template, [one.router for one in PAGES]) as made:
        with transaction(made.made.system, frozenset()) as conn:
            named(conn, made.world)
            placed(conn, made.world, order_message(status="CM"))
            dispatch(conn, network.directory(conn, NOW), NOW)
        yield made


def page_of(chromium: Browser, house: House, username: str, path: str) -> Page:
    context = chromium.new_context(
        base_url=f"http://127.0.0.1:{house.site.port}", viewport={"width": 1500, "height": 900},
        color_scheme="dark",
    )  # fmt: skip
    page = context.new_page()
    page.goto("/login")
    page.fill("[name=username]", username)
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(re.compile("worklist|account|dashboard|notices"))
    page.goto(path)
    return page


def tell(house: House, minutes: int) -> None:
    """The dispatcher looks, so many minutes later."""
    with transaction(house.made.system, frozenset()) as conn:
        at = NOW + timedelta(minutes=minutes)
        escalate(conn, network.directory(conn, at), at)


def test_a_reader_is_told_live_and_says_seen_with_one_click(
    chromium: Browser, house: House
) -> None:
    username = house.account(Role.RADIOLOGIST, house.world.partner, house.world.neuro, None)
    page = page_of(chromium, house, username, "/worklist")
    expect(page.locator("[data-live-text]")).to_have_text("Live")
    expect(page.locator(".told")).to_have_count(0)
    tell(house, 14)
    banner = page.locator("#told .told", has_text="STAT exam at Lakeshore")
    expect(banner).to_contain_text("75 % of its time is gone")
    with transaction(house.made.system, frozenset()) as conn:
        order(conn, house.world)
        turn(conn, NOW)
    alert = page.locator("#told .told", has_text="Code stroke on its way from Lakeshore")
    expect(alert).to_be_visible()
    assert violations(page) == []
    alert.get_by_role("button", name="Ready").click()
    expect(alert).to_contain_text("You are kept for it")
    banner.get_by_role("button", name="Seen").click()
    expect(banner).to_have_count(0)
    with transaction(house.made.system, frozenset()) as conn:
        mine = notices.history(conn, [SEEN], 9)
        assert {one.what.name for one in mine} == {"Novak, Nina"}
    page.context.close()


def test_a_manager_sees_who_was_told_and_names_a_lead(chromium: Browser, house: House) -> None:
    username = house.account(Role.GROUP_MANAGER, house.world.owner, None, None)
    page = page_of(chromium, house, username, "/notices")
    expect(page.locator("table.g tbody tr")).not_to_have_count(0)
    expect(page.locator("#body")).to_contain_text("Novak, Nina")
    assert violations(page) == []
    page.get_by_role("link", name="Call lists").first.click()
    form = page.locator("form[action='/notices/contacts']")
    form.locator("[name=role]").select_option(label="Lead")
    form.get_by_label("Name", exact=True).fill("Dr. Lee North")
    form.get_by_label("Mail", exact=True).fill("lee@north.example")
    form.locator("[name=phone]").fill("3125550142")
    form.get_by_role("button", name="Add").click()
    expect(page.locator("#notices")).to_contain_text("E.164")
    form.locator("[name=phone]").fill("+1 312 555 0142")
    form.get_by_role("button", name="Add").click()
    expect(page.locator("#said")).to_contain_text("Dr. Lee North is on the list")
    expect(page.locator("table.g")).to_contain_text("+13125550142")
    assert violations(page) == []
    page.locator("tr", has_text="Dr. Lee North").get_by_text("Change").click()
    with transaction(house.made.system, frozenset()) as conn:
        assert [one.name for one in notices.contacts(conn) if one.role == LEAD] == [
            "Dr. Lee North"
        ]
    page.context.close()
