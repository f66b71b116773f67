"""The procedure map's page: lines are added, changed and removed, and open orders follow."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from confrere.database.engine import transaction
from confrere.kernel.principal import Role
from confrere.orders import service as orders
from confrere.orders.model import COMPLETE, Order, OrderContent
from confrere.patients import service as patients
from confrere.patients.model import Demographics
from confrere.web import exceptions_page, procedures_page
from confrere.wiring import exams
from confrere.worklist import service as worklist
from tests.integration.lists_house import House, lists_house
from tests.integration.world import NOW


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    routers = [exceptions_page.router, procedures_page.router]
    with lists_house(postgres_socket, template, routers) as made:
        yield made


def ordered(house: House, accession: str, code: str, born: date | None) -> Order:
    said = Demographics("LMH-MRN", f"P{accession}", "Doe", "Jane", born, "F")
    content = OrderContent(
        accession, procedure_code=code, procedure_text="Chest film", status=COMPLETE,
        requested_priority="R", ordered_at=NOW - timedelta(hours=1), exam_complete_at=NOW,
    )  # fmt: skip
    with transaction(house.made.system, frozenset()) as conn:
        patient = patients.record(conn, house.world.owner, said, NOW)
        order = orders.place(
            conn, house.world.owner, house.world.site, patient.id, content, NOW
        )
        exams.order_changed(conn, order.id, NOW)
    return order


def line(house: House, **changed: Any) -> dict[str, Any]:
    return {
        "site": str(house.world.site), "code": "CX", "text": "Chest film", "modality": "CR",
        "body_region": "chest", "subspecialty": "chest", "minutes": "3", "wrvu": "0.22",
        "child_below": "12", "child_subspecialty": "peds", "certificates": "A, B",
        "advanced": "yes", "contrast": "without",
    } | changed  # fmt: skip


def test_a_new_line_types_the_orders_that_wait_by_age_too(house: House) -> None:
    grown = ordered(house, "PM1", "CX", date(1960, 1, 1))
    child = ordered(house, "PM2", "CX", date(NOW.year - 5, 1, 1))
    browser = house.signed_in(Role.GROUP_MANAGER)
    assert "typed again: 2" in browser.post("/procedures", data=line(house)).text
    with transaction(house.made.system, frozenset()) as conn:
        for order, reader in ((grown, "chest"), (child, "peds")):
            typed = orders.get(conn, order.id)
            assert (typed.subspecialty, typed.minutes, typed.advanced) == (reader, 3, True)
            exams.order_changed(conn, order.id, NOW)
            (item,) = worklist.of_exam(conn, house.world.owner, None, [order.id])
            assert (item.subspecialty, item.minutes, item.wrvu) == (reader, 3, typed.wrvu)
            assert (item.certificates, item.contrast) == (("A", "B"), "without")
    page = browser.get("/procedures").text
    assert "below 12 y: peds" in page
    assert "of 2 orders in 90 days typed" in page
    assert (
        "CX,Chest film,CR,chest,without,chest,yes,3,0.22"
        in browser.get("/procedures/map.csv").text
    )


def test_a_line_is_removed_and_its_code_is_unknown_again(house: House) -> None:
    browser = house.signed_in(Role.IT_ENGINEER)
    browser.post("/procedures", data=line(house, code="GONE"))
    path = f"/procedures/{house.world.site}/remove"
    assert "is removed" in browser.post(path, data={"code": "GONE"}).text
    assert browser.post(path, data={"code": "GONE"}).status_code == 404
    assert not ordered(house, "PM3", "GONE", None).mapped
    assert {one.action for one in house.trail("procedure map")} >= {"U", "D"}


@pytest.mark.parametrize(
    ("field", "wrong", "said"),
    [
        ("modality", "ZZ", "Choose the modality"), ("subspecialty", "", "Choose the subspec"),
        ("minutes", "0", "from 1 to 600"), ("minutes", "ten", "from 1 to 600"),
        ("wrvu", "NaN", "between 0 and 1000"), ("wrvu", "x", "as 0.85"),
        ("contrast", "some", "contrast is"), ("child_below", "99", "from 0 to 21"),
        ("child_subspecialty", "", "below which age"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_its_name(
    house: House, field: str, wrong: str, said: str
) -> None:
    browser = house.signed_in(Role.GROUP_MANAGER)
    answer = browser.post("/procedures", data=line(house, code="NEW", **{field: wrong}))
    assert answer.status_code == 422
    assert said in answer.text


def test_another_groups_map_is_out_of_reach(house: House) -> None:
    other = house.signed_in(Role.GROUP_MANAGER, house.world.partner)
    assert other.post("/procedures", data=line(house)).status_code == 404
    path = f"/procedures/{house.world.site}/remove"
    assert other.post(path, data={"code": "CTHEAD"}).status_code == 404
    assert "CTHEAD" not in other.get("/procedures").text
