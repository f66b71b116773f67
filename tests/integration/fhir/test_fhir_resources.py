"""What the FHIR door shows of each resource, checked against the models of R4."""

import base64
import itertools
from datetime import date
from typing import Any
from uuid import uuid4

import httpx

from confrere.kernel.ids import StudyId
from tests.integration.fhir.asking import got, ids, link, valid
from tests.integration.fhir.world import LISTS, NOW, World


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
    _is_whole(oak, got(oak, f"DiagnosticReport/{report}"), study, world.npi)


def _is_whole(oak: httpx.Client, read: Any, study: StudyId, npi: str) -> None:
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
    assert got(oak, interpreter)["identifier"][0]["value"] == npi
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


def test_what_is_not_here_answers_with_an_outcome(oak: httpx.Client) -> None:
    assert "CapabilityStatement" in got(oak, "Observation", 404)["issue"][0]["diagnostics"]
    for method, path in itertools.product(("post", "put", "delete", "patch"), ("Patient",)):
        valid(oak.request(method, f"/fhir/{path}", json={}), 405)
    valid(oak.put(f"/fhir/Patient/{uuid4()}", json={}), 405)
    valid(oak.get("/fhir/Patient", headers={"accept": "application/fhir+xml"}), 406)
    valid(oak.get("/fhir/Patient?_format=xml", headers={"accept": "*/*"}), 406)
    valid(oak.get("/fhir/Patient?_format=json", headers={"accept": "text/html"}))


def test_links_begin_with_the_address_the_request_came_to(oak: httpx.Client) -> None:
    for host in ("reads.example", "a b", "\\\\", "[::1", "x:99999999", "'\"><"):
        found = oak.get("/fhir/Patient", headers={"host": host})
        assert found.status_code in (200, 400)
        if host == "reads.example":
            assert link(found.json(), "self") == "http://reads.example/fhir/Patient"
