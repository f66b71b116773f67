"""Who holds copies, and what each was told, on the page; a technologist sees the own site only."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest

from confrere.database.engine import transaction
from confrere.delivery import sendings
from confrere.files.folder import BlobStore
from confrere.imaging import correcting, holders, rejecting
from confrere.imaging.corrections import QUALITY, By
from confrere.imaging.editions import MOVED
from confrere.kernel.ids import OrderId, SiteId
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.network.model import Site
from confrere.orders import service as orders
from confrere.orders.model import OrderContent
from confrere.patients import service as patients
from confrere.patients.model import Demographics
from confrere.web import holders_page, images_page, technologist_page
from tests.integration.lists_house import HTMX, House, lists_house
from tests.integration.test_web_images import arrived
from tests.integration.world import NOW

ROUTERS = [images_page.router, holders_page.router, technologist_page.router]


@pytest.fixture(scope="module")
def house(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    home = tmp_path_factory.mktemp("holders")
    with lists_house(postgres_socket, template, ROUTERS, home) as made:
        yield made


def test_each_holder_is_shown_with_what_it_was_told_and_what_to_do(house: House) -> None:
    study = arrived(house, "H1", "H1")
    blobs = BlobStore(house.site.context.settings.blobs)
    with transaction(house.made.system, frozenset()) as conn:
        known = network.peer(conn, house.world.dicom)
        station = network.register_peer(
            conn, replace(known, name="Reading room", aet="ROOM", port=1, corrections="nothing")
        )
        holders.note_holder(conn, house.world.owner, study, station, MOVED, NOW)
        first = correcting.images_of(conn, study)[0]
        cut = rejecting.reject(
            conn, blobs, study, [first.id], QUALITY, "motion, repeated", By("Olga"), NOW
        )
        planned = holders.follow(conn, blobs, study, cut.id, NOW)
        each = {sendings.get(conn, one).peer: one for one in planned}
    told = each[station]
    browser, path = house.signed_in(Role.GROUP_MANAGER), f"/images/{study}/holders"
    assert f'hx-get="{path}"' in browser.get(f"/images/{study}").text
    shown = browser.get(path).text
    assert "Reading room" in shown
    assert "fetched it (C-MOVE)" in shown
    assert "to do by hand: it is registered as taking no corrections" in shown
    assert "Send again" not in shown, "it would not take it"
    listed = browser.get("/deliveries/corrections").text
    assert "a rejection note naming 1" in listed
    with transaction(house.made.system, frozenset()) as conn:
        network.change_peer(conn, replace(network.peer(conn, station), corrections="all"))
    assert "Send again" in browser.get(path).text
    again = browser.post(f"{path}/{told}/again", headers=HTMX)
    assert "on its way" in again.text
    assert browser.post(f"{path}/{told}/done", headers=HTMX).status_code == 409
    with transaction(house.made.system, frozenset()) as conn:
        sendings.end(conn, told, "1 of 1 objects not taken: 1 with status A900", NOW)
    assert "refused: 1 of 1 objects not taken" in browser.get(path).text
    done = browser.post(f"{path}/{told}/done", headers=HTMX)
    assert "corrected there by hand: Pat Quill" in done.text
    assert "Reading room" not in browser.get("/deliveries/corrections").text
    acts = [one.detail["act"] for one in house.trail("correction")]
    assert acts[:2] == ["corrected there by hand", "correction sent again"]
    other = house.signed_in(Role.GROUP_MANAGER, house.world.partner)
    assert other.get(path).status_code == 404
    assert other.post(f"{path}/{told}/again").status_code == 404


def test_a_technologist_sees_and_notes_exams_of_the_own_site_only(house: House) -> None:
    world = house.world
    with transaction(house.made.system, frozenset()) as conn:
        here = network.site(conn, world.site)
        there = network.add_site(
            conn,
            replace(
                here, id=SiteId(UUID(int=0)), code="TWO", name="Second", short_name="Second"
            ),
        )
        placed: dict[SiteId, OrderId] = {}
        for site, number in ((world.site, "T-HERE"), (there, "T-THERE")):
            said = Demographics("LMH-MRN", number, "Doe", "Jo", None, "F")
            patient = patients.record(conn, world.owner, said, NOW)
            content = OrderContent(number, procedure_code="CTHEAD", ordered_at=NOW)
            placed[site] = orders.place(conn, world.owner, site, patient.id, content, NOW).id
    assert isinstance(here, Site)
    browser = house.signed_in(Role.TECHNOLOGIST, place=world.site)
    shown = browser.get("/technologist").text
    assert "T-HERE" in shown
    assert "T-THERE" not in shown
    assert "T-THERE" not in browser.get(f"/technologist?site={there}").text, "nor by the URL"
    assert placed[there].hex not in browser.get("/technologist?accession=T-THERE").text.replace(
        "-", ""
    ), "nor by its number"
    note = {"kind": "note", "text": "moved"}
    assert browser.post(f"/technologist/{placed[there]}", data=note).status_code == 404
    assert browser.get(f"/api/orders/{placed[there]}/notes").status_code == 404
    denied = browser.post(f"/api/orders/{placed[there]}/notes", json=note)
    assert denied.status_code == 404
    assert browser.post(f"/technologist/{placed[world.site]}", data=note).status_code == 200
    elsewhere = house.signed_in(Role.TECHNOLOGIST, place=there)
    assert "T-HERE" not in elsewhere.get(f"/technologist?site={world.site}").text
    assert elsewhere.get(f"/api/orders/{placed[world.site]}/notes").status_code == 404
    for path in ("/images/" + str(placed[there]), "/deliveries/corrections"):
        assert browser.get(path).status_code == 403, "nothing but its own page"
