"""The list pages in a browser: accessible, quiet in the console, usable with htmx."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page

from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.imaging import asides
from confrere.imaging.model import Aside
from confrere.kernel.ids import GroupId, ReaderId, SiteId
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.orders import service as orders
from confrere.orders.model import COMPLETE, OrderContent
from confrere.web import (
    admin_page,
    agreements_page,
    deliveries_page,
    exceptions_page,
    network_page,
    patients_page,
    peers_page,
    reports_page,
)
from tests.acceptance.chromium import browser, violations
from tests.integration.lists_house import House
from tests.integration.lists_patients import Read, reported_house
from tests.integration.web_shell import PASSWORD
from tests.integration.world import NOW, order_message

PAGES = (
    deliveries_page, exceptions_page, network_page, peers_page, admin_page, patients_page,
    reports_page, agreements_page,
)  # fmt: skip
# what the page does every ten seconds
REFRESH = "void htmx.ajax('GET', '/deliveries/in', {source: '[data-poll]', target: '#body'})"
CONTRAST = """async () => (await axe.run(document, {runOnly: ["color-contrast"]}))
  .violations.flatMap(one => one.nodes.map(node => node.html.slice(0, 160)))"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as made:
        yield made


@pytest.fixture(scope="module")
def both(
    postgres_socket: str, template: str, chromium: Browser
) -> Iterator[tuple[House, Read]]:
    with reported_house(postgres_socket, template, [one.router for one in PAGES]) as made:
        trouble(*made)
        yield made


def trouble(house: House, read: Read) -> None:
    """Leave something on each list."""
    world = house.world
    with transaction(house.made.system, frozenset()) as conn:
        peer = network.peer(conn, world.hl7)
        kept = delivery.keep(conn, peer, "ORM^O01", "MSG9", order_message(), "127.0.0.1", NOW)
        delivery.mark_failed(
            conn,
            delivery.received(conn, kept),
            "the identifier is empty",
            "PID-3",
            "send it",
            NOW,
        )
        asides.keep(conn, Aside(
            world.owner, "truncated", "the pixel data end early", b"d" * 32, 5000, NOW,
            field="PixelData", remedy="send it again", calling_aet="CT1", sop_uid="1.2.3",
        ))  # fmt: skip
        content = OrderContent(
            "LMX", procedure_code="ZZ", procedure_text="CT head with contrast", status=COMPLETE
        )
        orders.place(conn, world.owner, world.site, read.patient, content, NOW)


