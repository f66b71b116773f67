"""The simulations' page: what is asked is checked, kept for the group alone, and removed."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from confrere.database.engine import transaction
from confrere.kernel.principal import Role
from confrere.web import simulate_page
from confrere.worklist import trials
from confrere.worklist.experiments import Experiment
from tests.integration.lists_house import House, lists_house
from tests.integration.world import NOW


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(postgres_socket, template, [simulate_page.router]) as made:
        yield made


def kept(house: House) -> list[Experiment]:
    with transaction(house.made.system, frozenset()) as conn:
        return trials.listed(conn, house.world.owner)


def test_a_manager_asks_follows_and_removes(house: House) -> None:
    browser = house.signed_in(Role.GROUP_MANAGER)
    assert "Nothing was tried yet" in browser.get("/simulate").text
    form = {"month": f"{NOW:%Y-%m}", "hold": "0.5", "without": str(house.world.agreement)}
    assert "Queued" in browser.post("/simulate", data=form).text
    (one,) = kept(house)
    assert one.asked["without"] == [str(house.world.agreement)]
    assert one.asked["hold"] == {"factor": 0.5, "evenness": False}
    assert "waits for the worker" in browser.get(f"/simulate/{one.id}/progress").text
    with transaction(house.made.system, frozenset()) as conn:
        trials.advance(conn, one.id, 0.4)
    assert "40 %" in browser.get(f"/simulate/{one.id}/progress").text
    with transaction(house.made.system, frozenset()) as conn:
        trials.fail(conn, one.id, "no exam is on record", NOW)
    assert "came to nothing" in browser.get(f"/simulate/{one.id}/progress").text
    other = house.signed_in(Role.GROUP_MANAGER, house.world.partner)
    assert other.get(f"/simulate/{one.id}/progress").status_code == 404
    assert other.post(f"/simulate/{one.id}/remove").status_code == 404
    assert "Removed" in browser.post(f"/simulate/{one.id}/remove").text
    assert kept(house) == []
    assert {event.action for event in house.trail("simulation")} == {"C", "D"}


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"month": "soon"}, "Choose a month"),
        ({"month": "2999-01"}, "month that was"),
        ({"hold": "much"}, "factor"),
        ({"without": str(uuid4())}, "not one of your group"),
        ({"absent": str(uuid4())}, "not of your group"),
        ({"reader": str(uuid4())}, "Choose the reader"),
        ({"site": str(UUID(int=1))}, "Choose the reader"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    house: House, form: dict[str, str], said: str
) -> None:
    answer = house.signed_in(Role.GROUP_MANAGER).post("/simulate", data=form)
    assert answer.status_code == 422
    assert said in answer.text


def test_only_managers_simulate(house: House) -> None:
    assert house.signed_in(Role.IT_ENGINEER).get("/simulate").status_code == 403
