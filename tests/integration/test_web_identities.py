"""The page on which people say who is one person: whose it is, what it shows, what it does."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from confrere.database.engine import transaction
from confrere.kernel.ids import GroupId
from confrere.kernel.principal import Role
from confrere.patients import linking
from confrere.patients.pairs import Pair, State
from confrere.web import identities_page, patients_page
from tests.integration.lists_house import HTMX, House, lists_house
from tests.integration.test_identities import HERE, THERE, record

pytestmark = pytest.mark.usefixtures("house")


@pytest.fixture
def house(postgres_socket: str, template: str) -> Iterator[House]:
    routers = [identities_page.router, patients_page.router]
    with lists_house(postgres_socket, template, routers) as made:
        with transaction(made.made.system, frozenset()) as conn:
            world = made.world
            record(conn, world.owner, HERE)
            record(conn, world.owner, replace(HERE, mrn="M2", given="Martha"))
            record(conn, world.partner, replace(THERE, family="Lindqvist", street="9 Hill Rd"))
        yield made


def waiting(house: House, group: GroupId) -> Pair:
    with transaction(house.made.system, frozenset()) as conn:
        return linking.waiting(conn, group, 9)[0]


def say(
    house: House, who: GroupId, choice: str, version: int | None = None, **more: str
) -> str:
    pair = waiting(house, who)
    form = {"choice": choice, "version": str(pair.version if version is None else version)}
    manager = house.signed_in(Role.GROUP_MANAGER, who)
    return manager.post(f"/identities/{pair.id}", data=form | more, headers=HTMX).text


def test_a_group_sees_its_own_values_and_how_the_others_compare(house: House) -> None:
    world = house.world
    own = house.signed_in(Role.GROUP_MANAGER).get("/identities/waiting").text
    assert "Okafor" in own
    assert "14.7 bits" in own
    assert "Prairie" in own
    assert "Lindqvist" not in own
    assert "Hill Rd" not in own
    theirs = house.signed_in(Role.GROUP_MANAGER, world.partner).get("/identities/waiting").text
    assert "Lindqvist" in theirs
    assert "Okafor" not in theirs


def test_twins_stand_among_those_kept_apart(house: House) -> None:
    page = house.signed_in(Role.GROUP_MANAGER).get("/identities/apart").text
    assert "looks like twins" in page
    assert "Martha" in page, "both are the own group's"


def test_a_link_needs_both_groups_and_is_audited(house: House) -> None:
    world = house.world
    assert "The other group is asked too" in say(house, world.owner, "link")
    say(house, world.partner, "link", reason="asked her")
    with transaction(house.made.system, frozenset()) as conn:
        (pair,) = linking.settled(conn, world.owner, State.LINKED, 9)
        told = linking.history(conn, pair.id)
    assert [c.after for c in told][-2:] == ["link: waits for the other group", "linked"]
    noted = house.trail("patient link", world.partner)[0]
    assert noted.detail == {"act": "link", "state": "linked"}
    page = house.signed_in(Role.GROUP_MANAGER).get(f"/identities/pair/{pair.id}").text
    assert "asked her" in page


def test_a_decision_on_what_somebody_changed_meanwhile_is_refused(house: House) -> None:
    answer = say(house, house.world.owner, "apart", version=0)
    assert "Somebody decided on this pair meanwhile" in answer


def test_only_a_manager_of_one_of_both_groups_decides(house: House) -> None:
    pair = waiting(house, house.world.owner)
    reader = house.signed_in(Role.RADIOLOGIST, reader=house.world.general)
    assert reader.get("/identities/waiting").status_code == 403
    form = {"choice": "link", "version": str(pair.version)}
    assert reader.post(f"/identities/{pair.id}", data=form).status_code == 403
    with transaction(house.made.system, frozenset()) as conn:
        (twins,) = linking.settled(conn, house.world.owner, State.APART, 9)
    other = house.signed_in(Role.GROUP_MANAGER, house.world.partner)
    assert other.get(f"/identities/pair/{twins.id}").status_code == 404
    assert other.post(f"/identities/{twins.id}", data=form).status_code == 404


def test_the_search_says_how_many_wait(house: House) -> None:
    assert "1 waits" in house.signed_in(Role.GROUP_MANAGER).get("/patients").text
