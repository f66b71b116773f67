"""A reader at work in Chromium: write, save, sign, in one window and in two."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from confrere.assets import default_folder
from confrere.worklist.model import State
from tests.acceptance.chromium import browser, violations
from tests.database import Databases
from tests.integration.reading_room import CURRENT, Room, reading_room
from tests.integration.web_shell import PASSWORD

FINDINGS, IMPRESSION = "#s-findings", "#s-impression"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as made:
        yield made


@pytest.fixture
def room(fresh: Databases, tmp_path: Path) -> Iterator[Room]:
    with reading_room(fresh, tmp_path, default_folder()) as made:
        yield made


@pytest.fixture
def desk(chromium: Browser, room: Room) -> Iterator[BrowserContext]:
    """A signed-in neuroradiologist."""
    context = chromium.new_context(
        base_url=f"http://127.0.0.1:{room.site.port}", viewport={"width": 1500, "height": 900}
    )
    # a blank page in the viewer's place: it is at work in test_reading_page_viewer.py
    blank = {"content_type": "text/html", "body": "<!doctype html><title>Viewer</title>"}
    context.route("**/ohif/viewer*", lambda route: route.fulfill(**blank))
    sign_in(context, room.account("neuro"))
    yield context
    context.close()


def sign_in(context: BrowserContext, username: str, login: str = "/login") -> None:
    page = context.new_page()
    page.goto(login)
    page.fill("[name=username]", username)
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(re.compile("worklist|account"))
    page.close()


def report(desk: BrowserContext, room: Room) -> Page:
    """Open the report's window, which needs no images, and claim by key."""
    page = desk.new_page()
    page.goto(f"{room.path}/report")
    page.keyboard.press("c")
    expect(page.locator(FINDINGS)).to_be_focused()
    return page


