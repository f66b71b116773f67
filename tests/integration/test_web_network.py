"""The network page: who may read what, and how credentials stand."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from confrere.database.engine import transaction
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.network.model import Licence
from confrere.web import network_page
from confrere.web.credential_marks import mark_of
from tests.integration.lists_house import House, lists_house

TODAY = date(2026, 11, 24)


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(postgres_socket, template, [network_page.router]) as made:
        yield made


def test_groups_and_sites_stand_with_the_contracts_targets(house: House) -> None:
    with transaction(house.made.system, frozenset()) as conn:
        site = network.site(conn, house.world.site)
        network.add_site(conn, replace(site, code="TGT", targets={"stat": 25}))
    page = house.signed_in(Role.RADIOLOGIST, reader=house.world.general).get("/network").text
    assert "Lakeshore Memorial" in page
    assert 'by contract">STAT 25 min' in page
    assert page.index("Lakeshore<") < page.index("Prairie<"), "the own group comes first"


@pytest.mark.parametrize(
    ("ends", "status", "kind"),
    [
        (TODAY - timedelta(days=1), "active", "lapsed"),
        (TODAY, "active", "soon"),
        (TODAY + timedelta(days=89), "active", "soon"),
        (TODAY + timedelta(days=90), "active", "good"),
        (TODAY + timedelta(days=900), "suspended", "lapsed"),
    ],
)
def test_a_licence_is_marked_from_ninety_days_before_its_end(
    ends: date, status: str, kind: str
) -> None:
    held = Licence("IL", "036", status, date(2020, 1, 1), ends)
    assert mark_of(held, TODAY).kind == kind


def test_readers_show_duty_and_what_lapsed(house: House) -> None:
    with transaction(house.made.system, frozenset()) as conn:
        lapsed = Licence("WI", "W-1", "active", date(2020, 1, 1), TODAY - timedelta(days=3))
        network.add_credentials(conn, house.world.general, [lapsed])
    page = house.signed_in(Role.GROUP_MANAGER).get("/network/readers").text
    assert "WI lapsed 2026-11-21" in page
    assert page.count('class="sx on"') == 3
