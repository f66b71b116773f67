"""Looking up patients: within scope, audited, nothing typed in an address."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from confrere.database.engine import transaction
from confrere.kernel.errors import Invalid
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.patients import service as patients
from confrere.patients.model import Fit
from confrere.web import patients_page
from confrere.web.patients_page import Asked, read_search
from confrere.worklist.dispatch import dispatch
from tests.integration.lists_house import HTMX, House
from tests.integration.lists_patients import JANE, Read, placed, reported_house
from tests.integration.world import NOW


@pytest.fixture(scope="module")
def both(postgres_socket: str, template: str) -> Iterator[tuple[House, Read]]:
    with reported_house(postgres_socket, template, [patients_page.router]) as made:
        yield made


@pytest.fixture(scope="module")
def house(both: tuple[House, Read]) -> House:
    return both[0]


@pytest.fixture(scope="module")
def read(both: tuple[House, Read]) -> Read:
    return both[1]


@pytest.mark.parametrize(
    "form",
    [
        {"name": "doe"}, {"name": "Doe, Ja"}, {"name": "jane doe"}, {"mrn": "M1"},
        {"born": "1962-04-12"}, {"name": "Do", "mrn": "M1", "born": "1962-04-12"},
    ],
)  # fmt: skip
def test_a_patient_is_found_by_name_number_or_birth_date(
    house: House, read: Read, form: dict[str, str]
) -> None:
    reader = house.signed_in(Role.RADIOLOGIST, reader=house.world.general)
    answer = reader.post("/patients", data=form, headers=HTMX)
    assert f"/patients/{read.patient}" in answer.text
    assert str(read.elsewhere) not in answer.text, "the other group's identity is not listed"


@pytest.mark.parametrize("form", [{"name": "Doe, Zoe"}, {"mrn": "M"}, {"born": "1962-04-13"}])
def test_who_does_not_fit_is_not_found(house: House, form: dict[str, str]) -> None:
    manager = house.signed_in(Role.GROUP_MANAGER)
    assert "No patient of your group fits" in manager.post("/patients", data=form).text


@pytest.mark.parametrize(
    ("form", "field"),
    [({}, "name"), ({"name": "D"}, "name"), ({"born": "12.4.62"}, "born"),
     ({"born": "9999-12-31"}, "born")],
)  # fmt: skip
def test_a_search_that_makes_no_sense_names_the_field(form: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as wrong:
        read_search(Asked(**form))
    assert wrong.value.field == field


def test_a_comma_divides_family_and_given_name() -> None:
    names = read_search(Asked(name="van Dyke, Di")).names
    assert [(one.fields, one.values, one.fit) for one in names] == [
        (("family",), ("van Dyke",), Fit.START), (("given",), ("Di",), Fit.START),
    ]  # fmt: skip


def test_the_trail_says_that_somebody_searched_and_not_for_whom(house: House) -> None:
    manager = house.signed_in(Role.GROUP_MANAGER)
    manager.post("/patients", data={"name": "Doe", "born": "1962-04-12"})
    noted = house.trail("patient search")[0]
    assert noted.detail == {"by": "name, born", "found": 1}


def test_the_page_shows_identities_and_the_timeline(house: House, read: Read) -> None:
    manager = house.signed_in(Role.GROUP_MANAGER)
    page = manager.get(f"/patients/{read.patient}").text
    assert "Doe, Jane" in page
    assert "scored" in page, "why the identities are linked"
    assert read.order.content.accession in page
    assert "Worst headache of life" in page
    assert f"/reports/{read.report}" in page
    assert "/ohif/" not in page, "a manager sees no images"
    manager.get(f"/patients/{read.patient}")
    seen = [one for one in house.trail("patient") if one.agent.name == "Pat Quill"]
    assert [(one.patient_id, one.action) for one in seen] == [(read.patient, "R")]


def test_a_partner_sees_a_patient_only_while_an_exam_is_theirs_to_read(
    house: House, read: Read
) -> None:
    world = house.world
    path = f"/patients/{read.patient}"
    neuro = house.signed_in(Role.RADIOLOGIST, world.partner, world.neuro)
    unlicensed = house.signed_in(Role.RADIOLOGIST, world.partner, world.unlicensed)
    manager = house.signed_in(Role.GROUP_MANAGER, world.partner)
    assert neuro.get(path).status_code == 404, "the exam is finished"
    with transaction(house.made.system, frozenset()) as conn:
        placed(conn, house, read.patient, "LMNEXT")
        dispatch(conn, network.directory(conn, NOW), NOW)
    page = neuro.get(path)
    assert page.status_code == 200
    assert "P77" in page.text, "both identities are this reader's to see"
    assert unlicensed.get(path).status_code == 404
    assert manager.get(path).status_code == 404
    own = unlicensed.get(f"/patients/{read.elsewhere}").text
    assert "1 more identity at other groups" in own
    assert "LMNEXT" not in own


def test_a_hospital_client_and_an_engineer_look_up_nobody(house: House, read: Read) -> None:
    client = house.signed_in(Role.HOSPITAL_CLIENT, place=house.world.site)
    engineer = house.signed_in(Role.IT_ENGINEER)
    for who in (client, engineer):
        assert who.get(f"/patients/{read.patient}").status_code == 403
        assert who.post("/patients", data={"name": "Doe"}).status_code == 403


def test_a_name_with_markup_is_only_text(house: House) -> None:
    with transaction(house.made.system, frozenset()) as conn:
        odd = replace(JANE, mrn="X9", family="<b>Bobby%", birth_date=date(2000, 1, 1))
        patients.record(conn, house.world.owner, odd, NOW)
    manager = house.signed_in(Role.GROUP_MANAGER)
    page = manager.post("/patients", data={"name": "<b>Bobby%"}).text
    assert "&lt;b&gt;Bobby%" in page
    assert "<b>Bobby" not in page
