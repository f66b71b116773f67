"""Context beside the images, earlier reports and foreign archives, in Chromium."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from confrere.assets import default_folder
from confrere.database.engine import transaction
from confrere.files.folder import BlobStore
from confrere.kernel.principal import Role
from confrere.reading import backloading
from confrere.web import archives_page, backload_page, network_page, technologist_page
from confrere.wiring import backload
from tests.acceptance.chromium import browser, violations
from tests.database import Databases
from tests.integration import reading_room as rooms
from tests.integration.reading_room import Room, reading_room
from tests.integration.test_backload import csv_of, line
from tests.integration.test_context import PDF, document, hear, lab, order
from tests.integration.web_shell import PASSWORD
from tests.integration.world import NOW


@dataclass
class Desk:
    """A room, and Chromium before it."""

    room: Room
    chromium: Browser

    def page(self, username: str) -> Page:
        """A page of somebody who signed in."""
        context: BrowserContext = self.chromium.new_context(
            base_url=f"http://127.0.0.1:{self.room.site.port}",
            viewport={"width": 1500, "height": 950},
        )
        blank = {"content_type": "text/html", "body": "<!doctype html><title>Viewer</title>"}
        context.route("**/ohif/viewer*", lambda route: route.fulfill(**blank))
        page = context.new_page()
        page.goto("/login")
        page.fill("[name=username]", username)
        page.fill("[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "/login" not in url)
        return page


@pytest.fixture
def desk(fresh: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    before = rooms.routers
    more = [
        one.router for one in (archives_page, backload_page, network_page, technologist_page)
    ]
    monkeypatch.setattr(rooms, "routers", lambda *a: [*before(*a), *more])
    with browser() as chromium, reading_room(fresh, tmp_path, default_folder()) as room:
        yield Desk(room, chromium)


def test_the_reader_sees_what_stands_beside_the_images(desk: Desk) -> None:
    room = desk.room
    hear(room, lab("1.4"))
    hear(room, lab("38", code="98979-8^eGFR^LN", unit="mL/min/1.73m2", control="L9"))
    hear(room, order("OBX|1|ST|PROTOCOL^P^L||Head routine||||||F"), "ORM^O01")
    hear(room, document(PDF), "MDM^T02")
    page = desk.page(room.account("neuro"))
    page.goto(room.path)
    facts = page.locator("dl.facts")
    expect(facts).to_contain_text("1.4 mg/dL")
    expect(facts).to_contain_text("days old")
    expect(facts).to_contain_text("Penicillin (Hives)")
    expect(facts).to_contain_text("Head routine")
    expect(facts.get_by_role("link", name="Requisition")).to_have_attribute(
        "rel", "noopener noreferrer"
    )
    expect(page.locator(".prior").first).to_contain_text("same region, CT")
    assert violations(page) == []


def test_a_technologist_notes_and_takes_back(desk: Desk) -> None:
    room = desk.room
    username = f"t{uuid4().hex[:8]}"
    from confrere.identity import service as identity  # noqa: PLC0415 - only here

    with transaction(room.made.app, frozenset()) as conn:
        identity.create_user(
            conn, username, "Tina Tech", Role.TECHNOLOGIST, group=room.world.owner, reader=None,
            site=room.world.site, password=PASSWORD, now=room.site.clock(),
        )  # fmt: skip
    page = desk.page(username)
    page.goto("/technologist")
    row = page.locator("tr", has_text="LM100")
    row.locator("[name=kind]").select_option("qc done")
    row.get_by_role("button", name="Save").click()
    expect(page.locator("#said")).to_contain_text("Saved for LM100")
    row.locator("[name=text]").fill("Dentures in place")
    row.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("Dentures in place")
    assert violations(page) == []
    page.on("dialog", lambda dialog: dialog.accept())
    row.get_by_role("button", name="Take back note").click()
    expect(row).not_to_contain_text("Dentures in place")
    reader = desk.page(room.account("neuro"))
    reader.goto(room.path)
    expect(reader.locator("dl.facts")).to_contain_text("QC")
    expect(reader.locator("dl.facts")).to_contain_text("Tina Tech")


def test_a_file_of_reports_is_tried_and_then_loaded(desk: Desk, tmp_path: Path) -> None:
    room = desk.room
    page = desk.page(room.person(Role.IT_ENGINEER, room.world.owner, None, "Ina IT"))
    page.goto("/network/earlier-reports")
    file = tmp_path / "old.csv"
    file.write_bytes(csv_of(line("OLD1"), line("OLD2", exam="1.2.2024")))
    page.select_option("[name=site]", index=1)
    page.set_input_files("[name=file]", str(file))
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("[role=status]", has_text="Trying")).to_be_visible()
    with transaction(room.made.system, frozenset()) as conn:
        key = backloading.listed(conn)[0].id
    blobs = BlobStore(room.site.home() / "blobs")
    backload.check(room.made.system, blobs, key, NOW)
    expect(page.get_by_text("Dry run: nothing is loaded yet.")).to_be_visible(timeout=5000)
    expect(page.locator("table", has_text="exam_at")).to_contain_text("it must be a time")
    assert violations(page) == []
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Load 1 reports").click()
    expect(page.locator("[role=status]", has_text="Loading")).to_be_visible()
    backload.load(room.made.system, blobs, key, lambda: NOW)
    expect(page.get_by_text("1 reports are priors now")).to_be_visible(timeout=5000)


def test_an_archive_is_registered_and_its_failures_are_shown(desk: Desk) -> None:
    room = desk.room
    page = desk.page(room.person(Role.IT_ENGINEER, room.world.owner, None, "Ina IT"))
    page.goto("/network/archives")
    page.get_by_text("Register an archive").click()
    page.fill("[name=name]", "Old PACS")
    page.select_option("[name=site]", index=1)
    page.fill("[name=assigner]", "LMH-MRN")
    page.fill("[name=aet]", "OLDPACS")
    page.fill("[name=address]", "127.0.0.1")
    page.fill("[name=port]", "1")
    page.get_by_role("button", name="Register and test").click()
    expect(page.locator("td", has_text="OLDPACS")).to_be_visible()
    assert violations(page) == []
