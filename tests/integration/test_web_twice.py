"""The list of exams that were read here and at the site."""

from collections.abc import Iterator

import pytest

from confrere.database.engine import transaction
from confrere.kernel.principal import Role
from confrere.reading import doubles
from confrere.reading import service as reading
from confrere.web import exceptions_page, exceptions_twice
from confrere.worklist import service as worklist
from tests.integration.beside_house import LEASE, TEXT, claim, complete
from tests.integration.lists_house import House, lists_house
from tests.integration.world import NOW


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    routers = [exceptions_page.router, exceptions_twice.router]
    with lists_house(postgres_socket, template, routers) as made:
        yield made


def test_an_exam_read_here_and_at_the_site_waits_until_somebody_settles_it(
    house: House,
) -> None:
    world = house.world
    with transaction(house.made.system, frozenset()) as conn:
        item = complete(conn, world, "LM777")
        _, hold = claim(conn, item, world.neuro)
        reading.save_draft(conn, hold, TEXT, 0, NOW, LEASE)
        came = reading.Received(
            world.owner, world.site, item.patient, item.orders, None, "CT head", "No bleed.",
            True, "Smith, Sam", NOW, NOW,
        )  # fmt: skip
        before = [worklist.get(conn, item.id)]
        doubles.find(conn, before, reading.receive(conn, came, before, NOW), NOW)
    browser = house.signed_in(Role.IT_ENGINEER)
    page = browser.get("/exceptions/twice").text
    assert "closed it while it was read here" in page
    assert "Novak, Nina was reading" in page
    with transaction(house.made.system, frozenset()) as conn:
        (one,) = doubles.unsettled(conn, world.owner)
    path = f"/exceptions/twice/{one.id}/settle"
    assert browser.post(path, data={"words": ""}).status_code == 422
    other = house.signed_in(Role.IT_ENGINEER, world.partner)
    assert other.post(path, data={"words": "same"}).status_code == 409
    assert browser.post(path, data={"words": "same finding"}).status_code == 303
    assert "No exam was read twice" in browser.get("/exceptions/twice").text
    assert house.trail("double read")[0].object_id == one.id
