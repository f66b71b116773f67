"""$match, PIXm and PDQm: who is meant, under which other numbers, and who may know."""

from datetime import date
from typing import Any

import httpx
import pytest

from confrere.patients import linking
from confrere.patients import service as patients
from tests.integration.fhir.asking import got, ids, valid
from tests.integration.fhir.world import NOW, World

SAID = {
    "family": "Okafor", "given": "Miriam", "birth_date": date(1962, 4, 12), "sex": "F",
    "postal_code": "60614",
}  # fmt: skip
ASKED = {
    "resourceType": "Patient",
    "name": [{"family": "Okafor", "given": ["Miriam"]}],
    "birthDate": "1962-04-12",
    "gender": "female",
    "address": [{"postalCode": "60614"}],
}
OAK = "urn:confrere:assigner:OAK"
GRADE = "http://hl7.org/fhir/StructureDefinition/match-grade"


def match(client: httpx.Client, patient: object, status: int = 200, **more: object) -> Any:
    named = [{"name": "resource", "resource": patient}]
    kinds = {bool: "valueBoolean", int: "valueInteger", str: "valueInteger"}
    named += [{"name": name, kinds[type(value)]: value} for name, value in more.items()]
    body = {"resourceType": "Parameters", "parameter": named}
    headers = {"content-type": "application/fhir+json"}
    return valid(client.post("/fhir/Patient/$match", json=body, headers=headers), status)


def grades(bundle: Any) -> list[tuple[str, str]]:
    return [
        (one["resource"]["identifier"][0]["value"], one["search"]["extension"][0]["valueCode"])
        for one in bundle.get("entry", [])
    ]


def relink(world: World) -> None:
    """Do the matching jobs of this world's patients."""
    with world.made.system.begin() as conn:
        for one in patients.search(conn, list(world.groups.values()), {}, 50):
            linking.link_matches(conn, one.id, NOW)


def test_match_grades_who_is_certain_and_who_possible(world: World) -> None:
    world.add_patient("oak", "M1", **SAID)
    world.add_patient("oak", "M2", **SAID | {"family": "Lindqvist"})
    world.add_patient("oak", "M3", **SAID | {"given": "Martha"})
    with world.client("oak") as oak:
        found = match(oak, ASKED)
        assert grades(found) == [("M1", "certain"), ("M2", "probable")], "the twin is nobody"
        assert [one["search"]["score"] for one in found["entry"]] == [0.9998, 0.7675]
        assert grades(match(oak, ASKED, onlyCertainMatches=True)) == [("M1", "certain")]
        assert len(match(oak, ASKED, count=1)["entry"]) == 1
    with world.client("fox") as fox:
        assert grades(match(fox, ASKED)) == [], "another group's patients are not there"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"resourceType": "Patient"}, "resource"),
        ({"resourceType": "Observation"}, "resource"),
        ("x", "resource"),
        (ASKED | {"birthDate": "1962-13-40"}, "birthDate"),
        (ASKED | {"name": "Okafor"}, "name"),
        (ASKED | {"name": [{"family": 7}]}, "family"),
    ],
)
def test_a_match_that_cannot_be_read_names_the_field(
    oak: httpx.Client, asked: object, field: str
) -> None:
    outcome = match(oak, asked, 400)
    assert field in outcome["issue"][0]["diagnostics"]


def test_a_body_that_is_not_json_is_refused(oak: httpx.Client) -> None:
    headers = {"content-type": "application/fhir+json"}
    valid(oak.post("/fhir/Patient/$match", content=b"{", headers=headers), 400)
    long = b"[" * 70_000
    valid(oak.post("/fhir/Patient/$match", content=long, headers=headers), 413)
    form = {"content-type": "application/x-www-form-urlencoded"}
    valid(oak.post("/fhir/Patient/$match", content=b"a=b", headers=form), 415)


def test_pix_tells_the_persons_other_numbers_that_the_caller_may_see(world: World) -> None:
    here = world.add_patient("oak", "M1", **SAID)
    there = world.add_patient("oak", "C9", assigner="CREEK", **SAID)
    away = world.add_patient("fox", "F5", assigner="FOX", **SAID)
    relink(world)
    with world.client("oak") as oak:
        asked = f"Patient/$ihe-pix?sourceIdentifier={OAK}%7CM1"
        told = got(oak, asked)["parameter"]
        assert [one["name"] for one in told] == ["targetIdentifier", "targetId"]
        assert told[0]["valueIdentifier"]["value"] == "C9"
        assert told[1]["valueReference"]["reference"] == f"Patient/{there}"
        world.share("fox", "oak", away)
        numbers = {
            one["valueIdentifier"]["value"]
            for one in got(oak, asked)["parameter"]
            if "valueIdentifier" in one
        }
        assert numbers == {"C9", "F5"}
        got(oak, f"Patient/$ihe-pix?sourceIdentifier={OAK}%7CNONE", 404)
        got(oak, "Patient/$ihe-pix?sourceIdentifier=M1", 400)
        got(oak, "Patient/$ihe-pix", 400)
        got(oak, f"{asked}&targetSystem=urn:oid:9.9", 403)
    with world.client("fox") as fox:
        got(fox, asked, 404)
    assert here != there


def test_pdqm_asks_by_telephone_postal_code_and_whether_merged_away(world: World) -> None:
    one = world.add_patient("oak", "M1", phone="(312) 555-0142", **SAID)
    with world.client("oak") as oak:
        for asked in ("telecom=%2B13125550142", "address-postalcode=606", "active=true"):
            assert ids(got(oak, f"Patient?{asked}")) == [str(one)], asked
        for asked in ("telecom=3125550143", "address-postalcode=53", "active=false"):
            assert ids(got(oak, f"Patient?{asked}")) == [], asked


def test_a_hospital_client_is_told_only_of_its_own_site(world: World) -> None:
    here = world.add_patient("oak", "M1", **SAID)
    world.add_order("hollow", here, "A1")
    world.add_patient("oak", "M2", **SAID | {"family": "Okafor-Reed"})
    with world.client("hollow") as client:
        assert [number for number, _ in grades(match(client, ASKED))] == ["M1"]


def test_the_capability_statement_tells_of_both_operations(oak: httpx.Client) -> None:
    types = got(oak, "metadata")["rest"][0]["resource"]
    (patient,) = [one for one in types if one["type"] == "Patient"]
    assert [one["name"] for one in patient["operation"]] == ["match", "ihe-pix"]
