"""How we read: a group's settings on a page, and what they change at once."""

from collections.abc import Iterator

import pytest

from confrere.database.engine import transaction
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.network.routing_settings import AS_DELIVERED, PUSH, RoutingSettings
from confrere.web import rosters_page, routing_page
from confrere.worklist.policy import LEVELS
from tests.integration.lists_house import HTMX, House, lists_house
from tests.integration.world import NOW

PATH = "/rosters/routing"
TYPED = {"mode": "push", "first": "evenness", "ahead": "3", "silence_seconds": "120"}


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(
        postgres_socket, template, [rosters_page.router, routing_page.router]
    ) as made:
        yield made


def settings(house: House, group: object) -> RoutingSettings:
    with transaction(house.made.system, frozenset()) as conn:
        return network.directory(conn, NOW).routing_of(group)  # type: ignore[arg-type]


def test_a_manager_sets_how_the_group_reads_and_the_partner_keeps_its_own(house: House) -> None:
    manager = house.signed_in(Role.GROUP_MANAGER)
    assert PATH in manager.get("/rosters").text
    page = manager.get(PATH).text
    assert 'name="mode" value="hybrid" checked' in page
    policys = next(level.hold for level in LEVELS if level.name == "inpatient")
    assert 'name="hold_inpatient" inputmode="decimal" size="5"' in page
    assert f'placeholder="{100 * policys:g}"' in page
    said = manager.post(
        PATH, data=TYPED | {"put_aside": "yes", "hold_inpatient": "50 %"}, headers=HTMX
    )
    assert "Set. The dispatcher" in said.text
    assert 'value="50"' in said.text
    assert settings(house, house.world.owner) == RoutingSettings(
        PUSH, "evenness", {"inpatient": 0.5}, {}, 3, True, 120
    )
    assert settings(house, house.world.partner) == AS_DELIVERED
    noted = [one for one in house.trail("routing settings") if one.detail["mode"] == "push"]
    assert len(noted) == 1


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"ahead": "9"}, "offer 1 to 5 exams at once"),
        ({"silence_seconds": "5"}, "wait 30 to 1800 seconds"),
        ({"mode": "guess"}, "choose one of hybrid, pull, push"),
        ({"hold_ed": "much"}, "ED: give a percentage such as 35"),
        ({"own_first_ed": "140"}, "give a share between 0 and 100 %"),
    ],
)
def test_what_cannot_be_is_refused_with_the_field_and_nothing_changes(
    house: House, typed: dict[str, str], told: str
) -> None:
    before = settings(house, house.world.owner)
    answer = house.signed_in(Role.GROUP_MANAGER).post(PATH, data=TYPED | typed, headers=HTMX)
    assert told in answer.text
    assert settings(house, house.world.owner) == before


def test_a_radiologist_may_not_change_it(house: House) -> None:
    radiologist = house.signed_in(Role.RADIOLOGIST, reader=house.world.general)
    assert radiologist.post(PATH, data=TYPED).status_code == 403