@contextmanager
def signed_in(
    house: House, chromium: Browser, role: Role, *,
    group: GroupId | None, reader: ReaderId | None = None, place: SiteId | None = None,
) -> Iterator[Page]:  # fmt: skip
    """A page of somebody new; anything the console says is a failure."""
    context = chromium.new_context(
        base_url=f"http://127.0.0.1:{house.site.port}",
    )
    page, said = context.new_page(), list[str]()
    # a browser reports each refused form there; that one is meant
    page.on("console", lambda m: None if "422" in m.text else said.append(m.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto("/login")
    page.fill("[name=username]", house.account(role, group, reader, place))
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)
    yield page
    context.close()
    assert said == []


def test_every_list_is_accessible(both: tuple[House, Read], chromium: Browser) -> None:
    house, read = both
    owner = house.world.owner
    walks: list[tuple[Role, GroupId | None, list[str]]] = [
        (Role.IT_ENGINEER, owner, [
            "/deliveries", "/deliveries/in", "/exceptions/aside", "/exceptions/unmatched",
            "/exceptions/codes", "/exceptions/places", "/exceptions/nobody", "/network/peers",
        ]),
        (Role.GROUP_MANAGER, owner, [
            "/network", "/network/readers", "/network/agreements", "/patients",
            f"/patients/{read.patient}", "/reports", f"/reports/{read.report}",
        ]),
        (Role.ADMINISTRATOR, None, ["/admin", "/deliveries", "/network/agreements"]),
    ]  # fmt: skip
    for role, group, paths in walks:
        with signed_in(house, chromium, role, group=group) as page:
            for path in paths:
                page.emulate_media(color_scheme="dark")
                page.goto(path)
                assert violations(page) == [], path
                page.emulate_media(color_scheme="light")
                assert page.evaluate(CONTRAST) == [], path


def test_a_form_that_is_being_filled_in_survives_the_refresh(
    both: tuple[House, Read], chromium: Browser
) -> None:
    house = both[0]
    role, owner = Role.IT_ENGINEER, house.world.owner
    with signed_in(house, chromium, role, group=owner) as page:
        page.goto("/deliveries/in")
        page.click("summary:has-text('Put aside')")
        page.fill("[name=reason]", "the vendor's test")
        page.evaluate(REFRESH)
        page.wait_for_timeout(300)
        assert page.input_value("[name=reason]") == "the vendor's test"
        page.click("form[action$=aside] button")
        page.wait_for_selector("#said >> text=put aside")
        page.wait_for_selector("td >> text=the vendor's test (Pat Quill)")
        with page.expect_response("**/deliveries/in"):
            page.evaluate(REFRESH)


def test_suspending_asks_first(both: tuple[House, Read], chromium: Browser) -> None:
    house = both[0]
    role, owner = Role.GROUP_MANAGER, house.world.owner
    with signed_in(house, chromium, role, group=owner) as page:
        page.goto("/network/agreements")
        page.click("main a[href^='/network/agreements/'] >> nth=0")
        page.click("summary:has-text('Suspend')")
        assert "taken back at once" in page.inner_text("details[open]")
        page.click("text=Suspend now")  # without a reason nothing is sent
        assert page.inner_text("#said") == ""
        page.fill("[name=reason]", "A dispute about fees")
        page.click("text=Suspend now")
        page.wait_for_selector("#said >> text=Suspended.")
        page.once("dialog", lambda box: box.dismiss())
        page.click("button:has-text('Resume')")
        page.once("dialog", lambda box: box.accept())
        page.click("button:has-text('Resume')")
        page.wait_for_selector("#said >> text=In force again")


def test_a_wrong_field_is_said_in_words_and_what_was_typed_stays(
    both: tuple[House, Read], chromium: Browser
) -> None:
    house = both[0]
    role, owner = Role.IT_ENGINEER, house.world.owner
    with signed_in(house, chromium, role, group=owner) as page:
        page.goto("/network/peers")
        page.click("text=Register a PACS")
        page.fill("[name=name] >> nth=0", "Old PACS")
        page.fill("[name=aet]", "OLD")
        page.fill("[name=address] >> nth=0", "10.20.0.5")
        with page.expect_response(lambda one: one.status == 422):
            page.click("form:has([name=aet]) button")
        page.wait_for_selector("#notices >> text=lies beyond this machine")
        assert page.input_value("[name=name] >> nth=0") == "Old PACS"


def test_the_search_box_narrows_the_readers(
    both: tuple[House, Read], chromium: Browser
) -> None:
    house = both[0]
    with signed_in(house, chromium, Role.ADMINISTRATOR, group=None) as page:
        page.goto("/network/readers")
        page.fill("[data-narrow]", "prairie neuro novak")
        assert page.locator("tr[data-q]:visible").count() == 1
        page.fill("[data-narrow]", "nobody like this")
        assert page.is_visible("#none")


def test_a_report_prints_without_the_frame(both: tuple[House, Read], chromium: Browser) -> None:
    house, read = both
    role, owner, place = Role.HOSPITAL_CLIENT, house.world.owner, house.world.site
    with signed_in(house, chromium, role, group=owner, place=place) as page:
        page.goto("/reports")
        page.click("tbody a:has-text('Open')")
        assert str(read.report) in page.url
        page.emulate_media(media="print")
        assert not page.is_visible("nav.rail")
        assert not page.is_visible("text=All reports")
        assert page.is_visible("text=Acute left thalamic haemorrhage.")
        assert page.is_visible(".synthetic"), "invented people are marked on paper too"
