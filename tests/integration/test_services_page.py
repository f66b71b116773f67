"""Whose archive a site's is: never changed by a slip, always noted, asked for in one place."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from confrere.database.engine import transaction
from confrere.kernel.errors import Conflict, Invalid, Refused
from confrere.kernel.principal import Role
from confrere.network import serving
from confrere.network.site_services import SiteServices
from confrere.web import services_page
from tests.integration.lists_house import House, lists_house


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(postgres_socket, template, [services_page.router]) as made:
        yield made


def test_the_archive_changes_only_when_it_is_confirmed_and_is_noted(house: House) -> None:
    site, engineer = house.world.site, house.signed_in(Role.IT_ENGINEER)
    path = f"/sites/{site}/services"
    assert "its own PACS" in engineer.get(path).text
    form = {"archive": "confrere", "commitment": "yes", "performed": "yes"}
    assert engineer.post(path, data=form).status_code == 409
    assert engineer.post(path, data=form | {"confirm": "yes"}).status_code == 200
    with transaction(house.made.app, frozenset({house.world.owner})) as conn:
        assert serving.is_archive(conn, site)
        assert serving.cache_lifetime(conn, site) is None
    noted = house.trail("site")[0]
    assert noted.detail["changes"] == ("performed steps: on; commitment: on; archive: Confrere")
    back = {"archive": "pacs", "cache_days": "30", "confirm": "yes"}
    assert engineer.post(path, data=back).status_code == 200
    with transaction(house.made.app, frozenset({house.world.owner})) as conn:
        assert not serving.is_archive(conn, site)
        assert serving.cache_lifetime(conn, site) == timedelta(days=30)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"archive": "pacs", "commitment": "yes"}, 422),
        ({"cache_days": "x"}, 422),
        ({"cache_days": "0"}, 422),
    ],
)
def test_switches_that_contradict_each_other_are_refused(
    house: House, form: dict[str, str], status: int
) -> None:
    answer = house.signed_in(Role.IT_ENGINEER).post(
        f"/sites/{house.world.site}/services", data=form
    )
    assert answer.status_code == status


def test_only_the_owner_switches_and_readers_do_not(house: House) -> None:
    path = f"/sites/{house.world.site}/services"
    partner = house.signed_in(Role.IT_ENGINEER, house.world.partner)
    assert partner.get(path).status_code == 404
    assert partner.post(path, data={}).status_code == 404
    with transaction(house.made.app, frozenset({house.world.partner})) as conn:
        new = SiteServices(house.world.partner, house.world.site, archive=True)
        with pytest.raises(Refused):
            serving.switch(conn, new, confirmed=True)


def test_an_unconfirmed_archive_and_a_commitment_without_one_are_refused(house: House) -> None:
    owner, site = house.world.owner, house.world.site
    with transaction(house.made.app, frozenset({owner})) as conn:
        now = serving.is_archive(conn, site)
        with pytest.raises(Conflict):
            serving.switch(conn, SiteServices(owner, site, archive=not now))
        with pytest.raises(Invalid):
            serving.switch(conn, SiteServices(owner, site, commitment=True))
