"""Patients are searched as FHIR means it."""

from datetime import date

import httpx
import pytest

from tests.integration.fhir.asking import got, ids
from tests.integration.fhir.world import Town, build


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
