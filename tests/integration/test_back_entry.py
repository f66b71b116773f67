"""What was read at a gateway in downtime, entered at the centre; and the page for what is not."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.kernel.errors import Conflict, Invalid
from confrere.kernel.ids import ReaderId
from confrere.kernel.principal import Role
from confrere.network import gatewaying
from confrere.network import service as network
from confrere.network.gateways import Gateway
from confrere.notices import service as notices
from confrere.notices.contacts import IT, Contact
from confrere.notices.model import QUEUED, Channel
from confrere.orders import service as orders
from confrere.reading import back_entry
from confrere.reading import service as reading
from confrere.reading.downtime import (
    ASIDE,
    CONFLICT,
    ENTERED,
    UNMATCHED,
    WAITING,
    DowntimeRead,
    Signed,
)
from confrere.web import downtime_page, gateways_page
from confrere.wiring import downtime, exams, gateways_watched
from confrere.worklist import service as worklist
from confrere.worklist.model import DOWNTIME, Item, State
from tests.integration.beside_house import claim, complete
from tests.integration.beside_house import receive as heard_of
from tests.integration.lists_house import House, lists_house
from tests.integration.world import NOW, order_message, reader

MINUTE = timedelta(minutes=1)
TEXT = {"findings": "Acute left thalamic haemorrhage.", "impression": "Bleed."}
numbers = itertools.count(500)


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    routers = [downtime_page.router, gateways_page.router]
    with lists_house(postgres_socket, template, routers) as made:
        yield made


@pytest.fixture(scope="module")
def gateway(house: House) -> Gateway:
    with transaction(house.made.system, frozenset()) as conn:
        key, _ = gatewaying.add(
            conn, house.world.owner, house.world.site, "Gateway East", "Ida", NOW, os.urandom
        )
        return gatewaying.get(conn, key)


@pytest.fixture(scope="module")
def own(house: House) -> ReaderId:
    """A neuroradiologist of the owner group."""
    with transaction(house.made.system, frozenset()) as conn:
        world = house.world
        made = reader(world.owner, "Ott, Otto", {"neuro"}, world.site, "IL", NOW)
        return network.add_reader(conn, made)


def signed(own: ReaderId, number: str, **changes: Any) -> Signed:
    made = Signed(
        uuid4(), "final", TEXT, own, "Ott, Otto", NOW - 9 * MINUTE, NOW - 5 * MINUTE,
        NOW - 12 * MINUTE, 3, "", number, "M1", "DOE, JANE", "CT head",
    )  # fmt: skip
    return replace(made, **changes)


def number() -> str:
    return f"LM{next(numbers)}"


def receive(house: House, gateway: Gateway, came: Signed) -> DowntimeRead:
    """As the gateway's call does, under the group's own wall."""
    with transaction(house.made.app, frozenset({house.world.owner})) as conn:
        return back_entry.receive(conn, gateway, came, NOW)


def exam(house: House, accession: str) -> Item:
    with transaction(house.made.system, frozenset()) as conn:
        return complete(conn, house.world, accession)


def after(house: House, item: Item) -> Item:
    with transaction(house.made.system, frozenset()) as conn:
        return worklist.get(conn, item.id)


def test_a_preliminary_and_a_final_are_entered_in_their_order_once_with_their_times(
    house: House, gateway: Gateway, own: ReaderId
) -> None:
    accession = number()
    item = exam(house, accession)
    early = signed(own, accession, kind="preliminary", signed_at=NOW - 8 * MINUTE)
    late = signed(own, accession)
    assert receive(house, gateway, early).state == ENTERED
    assert after(house, item).preliminary_at == early.signed_at
    for _ in range(2):  # the answer was lost: it is sent again
        assert receive(house, gateway, late).state == ENTERED
    done = after(house, item)
    assert (done.state, done.finished_at, done.finished_by) == (
        State.FINAL,
        late.signed_at,
        own,
    )
    with transaction(house.made.system, frozenset()) as conn:
        report = reading.of_item(conn, item.id)
        assert report
        versions = reading.versions(conn, [report.id])[report.id]
    assert [(one.kind, one.signed_at, one.provenance) for one in versions] == [
        ("preliminary", early.signed_at, "read in downtime at Gateway East"),
        ("final", late.signed_at, "read in downtime at Gateway East"),
    ]
    assert report.final_at == late.signed_at


def test_a_read_before_its_exam_is_known_closes_it_when_it_comes(
    house: House, gateway: Gateway, own: ReaderId
) -> None:
    accession = number()
    assert receive(house, gateway, signed(own, accession)).state == WAITING
    with transaction(house.made.system, frozenset()) as conn:
        raw = order_message(accession, status="CM", control=f"C{accession}")
        heard_of(conn, house.world, raw)
        (order,) = orders.search(conn, 1, accession=accession)
        downtime.order_changed(conn, order.id, NOW)
        (item,) = worklist.of_exam(conn, house.world.owner, None, [order.id])
    assert item.state is State.FINAL


def test_what_was_signed_at_the_centre_stands_and_the_read_is_kept_for_a_person(
    house: House, gateway: Gateway, own: ReaderId
) -> None:
    accession = number()
    item = exam(house, accession)
    with transaction(house.made.system, frozenset()) as conn:
        _, hold = claim(conn, item, own)
        directory = network.directory(conn, NOW)
        reading.sign(conn, hold, TEXT, "final", directory, NOW)
    kept = receive(house, gateway, signed(own, accession))
    assert kept.state == CONFLICT
    assert "Ott, Otto signed this exam at the centre" in kept.why
    browser = house.signed_in(Role.GROUP_MANAGER)
    assert "Its report stands" in browser.get("/downtime").text
    path = f"/downtime/{kept.id}"
    form = {"item": str(item.id), "words": "counts"}
    assert browser.post(f"{path}/enter", data=form).status_code == 409
    assert browser.post(f"{path}/aside", data={"words": ""}).status_code == 422
    assert browser.post(f"{path}/aside", data={"words": "same finding"}).status_code == 200
    assert "same finding" in browser.get("/downtime", params={"state": ASIDE}).text
    assert browser.post(f"{path}/reopen").status_code == 200
    with transaction(house.made.system, frozenset()) as conn:
        assert back_entry.get(conn, kept.id).state == CONFLICT
    other = house.signed_in(Role.GROUP_MANAGER, house.world.partner)
    assert other.post(f"{path}/aside", data={"words": "mine"}).status_code == 404
    engineer = house.signed_in(Role.IT_ENGINEER)
    assert engineer.get("/downtime").status_code == 403
    assert [one.detail["act"] for one in house.trail("downtime read")] == [
        "taken up again", "set aside",
    ]  # fmt: skip


def test_a_claimed_exam_is_marked_and_taken_from_its_holder_by_a_persons_word_alone(
    house: House, gateway: Gateway, own: ReaderId
) -> None:
    accession = number()
    item = exam(house, accession)
    with transaction(house.made.system, frozenset()) as conn:
        held, _ = claim(conn, item, house.world.neuro)
    kept = receive(house, gateway, signed(own, accession))
    assert (kept.state, kept.why) == (CONFLICT, "Novak, Nina has this exam at the centre")
    marked = after(house, item)
    assert DOWNTIME in marked.flags
    assert marked.hold_token == held.hold_token
    with transaction(house.made.system, frozenset()) as conn:
        exams.order_changed(conn, item.orders[0], NOW)  # what its sources say keeps the mark
    assert DOWNTIME in after(house, item).flags
    browser = house.signed_in(Role.GROUP_MANAGER)
    form = {"item": str(item.id), "words": "Nina agrees"}
    assert browser.post(f"/downtime/{kept.id}/enter", data=form).status_code == 200
    assert after(house, item).state is State.FINAL
    assert "Nina agrees" in browser.get("/downtime", params={"state": ENTERED}).text


def test_a_reader_whom_a_rule_forbids_it_is_a_conflict_with_the_rule(
    house: House, gateway: Gateway
) -> None:
    world, accession = house.world, number()
    exam(house, accession)
    with transaction(house.made.system, frozenset()) as conn:
        far = network.add_reader(
            conn, reader(world.owner, "Far, Fay", {"neuro"}, world.site, "WI", NOW)
        )
    kept = receive(house, gateway, signed(far, accession))
    assert kept.state == CONFLICT
    assert "LIC_PATIENT" in kept.why


def test_a_read_of_another_patients_number_is_matched_by_hand_after_a_comparison(
    house: House, gateway: Gateway, own: ReaderId
) -> None:
    accession = number()
    item = exam(house, accession)
    kept = receive(house, gateway, signed(own, accession, mrn="M9", patient_name="ROE, R"))
    assert kept.state == UNMATCHED
    browser = house.signed_in(Role.GROUP_MANAGER)
    looked = browser.post(f"/downtime/{kept.id}/look", data={"accession": accession}).text
    assert "differs" in looked
    form = {"item": str(item.id), "words": "MRN typed wrong at the scanner"}
    path = f"/downtime/{kept.id}/enter"
    assert browser.post(path, data=form).status_code == 422
    assert browser.post(path, data=form | {"checked": "yes"}).status_code == 200
    assert after(house, item).state is State.FINAL


def test_what_no_reader_of_the_group_signed_or_says_nothing_is_refused(
    house: House, gateway: Gateway, own: ReaderId
) -> None:
    for wrong in (
        {"signer": house.world.neuro},
        {"sections": {"findings": " "}},
        {"kind": "addendum"},
        {"signed_at": NOW - 10 * MINUTE},
    ):
        with pytest.raises(Invalid):
            receive(house, gateway, signed(own, number(), **wrong))


def test_two_decisions_at_once_do_not_both_count(
    house: House, gateway: Gateway, own: ReaderId
) -> None:
    kept = receive(house, gateway, signed(own, number()))
    with transaction(house.made.system, frozenset()) as conn:
        back_entry.set_aside(conn, kept.id, "first", "Ida", NOW)
        with pytest.raises(Conflict, match="set aside already"):
            back_entry.set_aside(conn, kept.id, "second", "Ida", NOW)


def test_a_silent_gateway_is_told_once_and_anew_at_the_next_outage(house: House) -> None:
    world = house.world
    with transaction(house.made.system, frozenset()) as conn:
        ida = Contact(
            UUID(int=0), world.owner, IT, "Ida", mail="ida@lake.example",
            channels=frozenset({Channel.MAIL}),
        )  # fmt: skip
        notices.add_contact(conn, ida, "test", NOW)
        key, _ = gatewaying.add(
            conn, world.owner, world.site, "Gateway West", "Ida", NOW, os.urandom
        )
        told = [heard(conn, key, NOW, minutes) for minutes in (4, 6, 7)]
        told += [heard(conn, key, NOW + 60 * MINUTE, minutes) for minutes in (1, 9)]
        assert told == [0, 1, 0, 0, 1]
        gatewaying.revoke(conn, key, NOW)
        assert heard(conn, key, NOW + 180 * MINUTE, 9) == 0
        found = [one for one in notices.history(conn, [QUEUED], 10) if one.what.name == "Ida"]
    assert {one.what.level for one in found} == {"Gateway West"}
    page = house.signed_in(Role.IT_ENGINEER).get("/network/gateways").text
    assert "Gateway West" in page


def heard(conn: Connection, key: Any, at: Any, minutes: int) -> int:
    """How many are told, so many minutes after the gateway was last heard of."""
    if minutes in (4, 1):
        gatewaying.hear(conn, key, "1", {}, at)
    return gateways_watched.tell(conn, 5, at + minutes * MINUTE)


def test_reading_in_downtime_is_switched_by_the_it_engineer(
    house: House, gateway: Gateway
) -> None:
    browser = house.signed_in(Role.IT_ENGINEER)
    path = f"/network/gateways/{gateway.id}/downtime"
    assert "may read at Gateway East" in browser.post(path, data={"on": "yes"}).text
    with transaction(house.made.system, frozenset()) as conn:
        assert gatewaying.get(conn, gateway.id).downtime
    assert "may read no more" in browser.post(path).text
