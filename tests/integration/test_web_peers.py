"""Registering systems: checked fields, a test that reaches out, doors that open and close."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest

from confrere.database.engine import transaction
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import PeerId
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.network.systems import Peer
from confrere.settings import Settings
from confrere.web import peers_page
from confrere.web.peer_form import Asked, read_peer
from tests.integration.lists_house import HTMX, House, lists_house

PRIVATE = Settings(private_interface="10.20.0.2")


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(postgres_socket, template, [peers_page.router]) as made:
        yield made


def peer_named(house: House, name: str) -> Peer:
    with transaction(house.made.system, frozenset()) as conn:
        return next(one for one in network.peers(conn) if one.name == name)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"address": "pacs.example.org"}, "address"),
        ({"address": "10.20.0.5"}, "plain"),
        ({"address": "10.20.0.5", "plain": "yes"}, "interface"),
        ({"port": "65536"}, "port"),
        ({"port": "+5"}, "port"),
        ({"site": str(UUID(int=9))}, "site"),
    ],
)
def test_each_wrong_field_is_named(house: House, changes: dict[str, str], field: str) -> None:
    asked = Asked(door="dicom", name="PACS", aet="PACS").model_copy(update=changes)
    with pytest.raises(Invalid) as wrong:
        read_peer(asked, house.world.owner, {}, PRIVATE)
    assert wrong.value.field == field


def test_a_machine_beyond_loopback_needs_the_private_interface(house: House) -> None:
    asked = Asked(
        door="dicom", name="PACS", aet="PACS", address="10.20.0.5", plain="yes",
        interface="10.20.0.2",
    )  # fmt: skip
    made = read_peer(asked, house.world.owner, {}, PRIVATE)
    assert (made.plain_beyond_loopback, made.interface) == (True, "10.20.0.2")
    with pytest.raises(Invalid, match="loopback only"):
        read_peer(asked, house.world.owner, {}, Settings())


def test_a_pacs_is_registered_disabled_and_enabled(house: House) -> None:
    browser = house.signed_in(Role.IT_ENGINEER)
    form = {
        "door": "dicom",
        "name": "Old PACS",
        "aet": "OLD_PACS",
        "site": str(house.world.site),
    }
    answer = browser.post("/network/peers", data=form, headers=HTMX)
    assert "Old PACS is registered" in answer.text
    assert browser.post("/network/peers", data=form).status_code == 409
    peer = peer_named(house, "Old PACS")
    assert (peer.owner_group, peer.site, peer.enabled) == (
        house.world.owner, house.world.site, True,
    )  # fmt: skip
    path = f"/network/peers/{peer.id}"
    assert "is refused from now on" in browser.post(f"{path}/disable").text
    assert not peer_named(house, "Old PACS").enabled
    assert "may speak again" in browser.post(f"{path}/enable").text
    assert [one.action for one in house.trail("peer")[:3]] == ["U", "U", "C"]


def test_an_absent_ae_title_or_door_is_refused(house: House) -> None:
    browser = house.signed_in(Role.IT_ENGINEER)
    for form in ({"door": "dicom", "name": "X"}, {"door": "telnet", "name": "X"}):
        assert browser.post("/network/peers", data=form).status_code == 422, form


def test_a_results_destination_is_tested_and_put_to_use(house: House) -> None:
    browser = house.signed_in(Role.IT_ENGINEER)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        form = {
            "door": "results", "name": "New inbox", "port": str(port),
            "site": str(house.world.site),
        }  # fmt: skip
        assert browser.post("/network/peers", data=form).status_code == 200
        path = f"/network/peers/{peer_named(house, 'New inbox').id}"
        assert f"127.0.0.1:{port} answers" in browser.post(f"{path}/test").text
    assert "nothing listens on that port" in browser.post(f"{path}/test").text
    assert "go to New inbox" in browser.post(f"{path}/use").text
    with transaction(house.made.system, frozenset()) as conn:
        assert str(network.site(conn, house.world.site).result_peer) in path
        network.send_results_to(conn, house.world.site, house.world.results)


def test_a_destination_is_told_who_reads_and_told_no_more(house: House) -> None:
    with transaction(house.made.system, frozenset()) as conn:
        old = network.peer(conn, house.world.results)
        peer = network.register_peer(conn, replace(old, name="Lock", site=house.world.site))
    browser = house.signed_in(Role.IT_ENGINEER)
    assert "is told who reads each exam" in browser.post(f"/network/peers/{peer}/status").text
    page = browser.get("/network/peers").text
    assert "is told who reads</span>" in page
    assert "ORC-5 IP" in page
    with transaction(house.made.system, frozenset()) as conn:
        assert network.site(conn, house.world.site).status_peer == peer
    assert "told no more" in browser.post(f"/network/peers/{peer}/status/stop").text
    with transaction(house.made.system, frozenset()) as conn:
        assert network.site(conn, house.world.site).status_peer is None
    manager = house.signed_in(Role.GROUP_MANAGER)
    assert manager.post(f"/network/peers/{peer}/status").status_code == 403
    other = house.signed_in(Role.IT_ENGINEER, house.world.partner)
    assert other.post(f"/network/peers/{peer}/status").status_code == 404
    assert browser.post(f"/network/peers/{house.world.hl7}/status").status_code == 422


def test_only_registered_results_destinations_are_reached_out_to(house: House) -> None:
    browser = house.signed_in(Role.IT_ENGINEER)
    assert browser.post(f"/network/peers/{house.world.dicom}/test").status_code == 422
    with transaction(house.made.system, frozenset()) as conn:
        old = network.peer(conn, house.world.results)
        far = replace(old, name="Far", address="10.255.255.1", plain_beyond_loopback=False)
        away = network.register_peer(conn, far)
    assert browser.post(f"/network/peers/{away}/test").status_code == 409
    assert browser.post(f"/network/peers/{PeerId(UUID(int=5))}/test").status_code == 404


def test_another_groups_machines_are_neither_seen_nor_switched(house: House) -> None:
    other = house.signed_in(Role.IT_ENGINEER, house.world.partner)
    assert "RIS inbox</b>" not in other.get("/network/peers").text
    for act in ("disable", "test", "use"):
        path = f"/network/peers/{house.world.results}/{act}"
        assert other.post(path).status_code == 404, act
    with transaction(house.made.app, frozenset({house.world.partner})) as conn:
        network.send_results_to(conn, house.world.site, house.world.dicom)
    with transaction(house.made.system, frozenset()) as conn:
        assert network.site(conn, house.world.site).result_peer == house.world.results


def test_a_manager_looks_and_does_not_change(house: House) -> None:
    manager = house.signed_in(Role.GROUP_MANAGER)
    page = manager.get("/network/peers").text
    assert "RIS inbox</b>" in page
    assert "CONFRERE_PRIVATE_INTERFACE" in page
    assert ">Disable<" not in page
    assert manager.post(f"/network/peers/{house.world.hl7}/disable").status_code == 403


PRINT = "ab" * 32


def test_a_machine_is_changed_after_it_was_shown_what_changes(house: House) -> None:
    browser = house.signed_in(Role.IT_ENGINEER)
    with transaction(house.made.system, frozenset()) as conn:
        old = network.peer(conn, house.world.dicom)
        key = network.register_peer(conn, replace(old, name="Renewed", aet="RENEWED", port=104))
        away = network.register_peer(
            conn,
            replace(old, name="Away", aet="AWAY", owner_group=house.world.partner, site=None),
        )
    path = f"/network/peers/{key}/change"
    assert 'value="RENEWED"' in browser.get(path).text
    form = {
        "door": "dicom", "name": "Renewed", "aet": "RENEWED", "port": "2762", "tls": "yes",
        "tls_fingerprint": ":".join(["AB"] * 32), "availability": "yes", "corrections": "all",
        "site": str(house.world.site), "keeps_all": "yes",
    }  # fmt: skip
    shown = browser.post(path, data=form, headers=HTMX).text
    assert "Change Renewed?" in shown
    assert "Certificate it must show when called" in shown
    assert peer_named(house, "Renewed").port == 104, "nothing is done before it is confirmed"
    done = browser.post(path, data=form | {"confirmed": "yes"}, headers=HTMX).text
    assert "Renewed is changed" in done
    made = peer_named(house, "Renewed")
    assert (made.port, made.tls, made.tls_fingerprint, made.availability) == (
        2762, True, PRINT, True,
    )  # fmt: skip
    assert (made.corrections, made.keeps_all, made.enabled) == ("all", True, True)
    noted = house.trail("peer")[0]
    assert noted.detail["act"] == "changed"
    assert "Port" in str(noted.detail["fields"])
    same = browser.post(path, data=form | {"confirmed": "yes"}, headers=HTMX).text
    assert "nothing was changed" in same
    wrong = browser.post(path, data=form | {"port": ""}, headers=HTMX)
    assert wrong.status_code == 422
    assert "2762 is the registered one" in wrong.text
    assert browser.get(f"/network/peers/{away}/change").status_code == 404
    assert browser.post(f"/network/peers/{away}/change", data=form).status_code == 404
