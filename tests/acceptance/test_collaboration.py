"""Each group stays its own master: suspend, renew, plan; all by hand in a browser."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from confrere.database.engine import transaction
from confrere.kernel.ids import GroupId
from confrere.network import credentialing
from confrere.network import service as network
from confrere.network.records import Recorded
from confrere.worklist import service as worklist
from confrere.worklist.model import Item
from tests.acceptance.browser import signed_in
from tests.acceptance.demonstration import Demonstration, wait_for
from tests.acceptance.foreign import mllp_send
from tests.peers import needs

pytestmark = [needs("chromium"), pytest.mark.timeout(240)]
TITLE = "Fox Hollow neuroradiology by Meridian Oak"


def sent(demonstration: Demonstration, accession: str, folder: Path) -> None:
    """An order of Hollow Creek for a STAT head CT that is complete; its images are elsewhere."""
    sender = next(s for s in demonstration.told["mllp"]["senders"] if s["site"] == "HCM")
    done = f"{datetime.now(UTC):%Y%m%d%H%M%S}+0000"
    text = "\n".join(
        [
            f"MSH|^~\\&|{sender['application']}|{sender['facility']}|CONFRERE|X|{done}||ORM^O01|"
            f"M{accession}|P|2.5.1",
            f"PID|1||P{accession}||SOLBERG^TERJE||19480212|M",
            "PV1|1|E|ED^1^1",
            f"ORC|NW|P{accession}|F{accession}||CM||^^^^^S||{done}|||1234^GOLDSTEIN^LEAH",
            f"OBR|1|P{accession}|F{accession}|CTHEAD^CT head without contrast^L||{done}|{done}|"
            f"{done}||||||||||{accession}|||||||||||||Left-sided weakness",
            "",
        ]
    )
    assert f"MSA|AA|M{accession}" in mllp_send(demonstration, text, folder)


def item_of(demonstration: Demonstration, accession: str) -> Item | None:
    with transaction(demonstration.system, frozenset()) as conn:
        every = worklist.open_items(conn)
    return next((one for one in every if accession in one.accessions), None)


def group_of(demonstration: Demonstration, code: str) -> GroupId:
    with transaction(demonstration.system, frozenset()) as conn:
        return next(one.id for one in network.groups(conn) if one.code == code)


def agreement_page(page: Page) -> None:
    page.goto("/network/agreements")
    page.click(f"text={TITLE}")


def test_a_suspended_agreement_takes_its_offers_back_at_once(
    browser: Browser, demonstration: Demonstration, tmp_path: Path
) -> None:
    oak = group_of(demonstration, "MERIDIANOAK")
    sent(demonstration, "CO1001", tmp_path)

    def offered_to_oak() -> bool:
        found = item_of(demonstration, "CO1001")
        return bool(found and found.offered_group == oak)

    wait_for(offered_to_oak, "the exam is offered to Meridian Oak")
    with signed_in(browser, demonstration, "manager.foxhollow") as page:
        agreement_page(page)
        page.click("summary:has-text('Suspend')")
        page.fill("[name=reason]", "Fees are in dispute")
        page.click("text=Suspend now")
        page.wait_for_selector("#said >> text=Suspended.")
        wait_for(lambda: not offered_to_oak(), "the offer is taken back", 5)
        with demonstration.client("raman") as client:
            found = item_of(demonstration, "CO1001")
            assert found
            assert client.post(f"/api/items/{found.id}/claim").status_code in (403, 404)
        page.once("dialog", lambda box: box.accept())
        page.click("button:has-text('Resume')")
        page.wait_for_selector("#said >> text=In force again")
    wait_for(offered_to_oak, "the exam is offered again", 10)


def test_a_lapsed_licence_is_named_renewed_and_the_offer_appears(
    browser: Browser, demonstration: Demonstration, tmp_path: Path
) -> None:
    sent(demonstration, "CO1002", tmp_path)
    oak = group_of(demonstration, "MERIDIANOAK")

    def at_oak() -> Item | None:
        found = item_of(demonstration, "CO1002")
        return found if found and found.offered_group == oak else None

    item = wait_for(at_oak, "the exam is offered to Meridian Oak")
    with signed_in(browser, demonstration, "whitfield") as page:
        page.goto("/worklist")
        page.locator(f"#i-{item.id}").click()
        expect(page.locator("#preview")).to_contain_text("LIC_PATIENT")
        expect(page.locator("#preview")).to_contain_text("lapsed")
    with transaction(demonstration.system, frozenset()) as conn:
        now = datetime.now(UTC)
        everyone = network.directory(conn, now).readers.values()
        whitfield = next(one for one in everyone if "Whitfield" in one.name)
        neuro = [r for r in everyone if "neuro" in r.subspecialties and r.on_duty(now)]
        idle = [r.name for r in neuro if r.id != whitfield.id]
    assert idle, "somebody else is on duty, too"
    with signed_in(browser, demonstration, "manager.meridianoak") as page:
        page.goto(f"/network/readers/{whitfield.id}")
        row = page.locator("tr", has_text="IL-036").first
        row.locator("summary:has-text('Renew')").click()
        form = row.locator("form[action$='/renew']")
        today = datetime.now(UTC).date()
        form.locator("[name=status]").select_option("active")
        form.locator("[name=valid_from]").fill(today.isoformat())
        form.locator("[name=valid_to]").fill((today + timedelta(days=700)).isoformat())
        form.locator("button[type=submit]").click()
        page.wait_for_selector("#said >> text=/./")
    with signed_in(browser, demonstration, "raman") as page:
        page.goto("/worklist")
        page.click("text=Pause")
        page.wait_for_selector("text=Resume")

        def his() -> bool:
            found = item_of(demonstration, "CO1002")
            return bool(found and found.offered_to == whitfield.id)

        wait_for(
            lambda: his() or _whitfield_has_another(demonstration, whitfield.id),
            "Dr. Whitfield is offered what needs his licence", 15,
        )  # fmt: skip
        page.click("text=Resume")
    with transaction(demonstration.system, frozenset()) as conn:  # other tests find it lapsed
        held = credentialing.held(conn, whitfield.id)
        (new,) = [one for one in held if getattr(one.fact, "valid_from", None) == today]
        credentialing.end(conn, new.id, "a test", Recorded("test", datetime.now(UTC)))


def _whitfield_has_another(demonstration: Demonstration, reader: object) -> bool:
    with transaction(demonstration.system, frozenset()) as conn:
        every = worklist.open_items(conn)
    return any(one.offered_to == reader and one.site_state == "IL" for one in every)


def test_the_plans_first_suggestion_shortens_the_simulated_backlog(
    browser: Browser, demonstration: Demonstration
) -> None:
    with signed_in(browser, demonstration, "manager.sugarmaple") as page:
        page.goto("/simulate")
        page.click("form button:has-text('Simulate')")
        page.wait_for_selector("text=What to obtain first", timeout=60_000)
        page.click("text=Try it >> nth=0")
        page.wait_for_selector(".sim th:has-text('Changed')", timeout=60_000)
        card = page.locator(".sim", has=page.locator("th:has-text('Changed')")).first
        late = card.locator("tr", has_text="Late").first
        expect(late).to_contain_text("better")
