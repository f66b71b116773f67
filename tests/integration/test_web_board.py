"""The lead's board: what it shows, to whom, and moving an exam from it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.kernel.ids import ReaderId
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.network.model import Reader
from confrere.orders import service as orders
from confrere.web import board_page
from confrere.wiring import exams
from confrere.worklist import claims
from confrere.worklist import service as worklist
from confrere.worklist.declining import decline
from confrere.worklist.dispatch import dispatch
from confrere.worklist.model import Item
from tests.integration.lists_house import HTMX, House, lists_house
from tests.integration.test_worklist import receive
from tests.integration.world import NOW, World, order_message

WHY = "Nina leaves for the stroke conference"


def rival(conn: Connection, world: World) -> Reader:
    """Another reader of the partner group who may read the exams as well."""
    twin = network.reader(conn, world.neuro, NOW)
    made = replace(twin, id=ReaderId(uuid4()), name="Rowe, Rita", npi="")
    return network.reader(conn, network.add_reader(conn, made), NOW)


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(postgres_socket, template, [board_page.router]) as made:
        yield made


@pytest.fixture(scope="module")
def rita(house: House) -> Reader:
    with transaction(house.made.system, frozenset()) as conn:
        return rival(conn, house.world)


def exam(house: House, accession: str, **message: str) -> Item:
    """An exam that the dispatcher has looked at."""
    with transaction(house.made.system, frozenset()) as conn:
        raw = order_message(accession, control=accession, status="CM", **message)
        receive(conn, house.world, raw)
        known = orders.search(conn, 50)
        order = next(one for one in known if one.content.accession == accession)
        exams.order_changed(conn, order.id, NOW)
        dispatch(conn, network.directory(conn, NOW), NOW)
        (made,) = worklist.of_exam(conn, house.world.owner, None, [order.id])
        return made


def now(house: House, item: Item) -> Item:
    with transaction(house.made.system, frozenset()) as conn:
        return worklist.get(conn, item.id)


def row(page: str, item: Item) -> str:
    found = re.search(rf'<tr id="i-{item.id}".*?</tr>', page, re.DOTALL)
    return found.group(0) if found else ""


def test_the_board_shows_who_has_what_through_which_ring(house: House, rita: Reader) -> None:
    item = exam(house, "LM200", name="SECRET^PATIENT")
    page = house.signed_in(Role.GROUP_MANAGER).get("/board").text
    line = row(page, item)
    assert "Offered" in line
    assert 'data-slack="' in line
    assert "Prairie" in line
    assert "SECRET" not in page.upper()
    assert 'data-ring="3"' in line  # a common exam, a partner's reader
    assert "Gray, Gail" in page  # the own reader on duty has a tile


def test_another_group_and_other_roles_see_no_board_of_this_group(house: House) -> None:
    item = exam(house, "LM201")
    other = house.signed_in(Role.GROUP_MANAGER, house.world.partner)
    assert row(other.get("/board").text, item) == ""
    assert other.get(f"/board/{item.id}", headers=HTMX).status_code == 404
    form = {"reader": str(house.world.neuro), "reason": WHY}
    assert other.post(f"/board/{item.id}/move", data=form).status_code in (403, 404)
    reads = house.signed_in(Role.RADIOLOGIST, house.world.owner, house.world.general)
    assert reads.get("/board").status_code == 403


def test_an_exam_is_given_with_a_reason_and_taken_back(house: House, rita: Reader) -> None:
    item = exam(house, "LM202")
    lead = house.signed_in(Role.GROUP_MANAGER)
    panel = lead.get(f"/board/{item.id}", headers=HTMX).text
    assert "Rowe, Rita" in panel
    assert "SCOPE" in panel  # why the own generalist may not
    url = f"/board/{item.id}/move"
    none = lead.post(url, data={"reason": WHY}, headers=HTMX)
    assert (none.status_code, "Choose to whom" in none.text) == (422, True)
    short = lead.post(url, data={"reader": str(rita.id), "reason": "so"}, headers=HTMX)
    assert (short.status_code, "at least 10 characters" in short.text) == (422, True)
    given = lead.post(url, data={"reader": str(rita.id), "reason": WHY}, headers=HTMX)
    assert given.status_code == 200
    assert given.headers["hx-trigger"] == "worklist"
    assert "Given to Rowe, Rita" in given.text
    assert now(house, item).offered_to == rita.id
    assert "moved by hand" in row(lead.get("/board/rows").text, item)
    back = re.search(r'hx-post="(/board/moves/[^"]+)"', given.text)
    assert back is not None
    assert "Taken back" in lead.post(back.group(1), headers=HTMX).text
    assert now(house, item).offered_to == item.offered_to
    assert {e.detail["act"] for e in house.trail("move")} >= {"given", "taken back"}
    assert all(e.patient_id == item.patient for e in house.trail("move"))


def test_what_somebody_reads_is_taken_only_when_confirmed(house: House, rita: Reader) -> None:
    item = exam(house, "LM203")
    with transaction(house.made.system, frozenset()) as conn:
        directory = network.directory(conn, NOW)
        neuro = directory.readers[house.world.neuro]
        claims.claim(conn, item, neuro, directory, NOW, timedelta(minutes=30))
    lead, url = house.signed_in(Role.GROUP_MANAGER), f"/board/{item.id}/move"
    form = {"reader": str(rita.id), "reason": WHY}
    blind = lead.post(url, data=form, headers=HTMX)
    assert (blind.status_code, "Novak, Nina has begun to read" in blind.text) == (409, True)
    form |= {"holder": str(house.world.neuro)}
    unsure = lead.post(url, data=form, headers=HTMX)
    assert (unsure.status_code, "Confirm that you take it" in unsure.text) == (422, True)
    assert WHY in unsure.text  # what was typed stays
    assert lead.post(url, data=form | {"confirm": "true"}, headers=HTMX).status_code == 200
    after = now(house, item)
    assert (after.held_by, after.offered_to) == (None, rita.id)


def test_declines_show_on_the_board_of_the_decliners_group_alone(house: House) -> None:
    item = exam(house, "LM204", code="MYSTERY")  # goes to the own reader on call
    assert item.offered_to == house.world.general
    with transaction(house.made.system, frozenset()) as conn:
        general = network.reader(conn, house.world.general, NOW)
        decline(conn, item, general, "busy", "", NOW)
    page = house.signed_in(Role.GROUP_MANAGER).get("/board").text
    assert "declined" in row(page, item)
    partners = exam(house, "LM205")
    assert partners.offered_to is not None
    with transaction(house.made.system, frozenset()) as conn:
        decline(conn, partners, network.reader(conn, partners.offered_to, NOW), "busy", "", NOW)
    page = house.signed_in(Role.GROUP_MANAGER).get("/board").text
    assert "declined" not in row(page, partners)
