"""The reader's choices in the viewer, in Chromium: how exams hang, two monitors, the line."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Frame, Page, expect

from confrere.assets import default_folder
from tests.acceptance.chromium import browser, violations
from tests.acceptance.test_reading_page import sign_in
from tests.database import Databases
from tests.integration.reading_room import Room, reading_room

SEEN = """() => (window.cornerstone?.getRenderingEngines()[0]?.getViewports() || [])
  .filter(view => view.getCurrentImageId?.()).map(view => {
    const { lower, upper } = view.getProperties().voiRange || {};
    return { index: view.getCurrentImageIdIndex(), width: Math.round(upper - lower) };
  })"""
# the measurement in the background comes at once, and the browser's list is full as it is
# behind a study of 300 images
AT_ONCE = """(() => { const later = window.setTimeout;
  performance.setResourceTimingBufferSize(1);
  window.setTimeout = (act, ms, ...more) => later(act, ms === 15000 ? 500 : ms, ...more); })()"""


@pytest.fixture
def room(fresh: Databases, tmp_path: Path) -> Iterator[Room]:
    with reading_room(fresh, tmp_path, default_folder()) as made:
        yield made


@pytest.fixture
def desk(room: Room) -> Iterator[BrowserContext]:
    with browser() as chromium:
        made = chromium.new_context(
            base_url=f"http://127.0.0.1:{room.site.port}",
            viewport={"width": 1500, "height": 900},
        )
        sign_in(made, room.account("neuro"))
        yield made


def viewer(page: Page) -> Frame:
    """The viewer in a page, its notice confirmed."""
    inside = page.frame_locator("#viewer")
    inside.locator("canvas.cornerstone-canvas").first.wait_for(timeout=60_000)
    inside.get_by_role("button", name="Confirm and hide").click()
    return next(one for one in page.frames if "/ohif/" in one.url)


def wait(page: Page, frame: Frame, fits: str) -> None:
    """Wait until what the viewports show fits."""
    frame.wait_for_function(f"() => {{ const seen = ({SEEN})(); return {fits}; }}")


def test_an_exam_opens_as_its_reader_wishes_and_keys_change_it(
    desk: BrowserContext, room: Room
) -> None:
    page = desk.new_page()
    page.goto(room.path)
    page.get_by_role("link", name="Hanging").click()
    page.get_by_label("Layout").select_option("1x1")
    page.get_by_label("Windows").fill("Bone 2000/500, Brain 80/40")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("#said")).to_contain_text("Kept for CT head")
    assert violations(page) == []
    page.goto(room.path)
    frame = viewer(page)
    wait(page, frame, "seen.length === 1 && Math.abs(seen[0].width - 2000) < 2")
    frame.locator("canvas.cornerstone-canvas").first.click()
    page.keyboard.press("2")
    wait(page, frame, "Math.abs(seen[0].width - 80) < 2")
    page.keyboard.press("Alt+2")
    wait(page, frame, "seen.length === 2")
    page.keyboard.press("Alt+1")
    wait(page, frame, "seen.length === 1")


def test_a_prior_on_another_monitor_scrolls_with_the_exam(
    desk: BrowserContext, room: Room
) -> None:
    page, other = desk.new_page(), desk.new_page()
    page.goto(room.path)
    page.locator("#compare").select_option("")
    frame = viewer(page)
    wait(page, frame, "seen.length === 1")
    other.goto(f"{room.path}/prior")
    beside = viewer(other)
    wait(other, beside, "seen.length === 1")
    expect(frame.get_by_role("button", name="Scroll linked")).to_be_visible()
    frame.get_by_role("button", name="Scroll linked").click()
    frame.get_by_role("button", name="link at this offset").click()
    before = beside.evaluate(SEEN)[0]["index"]
    frame.locator("canvas.cornerstone-canvas").first.hover()
    page.mouse.wheel(0, -100 if before else 100)
    wait(other, beside, f"seen[0].index !== {before}")


def test_the_line_is_measured_in_the_background_and_the_reader_may_choose(
    desk: BrowserContext, room: Room
) -> None:
    page = desk.new_page()
    page.add_init_script(AT_ONCE)
    page.goto(room.path)
    frame = viewer(page)
    frame.wait_for_function('() => localStorage.getItem("confrere-line-seen") !== null')
    assert frame.evaluate("window.confrere.slow") is False
    page.get_by_label("Line").select_option("smaller frames")
    frame = next(one for one in page.frames if "/ohif/" in one.url)
    frame.wait_for_function("() => window.confrere?.slow === true")
    page.reload()
    expect(page.get_by_label("Line")).to_have_value("slow")
    page.get_by_label("Line").select_option("")
    expect(page.locator("#line option").first).to_contain_text("automatic (now")
