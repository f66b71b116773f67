"""Agreements and rosters in a browser: proposed, signed and suspended by hand; axe-clean."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from confrere.kernel.principal import Role
from confrere.web import (
    agreement_form,
    agreements_page,
    duty_page,
    opt_outs_page,
    roster_files_page,
    rosters_page,
    worklist_page,
)
from tests.acceptance.chromium import browser, violations
from tests.integration.lists_house import House, lists_house
from tests.integration.web_shell import PASSWORD

PAGES = (
    agreement_form, agreements_page, opt_outs_page, rosters_page, roster_files_page, duty_page,
    worklist_page,
)  # fmt: skip


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(postgres_socket, template, [one.router for one in PAGES]) as made:
        yield made


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as made:
        yield made


def signed_in(house: House, chromium: Browser, *, partner: bool = False) -> Page:
    group = house.world.partner if partner else house.world.owner
    context = chromium.new_context(base_url=f"http://127.0.0.1:{house.site.port}")
    page = context.new_page()
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/login")
    page.fill("[name=username]", house.account(Role.GROUP_MANAGER, group, None, None))
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/worklist")
    return page


def test_an_agreement_is_proposed_signed_and_suspended_by_hand(
    house: House, chromium: Browser
) -> None:
    owner, partner = signed_in(house, chromium), signed_in(house, chromium, partner=True)
    owner.goto("/network/propose")
    owner.fill("[name=title]", "Lakeshore nights")
    owner.select_option("[name=group]", str(house.world.partner))
    owner.check("[name=subspecialties][value=general]")
    owner.check("[name=hours][value=window]")
    owner.fill("[name=window_start]", "22:00")
    owner.fill("[name=window_end]", "07:00")
    owner.wait_for_selector("#means >> text=from 22:00 to 07:00 America/Chicago")
    assert violations(owner) == []
    owner.click("text=Propose, signed by")
    owner.wait_for_selector("text=waits for Prairie")
    partner.goto("/network/agreements")
    assert violations(partner) == []
    partner.click("#waits ~ * >> text=Lakeshore nights")
    partner.click("text=Sign version 1 for Prairie")
    partner.wait_for_selector("text=is signed by both and in force")
    assert violations(partner) == []
    owner.reload()
    owner.click("summary >> text=Suspend")
    owner.fill("details[open] [name=reason]", "staffing")
    owner.click("text=Suspend now")
    owner.wait_for_selector("text=Your group can resume it")
    assert violations(owner) == []


def test_a_shift_is_added_and_the_pages_are_clean(house: House, chromium: Browser) -> None:
    owner = signed_in(house, chromium)
    owner.goto("/rosters?week=2026-12-07")
    form = owner.locator("form[action='/rosters/shifts']")
    form.locator("[name=reader]").select_option(str(house.world.general))
    form.locator("[name=day]").fill("2026-12-08")
    form.locator("button[type=submit]").click()
    owner.wait_for_selector("text=1 shift of Gray, Gail added")
    owner.click("summary.shift")
    assert violations(owner) == []
    for path in ("/network/opt-outs", "/rosters/import"):
        owner.goto(path)
        assert violations(owner) == []
