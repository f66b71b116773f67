"""What a search finds, its pages, its errors."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from confrere.fhir.door import RESOURCES
from confrere.fhir.elements import NPI_SYSTEM
from confrere.kernel.ids import OrderId, PatientId, ReportId, StudyId
from tests.integration.fhir.asking import FORM, got, ids, link, valid, walk
from tests.integration.fhir.world import LISTS, NOW, World

HOSTILE = (
    "%00", "%FF", "'", "\\", "%25", "%5C", "|", "||", "%7C%00", ",,", "..%2F..", "\u202e",
    "\U0001f600", "%ED%A0%80", "9999-12-31", "le9999-12-31T23:58", "gt0001-01-01", "1" * 3000, "a%00b", "$", "_page",
)  # fmt: skip  # fmt: skip


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


@dataclass(frozen=True)
class Exams:
    """Jane's CT at Hollow, reported, and Pat's MR at Creek, cancelled but read early."""

    world: World
    jane: PatientId
    pat: PatientId
    ct_order: OrderId
    mr_order: OrderId
    ct: StudyId
    mr: StudyId
    final: ReportId
    early: ReportId


@pytest.fixture
def exams(world: World) -> Exams:
    jane, pat = world.add_patient("oak", "M1"), world.add_patient("oak", "M2")
    ct_order = world.add_order("hollow", jane, "A1", requested_priority="S", ordered_at=NOW)
    mr_order = world.add_order(
        "creek", pat, "A1", placer_number="P2", status="cancelled",
        ordered_at=NOW - timedelta(days=3),
    )  # fmt: skip
    ct = world.add_study("hollow", jane, "1.2.3", ct_order, accession="A1")
    mr = world.add_study(
        "creek", pat, "1.2.4", mr_order, accession="A1", modalities=["MR"],
        acquired_at=datetime(2026, 11, 21, 3, tzinfo=UTC), study_date="20261120",
    )  # fmt: skip
    final = world.add_report("hollow", jane, [ct_order], "final", study=ct)
    early = world.add_report(
        "creek", pat, [mr_order], "preliminary", at=NOW - timedelta(days=2)
    )
    return Exams(world, jane, pat, ct_order, mr_order, ct, mr, final, early)


def check(client: httpx.Client, kind: str, searches: dict[str, list[Any]]) -> None:
    for asked, wanted in searches.items():
        found = got(client, f"{kind}?{asked}", prefer="handling=strict")
        assert sorted(ids(found)) == sorted(str(key) for key in wanted), asked


def test_orders_are_found_by_patient_number_state_and_time(
    exams: Exams, oak: httpx.Client
) -> None:
    x, n = exams, exams.world.number
    base = str(oak.base_url).rstrip("/")
    searches = {
        f"patient={x.jane}": [x.ct_order],
        f"subject=Patient/{x.pat}": [x.mr_order],
        f"subject:Patient={x.pat}": [x.mr_order],
        f"subject=Group/{x.pat}": [],
        f"patient={x.jane}&patient={x.pat}": [],
        f"patient={base}/fhir/Patient/{x.jane}": [x.ct_order],
        f"patient=http://other/fhir/Patient/{x.jane}": [],
        "identifier=A1": [x.ct_order, x.mr_order],
        f"identifier=urn:confrere:accession:creek{n}|A1": [x.mr_order],
        f"identifier=urn:confrere:placer:creek{n}|": [x.mr_order],
        "identifier=P2": [x.mr_order],
        "identifier=urn:confrere:accession:nowhere|A1": [],
        "status=completed": [x.ct_order],
        "status=revoked": [x.mr_order],
        "status=active": [],
        "priority=stat": [x.ct_order],
        "authored=2026-11-24": [x.ct_order],
    }
    check(oak, "ServiceRequest", searches)


def test_studies_are_found_by_patient_number_modality_order_and_time(
    exams: Exams, oak: httpx.Client
) -> None:
    x, n = exams, exams.world.number
    searches = {
        f"patient={x.jane}": [x.ct],
        "identifier=urn:dicom:uid|urn:oid:1.2.4": [x.mr],
        "identifier=1.2.4": [x.mr],
        f"identifier=urn:confrere:accession:hollow{n}|A1": [x.ct],
        "identifier=urn:other|A1": [],
        "modality=CT": [x.ct],
        "modality=MR,CT": [x.ct, x.mr],
        "modality=CT&modality=SR": [x.ct],
        "modality=CT&modality=MR": [],
        "modality=http://dicom.nema.org/resources/ontology/DCM|MR": [x.mr],
        f"basedon=ServiceRequest/{x.mr_order}": [x.mr],
        "status=available": [x.ct, x.mr],
        "status=cancelled": [],
        "started=2026-11-20": [x.ct],
        "started=2026-11-21": [x.mr],
        "started=ge2026-11-20&started=le2026-11-21": [x.ct, x.mr],
        "started=ge2026-11-20T23:00:00Z&started=lt2026-11-21": [x.ct],
    }
    check(oak, "ImagingStudy", searches)


def test_reports_are_found_by_patient_order_state_reader_and_time(
    exams: Exams, oak: httpx.Client
) -> None:
    x, n = exams, exams.world.number
    searches = {
        f"patient={x.jane}": [x.final],
        "identifier=A1": [x.final, x.early],
        f"identifier=urn:confrere:accession:creek{n}|A1": [x.early],
        f"based-on={x.ct_order}": [x.final],
        f"based-on={x.ct_order},{x.mr_order}": [x.final, x.early],
        f"based-on={x.ct_order}&based-on={x.mr_order}": [],
        "category=RAD": [x.final, x.early],
        "category=LAB": [],
        "date=2026-11-22": [x.early],
        "issued=gt2026-11-23": [x.final],
        f"results-interpreter=Practitioner/{x.world.reader}": [x.final, x.early],
        f"_id={x.early},{x.final}&status=preliminary": [x.early],
    }
    check(oak, "DiagnosticReport", searches)


def test_the_directory_is_found_by_name_and_number(world: World, oak: httpx.Client) -> None:
    n, places = (
        world.number,
        ",".join(map(str, (*world.groups.values(), *world.sites.values()))),
    )
    check(oak, "Practitioner", {
        f"name=raman&_id={world.reader}": [world.reader],
        f"name=asha r&_id={world.reader}": [world.reader],
        f"name=ama&_id={world.reader}": [],
        f"active=false&_id={world.reader}": [],
        f"identifier={NPI_SYSTEM}|{world.npi}&_id={world.reader}": [world.reader],
        f"identifier=urn:other|{world.npi}&_id={world.reader}": [],
    })  # fmt: skip
    check(oak, "Organization", {
        f"name=hollow&_id={places}": [world.sites["hollow"]],
        f"identifier=urn:confrere:group|fox{n}": [world.groups["fox"]],
        f"address-state=wi&_id={places}": [world.sites["creek"]],
    })  # fmt: skip
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
