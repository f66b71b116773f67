"""The FHIR door over real data: what is found, by whom, and in which form."""

import base64
import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fhir.resources.R4B import get_fhir_model_class

from confrere.fhir.door import PUBLIC, RESOURCES, router
from confrere.web import access
from tests.database import clone, drop
from tests.integration.fhir_world import NOW, Town, World, build, served

FORM = {"content-type": "application/x-www-form-urlencoded"}
LISTS = ("Patient", "ServiceRequest", "ImagingStudy", "DiagnosticReport")


@pytest.fixture(scope="module")
def town(postgres_socket: str, template: str) -> Iterator[Town]:
    made = clone(postgres_socket, template)
    with served(Town(made)) as town:
        yield town
    drop(made)


@pytest.fixture
def world(town: Town) -> World:
    return build(town)


@pytest.fixture
def oak(world: World) -> httpx.Client:
    return world.client("oak")


def got(client: httpx.Client, path: str, status: int = 200, **headers: str) -> Any:
    """Read a path; whatever comes must be valid R4."""
    return valid(client.get(f"/fhir/{path}", headers=headers), status)


def valid(response: Any, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/fhir+json"
    body = response.json()
    get_fhir_model_class(body["resourceType"]).model_validate(body)
    if body["resourceType"] == "Bundle":
        assert "total" not in body
        for entry in body.get("entry", []):
            get_fhir_model_class(entry["resource"]["resourceType"]).model_validate(
                entry["resource"]
            )
    return body


def ids(bundle: Any, mode: str = "match") -> list[str]:
    return [
        one["resource"]["id"]
        for one in bundle.get("entry", [])
        if one["search"]["mode"] == mode
    ]


def link(bundle: Any, relation: str) -> str:
    return next((one["url"] for one in bundle["link"] if one["relation"] == relation), "")


def test_the_capability_statement_names_what_is_searched_and_needs_no_sign_in(
    world: World,
) -> None:
    with world.client("nobody") as client:
        said = got(client, "metadata")
    assert said["fhirVersion"] == "4.0.1"
    named = {one["type"]: one for one in said["rest"][0]["resource"]}
    assert set(named) == {*LISTS, "Practitioner", "Organization"}
    with world.client("oak") as client:
        for kind, one in named.items():
            for parameter in one["searchParam"]:
                value = {
                    "date": "2026-01-01", "reference": str(uuid4()), "token": "x", "string": "x",
                }[parameter["type"]]  # fmt: skip
                path = f"{kind}?{parameter['name']}={value}"
                strict = got(client, path, prefer="handling=strict")
                assert parameter["name"] in link(strict, "self")
            for include in one.get("searchInclude", []):
                got(client, f"{kind}?_include={include}", prefer="handling=strict")


def test_every_resource_is_valid_and_says_what_is_known(
    world: World, oak: httpx.Client
) -> None:
    patient = world.add_patient(
        "oak", "M1", family="Doe", given="Jane", sex="F", birth_date=date(1970, 1, 31),
        postal_code="60601",
    )  # fmt: skip
    order = world.add_order(
        "hollow", patient, "A1", placer_number="P 1", procedure_code="CT1",
        procedure_text="CT chest", requested_priority="S", clinical_question="Cough?",
        diagnoses=("R05",), allergies="Iodine", notes="call", referrer_name="Dr. Ref",
        referrer_id="77", ordered_at=NOW,
    )  # fmt: skip
    other = world.add_order("hollow", patient, "A2")
    study = world.add_study("hollow", patient, "1.2.3", order, accession="A1")
    report = world.add_report(
        "hollow", patient, [order, other], "preliminary", "final", "addendum", study=study
    )

    said = got(oak, f"Patient/{patient}")
    assert said["identifier"][0]["system"] == "urn:confrere:assigner:OAK"
    assert (said["gender"], said["birthDate"], said["active"]) == ("female", "1970-01-31", True)
    asked = got(oak, f"ServiceRequest/{order}")
    assert (asked["status"], asked["priority"]) == ("completed", "stat")
    kinds = [one["type"]["coding"][0]["code"] for one in asked["identifier"]]
    assert kinds == ["ACSN", "PLAC"]
    shown = got(oak, f"ImagingStudy/{study}")
    assert shown["identifier"][0] == {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}
    assert (shown["started"], shown["numberOfInstances"]) == ("2026-11-20", 7)
    assert shown["basedOn"] == [{"reference": f"ServiceRequest/{order}"}]
    assert (shown["series"][0]["uid"], shown["series"][0]["number"]) == ("1.2.3.1", 0)
    read = got(oak, f"DiagnosticReport/{report}")
    assert read["status"] == "amended"
    assert [one["value"] for one in read["identifier"]] == ["A1", "A2"]
    assert len(read["basedOn"]) == 2
    assert read["imagingStudy"] == [{"reference": f"ImagingStudy/{study}"}]
    assert read["issued"] == "2026-11-24T11:00:00.000000Z"
    assert read["conclusion"].startswith("No acute disease \u2014 f\u00fcr Dr. M\u00fcller.")
    text = base64.b64decode(read["presentedForm"][0]["data"]).decode()
    assert "Lungs are clear." in text
    assert text.endswith("Seen again.")
    interpreter = read["resultsInterpreter"][0]["reference"]
    assert got(oak, interpreter)["identifier"][0]["value"] == "1234567893"
    performer = read["performer"][0]["reference"]
    assert got(oak, performer)["name"] == "Oak Radiology"


def test_what_lacks_everything_optional_is_still_valid(world: World, oak: httpx.Client) -> None:
    patient = world.add_patient("oak", "M1", assigner=" ", family=" ", sex="")
    order = world.add_order("hollow", patient, "A1", status="odd")
    study = world.add_study(
        "hollow", None, "1.2", modalities=[], study_date="2026", patient_name="", mrn=""
    )
    assert "name" not in got(oak, f"Patient/{patient}")
    assert got(oak, f"ServiceRequest/{order}")["status"] == "unknown"
    assert got(oak, f"ImagingStudy/{study}")["subject"] == {"display": "unknown"}


def test_a_report_from_elsewhere_is_found_and_has_no_invented_conclusion(
    world: World, oak: httpx.Client
) -> None:
    patient = world.add_patient("oak", "M1")
    order = world.add_order("hollow", patient, "A1")
    report = world.receive_report("hollow", patient, [order])
    read = got(oak, f"DiagnosticReport/{report}")
    assert (read["status"], "conclusion" in read) == ("final", False)
    assert read["resultsInterpreter"] == [{"display": "Dr. Away"}]
    assert ids(got(oak, f"DiagnosticReport?based-on=ServiceRequest/{order}")) == [str(report)]


def test_a_draft_is_not_a_report(world: World, oak: httpx.Client) -> None:
    patient = world.add_patient("oak", "M1")
    draft = world.add_report("hollow", patient, [])
    got(oak, f"DiagnosticReport/{draft}", 404)
    assert ids(got(oak, "DiagnosticReport")) == []


def test_status_in_a_search_and_in_a_report_agree(world: World, oak: httpx.Client) -> None:
    patient = world.add_patient("oak", "M1")
    for kinds in (
        ("preliminary",), ("final",), ("preliminary", "final"), ("final", "addendum"),
        ("preliminary", "final", "addendum", "addendum"),
    ):  # fmt: skip
        world.add_report("hollow", patient, [], *kinds)
    for status, count in (("preliminary", 1), ("final", 2), ("amended", 2)):
        found = got(oak, f"DiagnosticReport?status={status}")
        assert {one["resource"]["status"] for one in found["entry"]} == {status}
        assert len(ids(found)) == count
    system = "http://hl7.org/fhir/diagnostic-report-status"
    assert len(ids(got(oak, f"DiagnosticReport?status={system}|final,amended"))) == 4
    assert ids(got(oak, "DiagnosticReport?status=urn:other|final")) == []


def test_another_group_gets_the_answer_of_what_never_existed(world: World) -> None:
    patient = world.add_patient("oak", "M1")
    order = world.add_order("hollow", patient, "A1")
    study = world.add_study("hollow", patient, "1.2", order)
    report = world.add_report("hollow", patient, [order], "final")
    rows = dict(zip(LISTS, (patient, order, study, report), strict=True))
    with world.client("fox") as fox:
        for kind, key in rows.items():
            hidden = got(fox, f"{kind}/{key}", 404)
            assert hidden == got(fox, f"{kind}/{uuid4()}", 404)
            assert hidden == got(fox, f"{kind}/never", 404)
            assert ids(got(fox, kind)) == []
            assert ids(got(fox, f"{kind}?_id={key}")) == []
        world.share("oak", "fox", patient, order, study, report)
        for kind, key in rows.items():
            assert got(fox, f"{kind}/{key}")["id"] == str(key)
            assert ids(got(fox, kind)) == [str(key)]
        assert got(fox, f"ImagingStudy/{study}")["series"]


def test_a_hospital_client_sees_its_own_site_only(world: World) -> None:
    here, there = world.add_patient("oak", "M1"), world.add_patient("oak", "M2")
    rows = {}
    for site, patient in (("hollow", here), ("creek", there)):
        order = world.add_order(site, patient, f"A-{site}")
        study = world.add_study(site, patient, f"1.{len(rows) + 1}", order)
        report = world.add_report(site, patient, [order], "final", study=study)
        rows[site] = dict(zip(LISTS, (patient, order, study, report), strict=True))
    with world.client("hollow") as client:
        for kind in LISTS:
            assert ids(got(client, kind)) == [str(rows["hollow"][kind])]
            got(client, f"{kind}/{rows['hollow'][kind]}")
            got(client, f"{kind}/{rows['creek'][kind]}", 404)
        assert ids(got(client, "DiagnosticReport?identifier=A-creek")) == []
        assert ids(got(client, "DiagnosticReport?identifier=A-hollow"))
        got(client, "Practitioner", 403)


def test_a_hospital_client_walks_all_its_patients_among_many(world: World) -> None:
    mine = set()
    for n in range(9):
        patient = world.add_patient("oak", f"M{n}")
        world.add_order("hollow" if n % 4 == 0 else "creek", patient, f"A{n}")
        if n % 4 == 0:
            mine.add(str(patient))
    with world.client("hollow") as client:
        for count in (1, 2, 3, 20):
            seen = walk(client, f"Patient?_count={count}")
            assert sorted(seen) == sorted(mine)


def test_an_analyst_has_no_patient_data(world: World) -> None:
    with world.client("analyst") as client:
        for kind in LISTS:
            refused = got(client, kind, 403)
            assert refused["issue"][0]["code"] == "forbidden"
            got(client, f"{kind}/{uuid4()}", 403)


def walk(client: httpx.Client, path: str) -> list[str]:
    seen: list[str] = []
    for _ in range(50):
        bundle = got(client, path)
        seen += ids(bundle)
        following = link(bundle, "next")
        if not following:
            return seen
        path = following.split("/fhir/")[1]
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize("kind", LISTS)
def test_pages_hold_everything_once_newest_first(
    world: World, oak: httpx.Client, kind: str
) -> None:
    patient = world.add_patient("oak", "M0")
    for n in range(7):
        at = NOW + timedelta(minutes=n // 3)  # several at one instant
        world.add_patient("oak", f"M{n}")
        order = world.add_order("hollow", patient, f"A{n}", at)
        world.add_study("hollow", patient, f"1.{n + 1}", last_at=at)
        world.add_report("hollow", patient, [order], "final", at=at)
    whole = ids(got(oak, f"{kind}?_count=100"))
    assert len(whole) == 7
    for count in (1, 2, 3, 7):
        assert walk(oak, f"{kind}?_count={count}") == whole
    changed = [
        one["resource"]["meta"]["lastUpdated"]
        for one in got(oak, f"{kind}?_count=100")["entry"]
    ]
    assert changed == sorted(changed, reverse=True)


def test_count_is_capped_and_must_be_a_number(oak: httpx.Client) -> None:
    assert "_count=9999" in link(got(oak, "Patient?_count=9999"), "self")
    for bad in ("0", "-1", "x", "", "1e3", "\u0661"):
        assert got(oak, f"Patient?_count={bad}", 400)["issue"][0]["expression"] == ["_count"]


def test_unknown_parameters_are_errors_when_strict_and_left_out_otherwise(
    world: World, oak: httpx.Client
) -> None:
    world.add_patient("oak", "M1", family="Doe")
    lenient = got(oak, "Patient?family=doe&shoe=42")
    assert len(ids(lenient)) == 1
    assert link(lenient, "self").endswith("/fhir/Patient?family=doe")
    strict = got(oak, "Patient?family=doe&shoe=42", 400, prefer="handling=strict")
    assert "shoe" in strict["issue"][0]["diagnostics"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("family=do", "jane"), ("family=DOE", "jane"), ("family=oe", ""),
        ("family:contains=oe", "jane"), ("family:exact=doe", ""), ("family:exact=Doe", "jane"),
        ("given=ja", "jane"), ("name=ja", "jane"), ("name=o%27b", "pat"),
        ("family=doe,o%27brien", "jane pat"), ("family=doe&given=pat", ""),
        ("name=doe&name=jan", "jane"), ("family=%25", "percent"), ("family=_", ""),
        ("family=x%5C,y", "comma"), ("family:contains=%5C%5C", "percent"),
        ("birthdate=1970-01-31", "jane"), ("birthdate=1970", "jane"), ("birthdate=gt1970", "pat"),
        ("birthdate=ge1970-01&birthdate=lt1980", "jane"), ("birthdate=ne1970-01-31", "pat"),
        ("birthdate=le1970-01-31", "jane"), ("birthdate=lt1970-01-31", ""),
        ("gender=female", "jane"), ("gender=male,female", "jane pat"),
        ("gender=http://hl7.org/fhir/administrative-gender|male", "pat"), ("gender=x|male", ""),
        ("identifier=M1", "jane"), ("identifier=m1", ""),
        ("identifier=urn:confrere:assigner:OAK|M1", "jane"),
        ("identifier=urn:oid:1.2.840|M2", "pat"), ("identifier=urn:oid:1.2.840|", "pat"),
        ("identifier=urn:confrere:assigner:OAK|M2", ""), ("identifier=|M1", ""),
        ("identifier=urn:confrere:assigner:a%2520b%257c|M%5C%7C4", "comma"),
        ("_id=", "jane pat percent comma"), ("_id=x", ""),
        ("_lastUpdated=ge2026-11-24T09:00:00Z", "jane pat percent comma"),
        ("_lastUpdated=gt2026-11-24T09:00:00Z", ""),
        ("_lastUpdated=2026-11-24T10:00:00+01:00", "jane pat percent comma"),
        ("_lastUpdated=lt2026-11-24", ""), ("_lastUpdated=le2026-11-24", "jane pat percent comma"),
    ],
)  # fmt: skip
def test_patients_are_searched_as_fhir_means_it(
    people: tuple[httpx.Client, dict[str, str]], asked: str, found: str
) -> None:
    client, names = people
    bundle = got(client, f"Patient?{asked}", prefer="handling=strict")
    assert sorted(names[one] for one in ids(bundle)) == sorted(found.split())


@pytest.fixture(scope="module")
def people(town: Town) -> tuple[httpx.Client, dict[str, str]]:
    world = build(town)
    add = world.add_patient
    names = {
        add("oak", "M1", family="Doe", given="Jane", sex="F", birth_date=date(1970, 1, 31)): "jane",
        add(
            "oak", "M2", family="O'Brien", given="Pat", sex="M", assigner="1.2.840",
            birth_date=date(1981, 5, 5),
        ): "pat",
        add("oak", "M3", family="%\\Odd", given="Z"): "percent",
        add("oak", "M|4", family="x,y", given="Z", assigner="a b|"): "comma",
    }  # fmt: skip
    return world.client("oak"), {str(key): name for key, name in names.items()}


def test_orders_studies_and_reports_are_found_by_what_they_belong_to(
    world: World, oak: httpx.Client
) -> None:
    one, two = world.add_patient("oak", "M1"), world.add_patient("oak", "M2")
    first = world.add_order("hollow", one, "A1", requested_priority="S", ordered_at=NOW)
    second = world.add_order(
        "creek", two, "A1", placer_number="P2", status="cancelled",
        ordered_at=NOW - timedelta(days=3),
    )  # fmt: skip
    ct = world.add_study("hollow", one, "1.2.3", first, accession="A1")
    mr = world.add_study(
        "creek", two, "1.2.4", second, accession="A1", modalities=["MR"],
        acquired_at=datetime(2026, 11, 21, 3, tzinfo=UTC), study_date="20261120",
    )  # fmt: skip
    final = world.add_report("hollow", one, [first], "final", study=ct)
    early = world.add_report("creek", two, [second], "preliminary", at=NOW - timedelta(days=2))
    base, n = str(oak.base_url).rstrip("/"), world.number
    places = ",".join(map(str, (*world.groups.values(), *world.sites.values())))
    searches = {
        f"ServiceRequest?patient={one}": [first],
        f"ServiceRequest?subject=Patient/{two}": [second],
        f"ServiceRequest?subject:Patient={two}": [second],
        f"ServiceRequest?subject=Group/{two}": [],
        f"ServiceRequest?patient={one}&patient={two}": [],
        f"ServiceRequest?patient={base}/fhir/Patient/{one}": [first],
        f"ServiceRequest?patient=http://other/fhir/Patient/{one}": [],
        "ServiceRequest?identifier=A1": [first, second],
        f"ServiceRequest?identifier=urn:confrere:accession:creek{n}|A1": [second],
        f"ServiceRequest?identifier=urn:confrere:placer:creek{n}|": [second],
        "ServiceRequest?identifier=P2": [second],
        "ServiceRequest?identifier=urn:confrere:accession:nowhere|A1": [],
        "ServiceRequest?status=completed": [first],
        "ServiceRequest?status=revoked": [second],
        "ServiceRequest?status=active": [],
        "ServiceRequest?priority=stat": [first],
        "ServiceRequest?authored=2026-11-24": [first],
        f"ImagingStudy?patient={one}": [ct],
        "ImagingStudy?identifier=urn:dicom:uid|urn:oid:1.2.4": [mr],
        "ImagingStudy?identifier=1.2.4": [mr],
        f"ImagingStudy?identifier=urn:confrere:accession:hollow{n}|A1": [ct],
        "ImagingStudy?identifier=urn:other|A1": [],
        "ImagingStudy?modality=CT": [ct],
        "ImagingStudy?modality=MR,CT": [ct, mr],
        "ImagingStudy?modality=CT&modality=SR": [ct],
        "ImagingStudy?modality=CT&modality=MR": [],
        "ImagingStudy?modality=http://dicom.nema.org/resources/ontology/DCM|MR": [mr],
        f"ImagingStudy?basedon=ServiceRequest/{second}": [mr],
        "ImagingStudy?status=available": [ct, mr],
        "ImagingStudy?status=cancelled": [],
        "ImagingStudy?started=2026-11-20": [ct],
        "ImagingStudy?started=2026-11-21": [mr],
        "ImagingStudy?started=ge2026-11-20&started=le2026-11-21": [ct, mr],
        "ImagingStudy?started=ge2026-11-20T23:00:00Z&started=lt2026-11-21": [ct],
        f"DiagnosticReport?patient={one}": [final],
        "DiagnosticReport?identifier=A1": [final, early],
        f"DiagnosticReport?identifier=urn:confrere:accession:creek{n}|A1": [early],
        f"DiagnosticReport?based-on={first}": [final],
        f"DiagnosticReport?based-on={first},{second}": [final, early],
        f"DiagnosticReport?based-on={first}&based-on={second}": [],
        "DiagnosticReport?category=RAD": [final, early],
        "DiagnosticReport?category=LAB": [],
        "DiagnosticReport?date=2026-11-22": [early],
        "DiagnosticReport?issued=gt2026-11-23": [final],
        f"DiagnosticReport?results-interpreter=Practitioner/{world.reader}": [final, early],
        f"DiagnosticReport?_id={early},{final}&status=preliminary": [early],
        f"Practitioner?name=raman&_id={world.reader}": [world.reader],
        f"Practitioner?name=asha r&_id={world.reader}": [world.reader],
        f"Practitioner?name=ama&_id={world.reader}": [],
        f"Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|1234567893&_id={world.reader}": [
            world.reader
        ],
        f"Practitioner?active=false&_id={world.reader}": [],
        f"Organization?name=hollow&_id={places}": [world.sites["hollow"]],
        f"Organization?identifier=urn:confrere:group|fox{n}": [world.groups["fox"]],
        f"Organization?address-state=wi&_id={places}": [world.sites["creek"]],
    }
    for path, wanted in searches.items():
        found = got(oak, path, prefer="handling=strict")
        assert sorted(ids(found)) == sorted(str(key) for key in wanted), path
    assert len(walk(oak, f"Organization?_count=1&_id={places}")) == 4


def test_a_search_brings_along_what_it_is_asked_to_include(
    world: World, oak: httpx.Client
) -> None:
    patient = world.add_patient("oak", "M1")
    order = world.add_order("hollow", patient, "A1")
    world.add_report("hollow", patient, [order], "final")
    world.add_report("hollow", patient, [order], "preliminary")
    found = got(
        oak,
        "DiagnosticReport?_include=DiagnosticReport:subject"
        "&_include=DiagnosticReport:based-on:ServiceRequest",
    )
    assert sorted(ids(found, "include")) == sorted([str(patient), str(order)])
    for bad in ("*", "Patient:x", "DiagnosticReport:status", "DiagnosticReport:subject:Group"):
        got(oak, f"DiagnosticReport?_include={bad}", 400)


def test_a_form_searches_without_patient_data_in_any_address(
    world: World, oak: httpx.Client
) -> None:
    for n in range(3):
        world.add_patient("oak", f"M{n}", family="Doe")
    world.add_patient("oak", "X", family="Other")
    form = "family=Doe&_count=2"
    first = valid(oak.post("/fhir/Patient/_search", content=form, headers=FORM))
    following = link(first, "next")
    assert "Doe" not in following
    second = valid(oak.post(following, content=form, headers=FORM))
    assert len({*ids(first), *ids(second)}) == 3
    assert link(second, "next") == ""
    by_address = valid(oak.get(following), 400)
    assert "POST the same form" in by_address["issue"][0]["diagnostics"]
    assert len(ids(valid(oak.get("/fhir/Patient/_search?family=Doe")))) == 3
    valid(oak.post("/fhir/Patient/_search", json={"family": "Doe"}), 415)
    valid(oak.post("/fhir/Patient/_search", content="a=" + "x" * 70_000, headers=FORM), 413)


def test_each_object_shown_is_in_the_trail_once_a_session_and_searches_by_kind(
    world: World, oak: httpx.Client
) -> None:
    patient = world.add_patient("oak", "M1", family="Doe")
    order = world.add_order("hollow", patient, "A1")
    for _ in range(2):
        got(oak, f"Patient/{patient}")
    got(oak, f"ServiceRequest?patient={patient}&identifier=A1&_include=ServiceRequest:subject")
    got(oak, f"Patient/{uuid4()}", 404)
    got(oak, "Organization")
    assert world.trail() == [
        ("patient", UUID(str(patient)), "{}"),
        ("search ServiceRequest", None, "{}"),
        ("order", UUID(str(order)), "{}"),
    ]


def test_links_begin_with_the_address_the_request_came_to(oak: httpx.Client) -> None:
    for host in ("reads.example", "a b", "\\\\", "[::1", "x:99999999", "'\"><"):
        found = oak.get("/fhir/Patient", headers={"host": host})
        assert found.status_code in (200, 400)
        if host == "reads.example":
            assert link(found.json(), "self") == "http://reads.example/fhir/Patient"


def test_what_is_not_here_answers_with_an_outcome(oak: httpx.Client) -> None:
    assert "CapabilityStatement" in got(oak, "Observation", 404)["issue"][0]["diagnostics"]
    for method, path in itertools.product(("post", "put", "delete", "patch"), ("Patient",)):
        valid(oak.request(method, f"/fhir/{path}", json={}), 405)
    valid(oak.put(f"/fhir/Patient/{uuid4()}", json={}), 405)
    valid(oak.get("/fhir/Patient", headers={"accept": "application/fhir+xml"}), 406)
    valid(oak.get("/fhir/Patient?_format=xml", headers={"accept": "*/*"}), 406)
    valid(oak.get("/fhir/Patient?_format=json", headers={"accept": "text/html"}))


HOSTILE = (
    "%00", "%FF", "'", "\\", "%25", "%5C", "|", "||", "%7C%00", ",,", "..%2F..", "\u202e",
    "\U0001f600", "%ED%A0%80", "9999-12-31", "le9999-12-31T23:58", "gt0001-01-01", "1" * 3000, "a%00b", "$", "_page",
)  # fmt: skip


@pytest.mark.parametrize("kind", [*LISTS, "Practitioner", "Organization"])
def test_hostile_text_is_never_our_fault(world: World, oak: httpx.Client, kind: str) -> None:
    patient = world.add_patient("oak", "M1")
    world.add_report("hollow", patient, [world.add_order("hollow", patient, "A1")], "final")
    names = [one.name for one in RESOURCES[kind].parameters]
    for name in (*names, "_count", "_page", "_include", "x\u202e"):
        for text in HOSTILE:
            found = oak.get(f"/fhir/{kind}?{name}={text}")
            assert found.status_code in (200, 400), (name, text)
    for text in HOSTILE:
        got(oak, f"{kind}/{text}x", 404)
    got(oak, f"{kind}?{'&'.join(['name=x'] * 200)}", 400)


def test_a_bad_value_names_its_parameter(oak: httpx.Client) -> None:
    for path, name in (
        ("Patient?birthdate=yesterday", "birthdate"),
        ("Patient?birthdate=1970-01-31T00:00:00Z", "birthdate"),
        ("DiagnosticReport?_lastUpdated=xx2026", "_lastUpdated"),
        ("DiagnosticReport?identifier=urn:confrere:accession:x|", "identifier"),
        ("ImagingStudy?status=x&started=2026-99", "started"),
        ("Patient?family:missing=true", "family"),
        ("Patient?_page=xyz", "_page"),
    ):
        refused = got(oak, path, 400)["issue"][0]
        assert refused["expression"] == [name]
        assert name in refused["diagnostics"]


def test_every_route_but_the_capability_statement_declares_a_permission(town: Town) -> None:
    made = router(town.made.app, access.allow, lambda *_, **__: None, lambda: NOW)
    assert access.undeclared(made.routes) == [PUBLIC]
