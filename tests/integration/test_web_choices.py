"""A reader's declines: shown to that reader and to their own group's lead, to nobody else."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from confrere.database.engine import transaction
from confrere.kernel.ids import GroupId, ReaderId
from confrere.kernel.principal import Role
from confrere.web import choices_page
from confrere.worklist import choices_made
from tests.integration.lists_house import House, lists_house
from tests.integration.world import NOW

HOUR = timedelta(hours=1)


def choose(house: House, reader: ReaderId, group: GroupId, taken: int, declined: int) -> None:
    """Let a reader take well paid exams and decline poorly paid ones."""
    with transaction(house.made.system, frozenset()) as conn:
        for n in range(taken + declined):
            pays = n < taken
            choices_made.load_synthetic(conn, [choices_made.Choice(
                uuid4(), reader, group, Decimal("2.0") if pays else Decimal("0.2"), 9,
                "" if pays else "busy", NOW - (n + 1) * HOUR,
            )])  # fmt: skip


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(postgres_socket, template, [choices_page.router]) as made:
        world = made.world
        choose(made, world.neuro, world.partner, 20, 10)
        choose(made, world.general, world.owner, 4, 2)
        yield made


def test_a_reader_sees_their_own_choices(house: House) -> None:
    world = house.world
    page = (
        house.signed_in(Role.RADIOLOGIST, world.partner, world.neuro).get("/my-declines").text
    )
    assert "pays more for the minute" in page
    assert "10 of 10" in page  # the lowest paid quarter was all declined
    assert "I cannot finish it in time" in page
    assert "30 of these choices are synthetic" in page
    few = house.signed_in(Role.RADIOLOGIST, world.owner, world.general).get("/my-declines").text
    assert "Too few to say" in few
    assert "beyond chance" not in few.split("What this means")[0]


def test_a_lead_sees_the_own_groups_readers_by_name_and_looking_is_noted(house: House) -> None:
    world = house.world
    lead = house.signed_in(Role.GROUP_MANAGER, world.partner)
    page = lead.get("/declines").text
    assert page.index("Novak, Nina") < page.index("Ulrich, Uma")
    assert "Gray, Gail" not in page
    one = lead.get(f"/declines/{world.neuro}")
    assert "pays more for the minute" in one.text
    (seen,) = house.trail("reader choices", world.partner)
    assert seen.object_id == world.neuro


def test_a_partners_lead_and_colleagues_see_nothing_of_a_reader(house: House) -> None:
    world = house.world
    owner = house.signed_in(Role.GROUP_MANAGER)
    assert owner.get(f"/declines/{world.neuro}").status_code == 404
    assert "Novak" not in owner.get("/declines").text
    peer = house.signed_in(Role.RADIOLOGIST, world.partner, world.unlicensed)
    assert peer.get("/declines").status_code == 403
    assert peer.get(f"/declines/{world.neuro}").status_code == 403
    assert "Too few to say" in peer.get("/my-declines").text
    for role in (Role.HOSPITAL_CLIENT, Role.ANALYST, Role.IT_ENGINEER, Role.ADMINISTRATOR):
        group = None if role in (Role.ANALYST, Role.ADMINISTRATOR) else world.partner
        place = world.site if role is Role.HOSPITAL_CLIENT else None
        other = house.signed_in(role, group, None, place)
        assert other.get("/declines").status_code == 403
        assert other.get("/my-declines").status_code == 403