def test_write_autosave_and_sign_by_the_keyboard_alone(
    desk: BrowserContext, room: Room
) -> None:
    page = report(desk, room)
    page.keyboard.type("Left thalamic haemorrhage.")
    expect(page.locator("#status")).to_have_text("Draft saved 09:00:00")
    page.keyboard.press("Escape")
    page.keyboard.press("i")
    page.keyboard.type("1. Acute bleed.")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/worklist")
    done = room.item_now()
    assert done.state is State.FINAL
    page.goto(room.path)
    signed = page.locator(".signed")
    expect(signed).to_contain_text("Left thalamic haemorrhage.")
    expect(signed).to_contain_text("signed by Novak, Nina")
    page.fill("#addendum-text", "Told to Dr Adler at 09:05.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".signed.addendum")).to_contain_text("Told to Dr Adler at 09:05.")


def test_text_survives_leaving_the_page(desk: BrowserContext, room: Room) -> None:
    page = report(desk, room)
    page.keyboard.type("Half a sentence")
    page.locator("h1").click()
    expect(page.locator("#status")).to_have_text("Draft saved 09:00:00")
    page.reload()
    expect(page.locator(FINDINGS)).to_have_value("Half a sentence")


def test_a_stale_claim_keeps_the_text_and_offers_it(desk: BrowserContext, room: Room) -> None:
    page = report(desk, room)
    page.fill(IMPRESSION, "1. Acute bleed.")
    expect(page.locator("#status")).to_contain_text("Draft saved")  # or it renews the claim
    room.site.clock.forward(minutes=31)
    assert room.reader("colleague").post(f"{room.api}/claim").status_code == 200
    page.keyboard.press("Control+Enter")
    banner = page.locator("#standing .notice")
    expect(banner).to_contain_text("Rowe, Rita has it now")
    expect(page.locator(IMPRESSION)).to_have_value("1. Acute bleed.")
    expect(page.locator("#sign")).to_be_disabled()
    desk.grant_permissions(["clipboard-read", "clipboard-write"])
    banner.get_by_role("button", name="Copy the text").click()
    expect(page.locator("#status")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "IMPRESSION:\n1. Acute bleed."
    assert room.item_now().state is State.HELD


def test_two_windows_on_one_draft_do_not_overwrite_each_other(
    desk: BrowserContext, room: Room
) -> None:
    first = report(desk, room)
    second = desk.new_page()
    second.goto(f"{room.path}/report")
    second.fill(FINDINGS, "from the second")
    expect(second.locator("#status")).to_contain_text("Draft saved")
    first.fill(FINDINGS, "from the first")
    conflict = first.locator("#conflict")
    expect(conflict).to_contain_text("changed in another window")
    first.get_by_role("button", name="Keep mine").click()
    expect(first.locator("#status")).to_contain_text("Draft saved")
    second.fill(IMPRESSION, "more")
    second.get_by_role("button", name="Show that version").click()
    expect(second.locator(FINDINGS)).to_have_value("from the first")
    expect(second.locator(IMPRESSION)).to_have_value("")


def test_measurements_travel_from_the_viewers_window_and_signing_closes_it(
    desk: BrowserContext, room: Room
) -> None:
    page = desk.new_page()
    page.goto(room.path)
    page.keyboard.press("c")
    expect(page.locator(FINDINGS)).to_be_focused()
    page.keyboard.type("Bleed")
    with desk.expect_page() as opened:
        page.click("#two-windows")
    viewer = opened.value
    page.wait_for_url("**/report")
    expect(page.locator(FINDINGS)).to_have_value("Bleed")
    expect(viewer.locator("h1")).to_have_text("DOE, JANE")
    viewer.locator("#viewer").wait_for()
    tell(viewer, CURRENT)
    page.get_by_role("button", name="Insert 24.6 mm (series 2, image 18)").click()
    expect(page.locator(FINDINGS)).to_have_value("Bleed 24.6 mm (series 2, image 18)")
    with viewer.expect_event("close"):
        page.keyboard.press("Control+Enter")
    page.wait_for_url("**/worklist")


def tell(page: Page, study: str) -> None:
    """Speak as the viewer does: a message from inside its frame."""
    frame = next(one for one in page.frames if "/ohif/" in one.url)
    frame.wait_for_load_state()
    frame.evaluate(
        """study => window.parent.postMessage({type: "confrere:measurements", items: [
        {uid: "1", type: "Length", study,
         text: {primary: ["24.6 mm"], secondary: ["S: 2 I: 18"]}}]}, location.origin)""",
        study,
    )


def test_only_the_viewers_own_frame_is_believed(desk: BrowserContext, room: Room) -> None:
    page = desk.new_page()
    page.goto(room.path)
    page.keyboard.press("c")
    expect(page.locator(FINDINGS)).to_be_focused()
    page.evaluate(
        """study => window.postMessage({type: "confrere:measurements", items: [
        {uid: "1", study, text: {primary: ["99 mm"]}}]}, location.origin)""",
        CURRENT,
    )
    tell(page, "1.2.3.4")
    tell(page, CURRENT)
    expect(page.locator("#measurements div")).to_have_count(1)
    expect(page.locator("#measurements")).to_contain_text("24.6 mm")


def test_a_strange_study_on_the_screen_raises_the_alarm_and_blocks_the_signature(
    desk: BrowserContext, room: Room
) -> None:
    page = desk.new_page()
    page.goto(room.path)
    page.keyboard.press("c")
    page.fill(IMPRESSION, "1. Acute bleed.")
    frame = next(one for one in page.frames if "/ohif/" in one.url)
    say = """items => window.parent.postMessage({type: "confrere:shown", items},
             location.origin)"""
    frame.evaluate(say, ["1.2.3.4"])
    expect(page.locator("#mismatch")).to_contain_text("not this exam's")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#status")).to_contain_text("Not signed")
    assert room.item_now().state is State.HELD
    frame.evaluate(say, [CURRENT])
    expect(page.locator("#mismatch")).to_be_hidden()
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/worklist")


def test_axe_finds_nothing_on_any_state_of_the_page(
    chromium: Browser, desk: BrowserContext, room: Room
) -> None:
    page = desk.new_page()
    for path in ("", "/viewer", "/report"):
        page.goto(room.path + path)
        assert violations(page) == [], path
    page.goto(room.path)
    page.keyboard.press("c")
    expect(page.locator(FINDINGS)).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    assert violations(page) == []
    page.fill(IMPRESSION, "1. Bleed.")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/worklist")
    page.goto(room.path)
    assert violations(page) == []
    context = chromium.new_context(base_url=f"http://127.0.0.1:{room.site.port}")
    sign_in(context, room.account("unlicensed"))
    page = context.new_page()
    page.goto(room.path)
    expect(page.locator("main h2")).to_contain_text("may not read it")
    assert violations(page) == []
    context.close()
