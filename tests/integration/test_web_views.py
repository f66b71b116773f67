"""Saved views of the worklist: of the person alone, with a limit, and gone when removed."""

from collections.abc import Iterator

import pytest

from confrere.kernel.principal import Role
from confrere.web import views_page, worklist_page
from tests.integration.lists_house import House, lists_house

PATH = "/worklist/views"


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    with lists_house(
        postgres_socket, template, [worklist_page.router, views_page.router]
    ) as made:
        yield made


def test_a_view_is_saved_shown_replaced_and_removed_by_its_own_person_only(
    house: House,
) -> None:
    mine = house.signed_in(Role.RADIOLOGIST, reader=house.world.general)
    theirs = house.signed_in(Role.GROUP_MANAGER)
    view = {"name": "Neuro & spine", "list": "group", "search": "mr", "order": "due"}
    assert mine.post(PATH, json=view).status_code == 200
    page = mine.get("/worklist").text
    assert "Neuro &amp; spine" in page
    assert "Neuro &amp; spine" not in theirs.get("/worklist").text
    mine.post(PATH, json=view | {"search": "ct"})
    page = mine.get("/worklist").text
    assert page.count("Neuro &amp; spine") == 1
    assert '"search": "ct"' in page
    theirs.delete(f"{PATH}/Neuro & spine")
    assert "Neuro &amp; spine" in mine.get("/worklist").text
    mine.delete(f"{PATH}/Neuro & spine")
    assert "Neuro &amp; spine" not in mine.get("/worklist").text


def test_a_view_needs_a_name_and_there_are_not_endlessly_many(house: House) -> None:
    person = house.signed_in(Role.RADIOLOGIST, house.world.partner, house.world.neuro)
    answer = person.post(PATH, json={"name": " "})
    assert answer.status_code == 422
    assert "name the view" in answer.text
    for n in range(12):
        assert person.post(PATH, json={"name": f"view {n}"}).status_code == 200
    answer = person.post(PATH, json={"name": "one more"})
    assert answer.status_code == 409
    assert "remove one first" in answer.text


def test_only_the_rows_that_are_asked_for_come(house: House) -> None:
    person = house.signed_in(Role.RADIOLOGIST, reader=house.world.general)
    answer = person.get("/worklist/lines", params={"item": str(house.world.site)})
    assert answer.status_code == 200
    assert "<tr" not in answer.text
    assert person.get("/worklist/lines").status_code == 422
