"""The viewer itself in Chromium: known pixels, linked scroll, live measurements."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Frame, Page, expect

from confrere.assets import default_folder
from tests.acceptance.chromium import browser
from tests.acceptance.test_reading_page import sign_in
from tests.database import Databases
from tests.integration.reading_room import reading_room

# what each viewport shows: study, image number, and grey levels inside and outside the square
LOOK = """() => window.cornerstone.getRenderingEngines()[0].getViewports().map(view => {
  const id = view.getCurrentImageId();
  const plane = window.cornerstone.metaData.get("imagePlaneModule", id);
  const [x, y, z] = plane.imagePositionPatient;
  const canvas = view.getCanvas();
  const paper = canvas.getContext("2d");
  const scale = canvas.width / canvas.clientWidth;
  const grey = (across, down) => {
    const [left, top] = view.worldToCanvas([x + across, y + down, z]);
    return paper.getImageData(Math.round(left * scale), Math.round(top * scale), 1, 1).data[0];
  };
  const place = view.worldToCanvas([x + 8, y + 8, z]);
  return { study: id.match(/studies\\/([0-9.]+)/)[1], z, index: view.getCurrentImageIdIndex(),
           square: grey(32, 32), outside: grey(8, 8), place, id: view.id };
})"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as chromium:
        yield chromium.new_context(viewport={"width": 1500, "height": 900}).new_page()


def look(frame: Frame) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = frame.evaluate(LOOK)
    return found


def settled(page: Page, frame: Frame, wanted: Any) -> list[dict[str, Any]]:
    """Wait until what the viewports show fits."""
    for _ in range(60):
        seen = look(frame)
        if len(seen) == 2 and wanted(seen):
            return seen
        page.wait_for_timeout(250)
    return look(frame)


def test_the_viewer_draws_both_studies_scrolls_them_together_and_tells_measurements(
    page: Page, fresh: Databases, tmp_path: Path
) -> None:
    with reading_room(fresh, tmp_path, default_folder()) as room:
        base = f"http://127.0.0.1:{room.site.port}"
        sign_in(page.context, room.account("neuro"), f"{base}/login")
        asked: list[str] = []
        page.on(
            "request", lambda one: asked.append(one.url) if "/studies?" in one.url else None
        )
        page.goto(base + room.path)
        inside = page.frame_locator("#viewer")
        inside.locator("canvas.cornerstone-canvas").nth(1).wait_for(timeout=60_000)
        assert asked  # and for nobody's studies but the shown persons'
        assert all("/dicom-web/viewed/" in one for one in asked), asked
        notice = inside.get_by_role("button", name="Confirm and hide")
        expect(notice).to_be_visible()
        notice.click()
        frame = next(one for one in page.frames if "/ohif/" in one.url)
        drawn = settled(page, frame, lambda seen: all(is_drawn(one) for one in seen))
        assert all(is_drawn(one) for one in drawn), drawn
        assert inside.get_by_text(re.compile("Current · 24 Nov 2026")).is_visible()
        assert inside.get_by_text(re.compile("Prior · 20 Oct 2025")).is_visible()
        expect(page.locator("#shown")).to_have_text("Showing this exam beside a prior")
        scroll_with_an_offset(page, frame)
        measure(page, frame)


def is_drawn(one: dict[str, Any]) -> bool:
    """Slice n holds n x 100 HU around a square of 1000 HU; the window is 0 to 1000."""
    shift = 90.0 if one["study"].endswith(".2") else 0.0
    expected = 255 * round((one["z"] - shift) / 5) / 10
    return one["square"] > 250 and abs(one["outside"] - expected) < 4


def scroll_with_an_offset(page: Page, frame: Frame) -> None:
    """The table lay 90 mm elsewhere: unlink, move one, link, and they go on at that offset."""
    inside = page.frame_locator("#viewer")
    first = inside.locator("canvas.cornerstone-canvas").first
    inside.get_by_role("button", name="Scroll linked").click()
    before = [one["index"] for one in look(frame)]
    first.hover()
    page.mouse.wheel(0, 100)
    alone = settled(page, frame, lambda seen: seen[0]["index"] != before[0])
    assert alone[1]["index"] == before[1]
    inside.get_by_role("button", name=re.compile("link at this offset")).click()
    first.hover()
    page.mouse.wheel(0, -100)
    both = settled(page, frame, lambda seen: seen[1]["index"] != before[1])
    moved = [one["z"] - old["z"] for one, old in zip(both, alone, strict=True)]
    assert moved[0] == moved[1] != 0


def measure(page: Page, frame: Frame) -> None:
    """Drag 20 mm over the image: the page lists it while the mouse moves."""
    page.locator("h1").click()
    page.keyboard.press("c")
    expect(page.locator("#s-findings")).to_be_focused()
    inside = page.frame_locator("#viewer")
    inside.locator("[data-cy=MeasurementTools-split-button-primary]").click()
    box = inside.locator("canvas.cornerstone-canvas").first.bounding_box()
    assert box
    left, top = (
        sum(pair) for pair in zip((box["x"], box["y"]), look(frame)[0]["place"], strict=True)
    )
    scale = frame.evaluate(
        """() => { const view = window.cornerstone.getRenderingEngines()[0].getViewports()[0];
        const [a] = view.worldToCanvas([0, 0, 0]), [b] = view.worldToCanvas([1, 0, 0]);
        return b - a; }"""
    )
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left + 10 * scale, top, steps=4)
    page.mouse.move(left + 20 * scale, top, steps=4)
    page.mouse.up()
    listed = page.locator("#measurements b")
    expect(listed).to_have_text(re.compile(r"^(19|20)\.\d mm$|^20 mm$"))
    page.get_by_role("button", name=re.compile("^Insert")).click()
    expect(page.locator("#s-findings")).to_have_value(re.compile(r"mm \(series 2, image \d\)"))
