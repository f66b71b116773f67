"""The rosters page: a week's grid, shifts on the group's clock, gaps, and the rule of signing on."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa

from confrere.database.engine import transaction
from confrere.kernel.principal import Role
from confrere.network import rostering
from confrere.network import service as network
from confrere.web import rosters_page
from tests.integration.lists_house import HTMX, House, lists_house
from tests.integration.world import NOW

PATH = "/rosters"
DASH = "\N{EN DASH}"


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(postgres_socket, template, [rosters_page.router]) as made:
        demand(made)
        yield made


def demand(house: House) -> None:
    """Eight weeks in which a neuro and a general exam come every hour."""
    with transaction(house.made.system, frozenset()) as conn:
        conn.execute(
            sa.text(
                "insert into exam_facts (owner_group, site_id, accession, modality, subspecialty,"
                " complete_at, synthetic) select :owner, :site, 'D' || word || n, 'CT', word,"
                " cast(:now as timestamptz) - n * interval '1 hour', true"
                " from generate_series(1, 1344) n, unnest(array['neuro', 'general']) word"
            ),
            {"owner": house.world.owner, "site": house.world.site, "now": NOW},
        )


def manager(house: House, *, partner: bool = False) -> httpx.Client:
    group = house.world.partner if partner else house.world.owner
    return house.signed_in(Role.GROUP_MANAGER, group)


def form(house: House, **changes: object) -> dict[str, object]:
    return {
        "reader": str(house.world.general), "day": "2026-12-01", "start": "22:00",
        "until": "07:00", "kind": "night", "overflow": "yes", "weeks": "1",
    } | changes  # fmt: skip


def test_a_shift_is_added_moved_and_removed_on_the_groups_clock(house: House) -> None:
    owner = manager(house)
    added = owner.post(f"{PATH}/shifts", data=form(house, weeks="2"), headers=HTMX).text
    assert "2 shifts of Gray, Gail added" in added
    assert f"22:00{DASH}07:00" in added
    until = NOW + timedelta(days=60)
    with transaction(house.made.system, frozenset()) as conn:
        known = rostering.shifts_between(
            conn, [house.world.general], NOW + timedelta(days=4), until
        )
    assert [f"{s.starts_at:%m-%d %H:%M}" for _, s in known] == ["12-02 04:00", "12-09 04:00"]
    shift = known[0][1].id
    change = form(house, start="20:00", subspecialties=["general"], overflow="")
    moved = owner.post(f"{PATH}/shifts/{shift}/move", data=change, headers=HTMX).text
    assert f"20:00{DASH}07:00" in moved
    overlap = owner.post(f"{PATH}/shifts", data=form(house, start="21:00"))
    assert overlap.status_code == 409
    assert "another shift at that time" in overlap.text
    assert manager(house, partner=True).post(f"{PATH}/shifts/{shift}/delete").status_code == 404
    gone = owner.post(
        f"{PATH}/shifts/{shift}/delete", data={"week": "2026-12-01"}, headers=HTMX
    )
    assert f"20:00{DASH}07:00" not in gone.text
    assert [one.action for one in house.trail("roster")][:3] == ["D", "U", "C"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"day": "2027-03-14", "start": "02:30", "until": "10:00"}, "Choose 01:30 or 03:30"),
        ({"day": "2027-11-07", "start": "01:30", "until": "10:00"}, "comes twice"),
        ({"day": "soon"}, "give the day as"),
        ({"start": ""}, "give the hour as"),
        ({"weeks": "99"}, "1 to 52 weeks"),
        ({"weeks": "x"}, "number of weeks"),
        ({"reader": ""}, "choose one from the list"),
    ],
)
def test_a_shift_that_cannot_be_is_refused_in_words(
    house: House, changes: dict[str, object], says: str
) -> None:
    answer = manager(house).post(f"{PATH}/shifts", data=form(house, **changes))
    assert answer.status_code == 422
    assert says in answer.text


def test_no_shift_is_added_to_another_groups_reader(house: House) -> None:
    answer = manager(house).post(
        f"{PATH}/shifts", data=form(house, reader=str(house.world.neuro))
    )
    assert answer.status_code == 422
    assert "a reader of your group" in answer.text


def test_partners_are_numbers_and_gaps_stand_before_they_happen(house: House) -> None:
    page = manager(house).get(PATH).text
    assert "Gray, Gail" in page
    assert "Novak, Nina" not in page
    assert "Prairie" in page
    assert 'class="partner"' in page  # neuro by Prairie's readers, until their shifts end
    assert 'class="nobody"' in page
    assert "ask Prairie to roster neuro: the agreement is there" in page
    assert "add a shift, or agree with a group that reads it" in page
    partner = manager(house, partner=True).get(PATH).text
    assert "Novak, Nina" in partner
    assert "Gray, Gail" not in partner


def test_a_group_asks_its_readers_to_sign_on(house: House) -> None:
    owner = manager(house)
    done = owner.post(f"{PATH}/settings", data={"minutes": 10, "required": "yes"}, headers=HTMX)
    assert "rule of signing on is set" in done.text
    with transaction(house.made.system, frozenset()) as conn:
        known = network.directory(conn, NOW).readers
    assert known[house.world.general].sign_on_within == timedelta(minutes=10)
    assert known[house.world.neuro].sign_on_within is None
    assert "no-show" in owner.get(PATH).text
    assert owner.post(f"{PATH}/settings", data={"minutes": 999}).status_code == 422
    reader = house.signed_in(Role.RADIOLOGIST, reader=house.world.general)
    assert "Add a shift" not in reader.get(PATH).text
    assert reader.post(f"{PATH}/settings", data={"minutes": 5}).status_code == 403


def test_weeks_are_leafed_through(house: House) -> None:
    page = manager(house).get(PATH, params={"week": "2026-12-09"}).text
    assert "Week of 7 Dec 2026" in page
    assert manager(house).get(PATH, params={"week": "x"}).status_code == 422
    assert house.signed_in(Role.ADMINISTRATOR, None).get(PATH).status_code == 422
