"""Finished reports: for the site that ordered them, its group, and who signed."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from confrere.database.engine import transaction
from confrere.kernel.principal import Role
from confrere.network import service as network
from confrere.reading import service as reading
from confrere.web import reports_page
from confrere.worklist import service as worklist
from tests.integration.lists_house import HTMX, House
from tests.integration.lists_patients import JANE, Read, finished, placed, reported_house
from tests.integration.world import NOW


def links(page: str) -> list[str]:
    return re.findall(r'href="(/reports/[0-9a-f-]{36})"', page)


@pytest.fixture(scope="module")
def both(postgres_socket: str, template: str) -> Iterator[tuple[House, Read]]:
    with reported_house(postgres_socket, template, [reports_page.router]) as made:
        yield made


@pytest.fixture(scope="module")
def house(both: tuple[House, Read]) -> House:
    return both[0]


@pytest.fixture(scope="module")
def read(both: tuple[House, Read]) -> Read:
    return both[1]


def test_the_hospital_reads_text_signatures_addendum_and_delivery(
    house: House, read: Read
) -> None:
    client = house.signed_in(Role.HOSPITAL_CLIENT, place=house.world.site)
    listed = client.get("/reports").text
    assert "Lakeshore Memorial" in listed
    assert "amended" in listed
    page = client.get(f"/reports/{read.report}").text
    assert "Acute left thalamic haemorrhage." in page
    assert (
        page.index("Acute left") < page.index("Told to Dr Freeman") < page.index("Bleed, left")
    )
    assert page.count("Novak, Nina") == 3
    assert "acknowledged AA" in page
    assert "/patients/" not in page, "a hospital client looks up nobody"
    client.get(f"/reports/{read.report}")
    noted = [one for one in house.trail("report") if one.object_id == read.report]
    assert [one.patient_id for one in noted] == [read.patient]


@pytest.mark.parametrize(
    ("form", "fits"),
    [
        ({"modality": "CT"}, True), ({"modality": "MR"}, False),
        ({"since": "2026-11-24"}, True), ({"since": "2026-11-25"}, False),
        ({"until": "2026-11-24"}, True), ({"until": "2026-11-23"}, False),
        ({"accession": "none"}, False),
    ],
)  # fmt: skip
def test_reports_are_filtered_by_day_and_modality(
    house: House, read: Read, form: dict[str, str], fits: bool
) -> None:
    page = house.signed_in(Role.GROUP_MANAGER).post("/reports", data=form, headers=HTMX).text
    assert (f"/reports/{read.report}" in page) is fits


def test_a_report_is_found_by_its_whole_accession_number(house: House, read: Read) -> None:
    manager = house.signed_in(Role.GROUP_MANAGER)
    form = {"accession": read.order.content.accession}
    assert f"/reports/{read.report}" in manager.post("/reports", data=form).text
    assert house.trail("report list")[0].detail == {"found": 1}


@pytest.mark.parametrize(
    "form",
    [{"since": "24.11.2026"}, {"until": "0001-01-01"}, {"modality": "XX"}, {"before": "x"}],
)
def test_a_filter_that_makes_no_sense_is_named(house: House, form: dict[str, str]) -> None:
    assert house.signed_in(Role.GROUP_MANAGER).post("/reports", data=form).status_code == 422


def test_another_site_and_another_group_read_nothing(house: House, read: Read) -> None:
    with transaction(house.made.system, frozenset()) as conn:
        site = network.site(conn, house.world.site)
        second = network.add_site(conn, replace(site, code="LM2", result_peer=None))
        third = network.add_site(
            conn, replace(site, code="PA1", owner_group=house.world.partner, result_peer=None)
        )
    neighbour = house.signed_in(Role.HOSPITAL_CLIENT, place=second)
    stranger = house.signed_in(Role.HOSPITAL_CLIENT, house.world.partner, place=third)
    for client in (neighbour, stranger):
        assert str(read.report) not in client.get("/reports").text
        assert client.get(f"/reports/{read.report}").status_code == 404


def test_the_group_that_signed_keeps_its_own_work_in_sight(house: House, read: Read) -> None:
    manager = house.signed_in(Role.GROUP_MANAGER, house.world.partner)
    assert f"/reports/{read.report}" in manager.get("/reports").text
    page = manager.get(f"/reports/{read.report}").text
    assert "owns the exam follows its delivery" not in page
    assert "Delivery" in page


def test_a_draft_is_nobodys_report(house: House, read: Read) -> None:
    with transaction(house.made.system, frozenset()) as conn:
        order = placed(conn, house, read.patient, "LMDRAFT")
        item = worklist.of_exam(conn, house.world.owner, None, [order.id])[0]
        reader = network.reader(conn, house.world.general, NOW)
        draft = reading.open_report(conn, item, reader, NOW).id
    manager = house.signed_in(Role.GROUP_MANAGER)
    assert str(draft) not in manager.get("/reports").text
    assert manager.get(f"/reports/{draft}").status_code == 404
    assert house.signed_in(Role.IT_ENGINEER).get("/reports").status_code == 403


def test_pages_follow_one_another_without_gap_or_double(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(house.made.system, frozenset()) as conn:
        for number in range(4):
            said = replace(JANE, mrn=f"PG{number}", birth_date=None)
            finished(conn, house, said)
    manager = house.signed_in(Role.GROUP_MANAGER)
    everything = links(manager.get("/reports").text)
    assert len(everything) == 5
    monkeypatch.setattr(reports_page, "PAGE_ROWS", 2)
    seen, before = list[str](), ""
    for _ in range(3):
        page = manager.post("/reports", data={"before": before}, headers=HTMX).text
        seen += links(page)
        before = page.partition('name="before" value="')[2].partition('"')[0]
    assert seen == everything
    assert before == ""
