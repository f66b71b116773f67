"""The network page: who may read what, how credentials stand, and suspending at once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import ProgrammingError

from confrere.database.engine import transaction
from confrere.kernel.ids import AgreementId
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.network.model import Licence
from confrere.web import network_page
from confrere.web.agreement_words import lifetime, sentence
from confrere.web.credential_marks import mark_of
from tests.integration.lists_house import HTMX, House, lists_house
from tests.integration.world import ALWAYS, NOW, agreed

TODAY = date(2026, 11, 24)


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(postgres_socket, template, [network_page.router]) as made:
        yield made


def state_of(house: House, agreement: AgreementId) -> str:
    with transaction(house.made.system, frozenset()) as conn:
        return next(one.state for one in network.agreements(conn) if one.id == agreement)


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


def test_an_agreement_reads_as_a_sentence(house: House) -> None:
    made = agreed(
        house.world.owner, house.world.partner, window_start=time(22), window_end=time(7),
        window_zone="America/Chicago", priorities=frozenset({"stat", "ed"}),
    )  # fmt: skip
    with transaction(house.made.system, frozenset()) as conn:
        directory = network.directory(conn, NOW)
    words = sentence(made, directory.groups, directory.sites)
    assert words == (
        "Lakeshore lets Prairie read neuro exams of all its sites, ED and STAT, from 22:00 to "
        "07:00 America/Chicago (through the night); priors are shared."
    )
    assert lifetime(made, ALWAYS[1]) == "1 Jan 2020 to 1 Jan 2035, 0 days left"


def test_either_party_suspends_and_resumes_and_both_trails_know(house: House) -> None:
    world = house.world
    for group in (world.partner, world.owner):
        manager = house.signed_in(Role.GROUP_MANAGER, group)
        path = f"/network/agreements/{world.agreement}"
        assert "neuro cover" in manager.get("/network/agreements").text
        assert "Suspended." in manager.post(f"{path}/suspend", headers=HTMX).text
        assert state_of(house, world.agreement) == "suspended"
        assert manager.post(f"{path}/suspend").status_code == 409
        assert "In force again" in manager.post(f"{path}/resume", headers=HTMX).text
        assert state_of(house, world.agreement) == "in force"
    for group in (world.partner, world.owner):
        acts = [one.detail["act"] for one in house.trail("agreement", group)]
        assert acts == ["resumed", "suspended"] * 2


def test_a_proposal_is_never_resumed_into_force(house: House) -> None:
    world = house.world
    with transaction(house.made.system, frozenset()) as conn:
        proposed = network.add_agreement(
            conn, agreed(world.owner, world.partner, state="proposed", title="not yet")
        )
    manager = house.signed_in(Role.GROUP_MANAGER, world.partner)
    assert manager.post(f"/network/agreements/{proposed}/resume").status_code == 409
    assert state_of(house, proposed) == "proposed"


def test_only_parties_with_the_right_may_suspend(house: House) -> None:
    path = f"/network/agreements/{house.world.agreement}/suspend"
    reader = house.signed_in(Role.RADIOLOGIST, reader=house.world.general)
    assert reader.post(path).status_code == 403
    assert house.signed_in(Role.ADMINISTRATOR, None).post(path).status_code == 404
    assert state_of(house, house.world.agreement) == "in force"


@pytest.mark.parametrize("change", ["title = 'ours'", "ends_on = '2099-01-01'"])
def test_the_database_lets_no_party_change_the_terms(house: House, change: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction(house.made.app, frozenset({house.world.partner})) as conn,
    ):
        conn.execute(sa.text(f"update agreements set {change}"))


def test_the_database_lets_nobody_lend_in_anothers_name(house: House) -> None:
    world = house.world
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        transaction(house.made.app, frozenset({world.partner})) as conn,
    ):
        network.add_agreement(conn, agreed(world.owner, world.partner))
