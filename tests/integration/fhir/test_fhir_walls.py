"""Who sees what through the FHIR door, and what the audit trail keeps of it."""

from uuid import UUID, uuid4

import httpx
import pytest

from confrere.fhir.door import PUBLIC, router
from confrere.web import access
from tests.integration.fhir.asking import got, ids, walk
from tests.integration.fhir.world import LISTS, NOW, Town, World


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


def test_every_route_but_the_capability_statement_declares_a_permission(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = router(town.made.app, access.allow, lambda *_, **__: None, lambda: NOW)
    assert access.undeclared(made.routes) == []
    monkeypatch.setattr(access, "PUBLIC", frozenset())
    assert access.undeclared(made.routes) == [PUBLIC]
