"""The review of doubtful identities in a browser: by keyboard, accessible, quiet."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from confrere.database.engine import transaction
from confrere.kernel.principal import Role
from confrere.patients import linking
from confrere.patients.pairs import State
from confrere.web import identities_page, patients_page
from tests.acceptance.chromium import browser, violations
from tests.integration.lists_house import House, lists_house
from tests.integration.test_identities import HERE, THERE, record
from tests.integration.web_shell import PASSWORD


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as made:
        yield made


@pytest.fixture
def house(postgres_socket: str, template: str) -> Iterator[House]:
    routers = [identities_page.router, patients_page.router]
    with lists_house(postgres_socket, template, routers) as made:
        with transaction(made.made.system, frozenset()) as conn:
            world = made.world
            whole = replace(HERE, street="12 Elm St", phone="(312) 555-0142")
            record(conn, world.owner, whole)
            record(conn, world.owner, replace(whole, mrn="M2", given="Martha"))
            record(conn, world.owner, replace(HERE, assigner="CLINIC", mrn="C4", family="Reed"))
            record(conn, world.partner, replace(THERE, family="Lindqvist", phone="3125550199"))
        yield made


@pytest.fixture
def page(house: House, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(
        viewport={"width": 1440, "height": 900}, color_scheme="dark",
        base_url=f"http://127.0.0.1:{house.site.port}",
    )  # fmt: skip
    page = context.new_page()
    trouble: list[str] = []
    page.on("console", lambda m: trouble.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto("/login")
    page.fill(
        "input[name=username]", house.account(Role.GROUP_MANAGER, house.world.owner, None, None)
    )
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)
    yield page
    context.close()
    assert trouble == []


def shot(page: Page, name: str) -> None:
    """Keep a picture where a person asked for it."""
    if folder := os.environ.get("CONFRERE_TEST_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_pairs_are_decided_by_keyboard_and_decisions_taken_back(
    page: Page, house: House
) -> None:
    page.goto("/patients")
    page.click("text=Is it one person?")
    page.wait_for_selector("[data-pair]")
    assert violations(page) == []
    shot(page, "waiting")
    before = page.locator("[data-pair]").count()
    assert before == 3
    page.keyboard.press("j")
    assert page.locator("[data-pair]:focus").count() == 1
    page.keyboard.press("x")
    assert page.evaluate("document.activeElement.value") == "apart"
    with page.expect_response(lambda r: r.request.method == "POST"):
        page.keyboard.press("Enter")
    expect(page.locator("[data-pair]")).to_have_count(2)
    assert "not the same person" in page.inner_text("#said")
    page.keyboard.press("l")
    with page.expect_response(lambda r: r.request.method == "POST"):
        page.keyboard.press("Enter")
    page.wait_for_selector("text=Put off")
    page.click("text=Kept apart")
    page.wait_for_url("**/identities/apart")
    page.wait_for_selector("text=looks like twins")
    assert violations(page) == []
    shot(page, "apart")
    page.locator("[data-pair]", has_text="reviewed by").get_by_text("History").click()
    page.wait_for_selector("text=What became of it")
    assert violations(page) == []
    shot(page, "pair")
    page.click("text=Ask again")
    page.wait_for_selector("text=It waits to be decided again")
    with transaction(house.made.system, frozenset()) as conn:
        assert linking.counts(conn, house.world.owner)[State.REVIEW] == 3
