"""Credential pages: record, renew, end, prove, import, expire, exclude; and who may do so."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import httpx
import openpyxl
import pytest

from confrere.database.engine import transaction
from confrere.kernel.ids import ReaderId
from confrere.kernel.principal import Role
from confrere.network import credentialing
from confrere.network import service as network
from confrere.network.model import Licence
from confrere.network.records import Credential, Recorded
from confrere.web import (
    credentials_page,
    directory_page,
    expiry_page,
    import_page,
    network_page,
    packets_page,
    rules_page,
)
from tests.integration.lists_house import HTMX, House, lists_house
from tests.integration.world import NOW, npi_of

TODAY = NOW.date()
PDF = b"%PDF-1.7\n1 0 obj\n"
PAGES = (
    network_page, credentials_page, directory_page, expiry_page, import_page, packets_page,
    rules_page,
)  # fmt: skip
LICENCE = {
    "state": "WI", "number": "WI-77", "status": "active", "valid_from": "2026-01-01",
    "valid_to": "2027-06-30",
}  # fmt: skip


@pytest.fixture(scope="module")
def house(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    home: Path = tmp_path_factory.mktemp("home")
    routers = [one.router for one in PAGES]
    with lists_house(postgres_socket, template, routers, home) as made:
        yield made


@pytest.fixture
def manager(house: House) -> httpx.Client:
    return house.signed_in(Role.GROUP_MANAGER)


@pytest.fixture
def admin(house: House) -> httpx.Client:
    return house.signed_in(Role.ADMINISTRATOR, None)


def someone(house: House, name: str) -> ReaderId:
    """A further reader of the owner group, for one test alone."""
    with transaction(house.made.system, frozenset()) as conn:
        twin = network.reader(conn, house.world.general, NOW)
        fresh = replace(twin, id=ReaderId(UUID(int=0)), name=name, npi=npi_of(name))
        return network.add_reader(conn, fresh)


def licences(house: House, reader: ReaderId) -> dict[str, Credential]:
    with transaction(house.made.system, frozenset()) as conn:
        return {
            one.fact.number: one
            for one in credentialing.held(conn, reader)
            if isinstance(one.fact, Licence)
        }


def test_a_manager_records_renews_and_ends_a_licence(
    house: House, manager: httpx.Client
) -> None:
    reader = someone(house, "Ames, Ada")
    path = f"/network/readers/{reader}"
    assert "Ames, Ada" in manager.get(path).text
    added = manager.post(f"{path}/credentials/licence", data=LICENCE, headers=HTMX)
    assert "Recorded: state licence." in added.text
    assert "WI-77" in added.text
    held = licences(house, reader)["WI-77"]
    assert held.recorded_by == "Pat Quill"
    again = manager.post(f"{path}/credentials/licence", data=LICENCE)
    assert again.status_code == 409
    later = LICENCE | {"valid_to": "2029-06-30"}
    renewed = manager.post(f"/network/credentials/{held.id}/renew", data=later, headers=HTMX)
    assert "Renewed" in renewed.text
    assert "2029-06-30" in renewed.text
    now = licences(house, reader)["WI-77"]
    ended = manager.post(
        f"/network/credentials/{now.id}/end", data={"because": "moved away"}, headers=HTMX
    )
    assert "moved away" in ended.text
    assert "WI-77" not in licences(house, reader)
    acts = [one.detail["act"] for one in house.trail("credential")]
    assert acts[:3] == ["ended", "renewed", "recorded"]


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("valid_to", "2025-01-01", "before it starts"),
        ("state", "XX", "no state"),
        ("valid_to", "soon", "is no date"),
        ("status", "fine", "none of active"),
        ("number", "", "fill this in"),
    ],
)
def test_a_wrong_field_is_named(
    house: House, manager: httpx.Client, field: str, value: str, says: str
) -> None:
    path = f"/network/readers/{house.world.general}/credentials/licence"
    answer = manager.post(path, data=LICENCE | {field: value}, headers=HTMX)
    assert answer.status_code == 422
    assert says in answer.text


def test_only_the_own_group_keeps_and_a_reader_sees_only_themselves(
    house: House, manager: httpx.Client, admin: httpx.Client
) -> None:
    mine, other = house.world.general, house.world.neuro
    reader = house.signed_in(Role.RADIOLOGIST, reader=mine)
    assert reader.get(f"/network/readers/{mine}").status_code == 200
    assert reader.get(f"/network/readers/{other}").status_code == 404
    data = reader.post(f"/network/readers/{mine}/credentials/licence", data=LICENCE)
    assert data.status_code == 403
    assert manager.get(f"/network/readers/{other}").status_code == 404
    path = f"/network/readers/{other}/credentials/licence"
    assert manager.post(path, data=LICENCE).status_code == 404
    held = next(iter(licences(house, other).values()))
    assert (
        manager.post(f"/network/credentials/{held.id}/end", data={"because": "x"}).status_code
        == 404
    )
    assert admin.get(f"/network/readers/{other}").status_code == 200
    analyst = house.signed_in(Role.ANALYST, None)
    assert analyst.get(f"/network/readers/{mine}").status_code == 403


def test_a_document_is_sniffed_kept_and_its_download_noted(
    house: House, manager: httpx.Client
) -> None:
    reader = someone(house, "Boone, Bea")
    held = next(iter(licences(house, reader).values()))
    path = f"/network/credentials/{held.id}/documents"
    page = manager.post(path, files={"document": ("IL 2026.pdf", PDF)}, headers=HTMX).text
    assert "Attached IL 2026.pdf" in page
    fake = manager.post(path, files={"document": ("licence.pdf", b"MZ\x90\x00 program")})
    assert fake.status_code == 422
    assert "none of them" in fake.text
    href = page.split('href="/network/documents/')[1].split('"')[0]
    got = manager.get(f"/network/documents/{href}")
    assert (got.content, got.headers["content-type"]) == (PDF, "application/pdf")
    assert "attachment" in got.headers["content-disposition"]
    assert next(str(one.object_id) for one in house.trail("credential document")) == href
    stranger = house.signed_in(Role.GROUP_MANAGER, house.world.partner)
    assert stranger.get(f"/network/documents/{href}").status_code == 404


def test_a_reader_attests_where_they_sit(house: House, manager: httpx.Client) -> None:
    reader = someone(house, "Cole, Cleo")
    browser = house.signed_in(Role.RADIOLOGIST, reader=reader)
    path = f"/network/readers/{reader}/place"
    said = browser.post(path, data={"country": "us", "state": "wi", "hours": "8"}, headers=HTMX)
    assert "WI, US, attested until" in said.text
    assert (
        browser.post(path, data={"country": "US", "state": "", "hours": "8"}).status_code == 422
    )
    assert (
        browser.post(path, data={"country": "US", "state": "IL", "hours": "99"}).status_code
        == 422
    )
    assert manager.post(path, data={"country": "US"}).status_code == 403


def csv_of(*rows: str) -> dict[str, tuple[str, bytes]]:
    heads = "npi,state,number,status,valid_from,valid_to"
    return {"file": ("licences.csv", "\r\n".join((heads, *rows)).encode())}


def test_an_import_is_checked_then_carried_out_whole(
    house: House, manager: httpx.Client
) -> None:
    reader = someone(house, "Dunn, Dee")
    npi = npi_of("Dunn, Dee")
    good = f"{npi},WI,88,active,2026-01-01,2027-06-30"
    bad = f"{npi},WI,89,active,2027-01-01,2026-06-30"
    ask = {"kind": "licence", "act": "check"}
    page = manager.post("/network/import", data=ask, files=csv_of(good, bad), headers=HTMX).text
    assert "1 problem" in page
    assert "before it starts" in page
    whole = ask | {"act": "import"}
    manager.post("/network/import", data=whole, files=csv_of(good, bad), headers=HTMX)
    assert "88" not in licences(house, reader), "nothing is half imported"
    page = manager.post("/network/import", data=ask, files=csv_of(good), headers=HTMX).text
    assert "1 row can be imported" in page
    assert "88" not in licences(house, reader), "a dry run records nothing"
    page = manager.post("/network/import", data=whole, files=csv_of(good), headers=HTMX).text
    assert "1 recorded, 0 on record already" in page
    assert "88" in licences(house, reader)
    page = manager.post("/network/import", data=whole, files=csv_of(good), headers=HTMX).text
    assert "0 recorded, 1 on record already" in page
    other = f"{npi_of('Novak, Nina')},WI,90,active,2026-01-01,2027-06-30"
    page = manager.post("/network/import", data=ask, files=csv_of(other), headers=HTMX).text
    assert "belongs to Prairie" in page


def test_a_workbook_that_was_exported_imports_again(
    house: House, manager: httpx.Client
) -> None:
    got = manager.get("/network/import/licence.xlsx")
    book = openpyxl.load_workbook(io.BytesIO(got.content))
    rows = list(book.worksheets[0].iter_rows(values_only=True))
    assert rows[0][:4] == ("npi", "name", "state", "number")
    assert any(row[1] == "Gray, Gail" for row in rows[1:])
    ask = {"kind": "licence", "act": "check"}
    page = manager.post(
        "/network/import", data=ask, files={"file": ("a.xlsx", got.content)}
    ).text
    assert f"{len(rows) - 1} row" in page
    assert "can be imported" in page
    for name in ("privilege", "cover", "mammography-file", "facility-certificate"):
        assert manager.get(f"/network/import/{name}.csv").status_code == 200
        assert manager.get(f"/network/import/template/{name}.xlsx").status_code == 200


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"npi,colour\r\n1,red", "no column &#39;colour&#39;"),
        (b"", "the file is empty"),
        (b"\x00\x01\x02binary", "neither a CSV file nor an Excel workbook"),
        (b"PK\x03\x04 not a workbook", "cannot be read"),
    ],
)
def test_a_wrong_file_is_told_what_is_wrong(
    manager: httpx.Client, content: bytes, says: str
) -> None:
    ask = {"kind": "licence", "act": "import"}
    answer = manager.post("/network/import", data=ask, files={"file": ("a.csv", content)})
    assert says in answer.text


def test_what_ends_is_listed_and_reminders_are_seen(
    house: House, manager: httpx.Client
) -> None:
    reader = someone(house, "Eads, Eva")
    ending = Licence("WI", "WI-E", "active", date(2025, 1, 1), TODAY + timedelta(days=5))
    with transaction(house.made.system, frozenset()) as conn:
        credentialing.record(conn, reader, None, ending, Recorded("Pat", NOW))
        credentialing.remind(conn, NOW)
    page = manager.get("/network/expiry").text
    assert "Eads, Eva" in page
    assert "has 7 days or less" in page
    assert "Eads, Eva" in manager.get("/network/expiry.csv").text
    stranger = house.signed_in(Role.GROUP_MANAGER, house.world.partner)
    assert "Eads, Eva" not in stranger.get("/network/expiry").text
    mark = page.split('action="/network/reminders/')[1].split("/seen")[0]
    assert stranger.post(f"/network/reminders/{mark}/seen").status_code == 404
    assert "Noted as seen" in manager.post(f"/network/reminders/{mark}/seen", headers=HTMX).text


def test_the_matrix_counts_what_is_missing_and_a_site_excludes_a_reader(
    house: House, manager: httpx.Client
) -> None:
    page = manager.get("/network/packets").text
    assert "an acknowledged test result" in page or "identifier of the reader" in page
    world = house.world
    form = {"reader": str(world.unlicensed), "site": str(world.site)}
    page = manager.post("/network/exclusions", data=form, headers=HTMX).text
    assert "Ulrich, Uma may not read for Lakeshore Memorial" in " ".join(page.split())
    mark = page.split('action="/network/exclusions/')[1].split("/end")[0]
    stranger = house.signed_in(Role.GROUP_MANAGER, world.partner)
    assert stranger.post("/network/exclusions", data=form).status_code == 422
    assert "withdrawn" in manager.post(f"/network/exclusions/{mark}/end", headers=HTMX).text


def test_an_administrator_admits_a_group_with_site_and_reader(
    house: House, admin: httpx.Client, manager: httpx.Client
) -> None:
    form = {"name": "Third Coast", "code": "third", "time_zone": "America/Chicago", "tin": "1"}
    assert manager.post("/network/groups", data=form).status_code == 403
    assert admin.post("/network/groups", data=form).status_code == 303
    assert admin.post("/network/groups", data=form).status_code == 409
    with transaction(house.made.system, frozenset()) as conn:
        group = next(one.id for one in network.groups(conn) if one.code == "THIRD")
    site = {
        "group": str(group), "name": "Third Hospital", "code": "TCH", "state": "il",
        "time_zone": "America/Chicago", "kind": "hospital", "assigner": "TCH",
        "target_stat": "25", "each_claim": "1000000",
    }  # fmt: skip
    assert admin.post("/network/sites", data=site).status_code == 303
    assert admin.post("/network/sites", data=site | {"state": "??"}).status_code == 422
    assert admin.post("/network/sites", data=site | {"time_zone": "Mars"}).status_code == 422
    npi = npi_of("Third, Thea")
    reader = {
        "group": str(group), "name": "Third, Thea", "npi": npi, "sits_in_state": "IL",
        "subspecialties": "neuro body",
    }  # fmt: skip
    made = admin.post("/network/readers", data=reader)
    assert made.status_code == 303
    page = admin.get(made.headers["location"]).text
    assert "body, neuro" in page
    twice = admin.post("/network/readers", data=reader | {"group": str(house.world.owner)})
    assert twice.status_code == 409
    assert "a reader belongs to one group" in twice.text
    assert admin.post("/network/readers", data=reader | {"npi": "123"}).status_code == 422
    places = admin.get("/network").text
    assert "Third Hospital" in places
    assert "STAT 25 min" in places


def test_a_manager_cannot_add_to_another_group(house: House, manager: httpx.Client) -> None:
    form = {
        "group": str(house.world.partner), "name": "Sly, Sid", "npi": npi_of("Sly, Sid"),
        "sits_in_state": "IL", "subspecialties": "neuro",
    }  # fmt: skip
    made = manager.post("/network/readers", data=form)
    assert made.status_code == 303, "it is added to the manager's own group"
    with transaction(house.made.system, frozenset()) as conn:
        sid = next(one for one in network.readers(conn, NOW) if one.name == "Sly, Sid")
    assert sid.group == house.world.owner
    path = f"/network/readers/{sid.id}/membership"
    assert manager.post(path, data={"active": "no"}).status_code == 303
    stranger = house.signed_in(Role.GROUP_MANAGER, house.world.partner)
    assert stranger.post(path, data={"active": "yes"}).status_code == 403


def test_a_site_states_its_bylaws_and_certificate(house: House, manager: httpx.Client) -> None:
    site = house.world.site
    form = {"each_claim": "500000", "aggregate": "", "child_below": "2"}
    assert manager.post(f"/network/sites/{site}/bylaws", data=form).status_code == 303
    assert (
        manager.post(f"/network/sites/{site}/bylaws", data={"child_below": "99"}).status_code
        == 422
    )
    certificate = {
        "number": "M-9", "valid_from": "2025-01-01", "valid_to": "2027-12-31",
        "inspected_on": "2026-08-14", "modalities": "2D DBT",
    }  # fmt: skip
    path = f"/network/sites/{site}/certificate"
    assert manager.post(path, data=certificate).status_code == 303
    assert manager.post(path, data=certificate | {"modalities": "3D"}).status_code == 422
    with transaction(house.made.system, frozenset()) as conn:
        known = network.directory(conn, NOW).sites[site]
    assert (known.child_below, str(known.each_claim)) == (2, "500000.00")
    assert [one.number for one in known.certificates] == ["M-9"]


def test_counsel_changes_a_rule_and_everyone_sees_it(
    house: House, admin: httpx.Client, manager: httpx.Client
) -> None:
    form = {"cites": "42 CFR 482.22(a)(3)", "owner": "counsel", "effective_from": "2011-07-05"}
    assert manager.post("/network/rules/PROXY_OK", data=form).status_code == 403
    assert "is changed" in admin.post("/network/rules/PROXY_OK", data=form, headers=HTMX).text
    assert "changed here" in manager.get("/network/rules").text
    wrong = form | {"effective_to": "2001-01-01"}
    assert admin.post("/network/rules/PROXY_OK", data=wrong).status_code == 422
    assert admin.post("/network/rules/NONE", data=form).status_code == 404
