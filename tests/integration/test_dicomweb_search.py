"""QIDO-RS: what matches, what is returned, in whose scope."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from confrere.database.engine import transaction
from confrere.patients import service as patients
from confrere.patients.model import Demographics
from tests.database import clone, drop
from tests.dicomweb import NOW, A, B, Service, as_file, image, serve


def value(row: dict[str, Any], tag: str) -> Any:
    return row[tag].get("Value", [None])[0]


def found(service: Service, query: str, **more: Any) -> list[str]:
    answer = service.get(f"/studies?{query}", **more)
    assert answer.status_code == 200, answer.text
    return [value(row, "0020000D") for row in answer.json()]


def filled(service: Service) -> Service:
    people = (
        ("1.1", "Doe^Jane", "M1", "20260301", "CT", "CT CHEST"),
        ("1.2", "Doe^John", "M2", "20260302", "MR", "MR 100%_HEAD"),
        ("1.3", "Dörfler^Änne", "M3", "20260303", "CT", "CT HEAD"),
        ("1.4", "Roe^Richard", "M1", "20251231", "US", "US ABDOMEN"),
    )
    files = [
        as_file(
            image(
                n,
                uid,
                PatientName=name,
                PatientID=mrn,
                StudyDate=date,
                Modality=modality,
                StudyDescription=text,
                IssuerOfPatientID=f"I{uid}",
                AccessionNumber=f"ACC{uid}",
            )
        )
        for uid, name, mrn, date, modality, text in people
        for n in (1, 2)
    ]
    assert service.store(*files).status_code == 200
    return service


@pytest.fixture(scope="module")
def archive(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """One archive for all tests that only read."""
    made = clone(postgres_socket, template)
    with serve(made, tmp_path_factory.mktemp("archive")) as service:
        yield filled(service)
    drop(made)


def test_a_viewer_finds_the_shown_persons_studies_only_whoever_else_has_their_number(
    archive: Service,
) -> None:
    def seen(viewed: str, query: str) -> list[str]:
        answer = archive.get(f"/viewed/{viewed}/studies?{query}")
        assert answer.status_code == 200, answer.text
        return [value(row, "0020000D") for row in answer.json()]

    assert found(archive, "PatientID=M1") == ["1.1", "1.4"]  # of two assigners
    assert seen("1.1", "PatientID=M1") == ["1.1"]
    assert seen("1.4", "PatientID=M1") == ["1.4"]
    assert seen("1.1,1.2", "") == ["1.2", "1.1"]
    assert seen("9.9", "PatientID=M1") == []
    below = archive.get("/viewed/1.1/studies/1.1/series")
    assert [value(row, "0020000D") for row in below.json()] == ["1.1"]


@pytest.mark.parametrize(
    ("query", "studies"),
    [
        ("", ["1.3", "1.2", "1.1", "1.4"]),
        ("PatientName=doe*", ["1.2", "1.1"]),
        ("PatientName=DOE^JANE", ["1.1"]),
        ("00100010=*J?ne*", ["1.1"]),
        ("PatientName=d%C3%96rf*", ["1.3"]),
        ("PatientName=*ÄNNE*", ["1.3"]),
        ("PatientID=M1", ["1.1", "1.4"]),
        ("00100020=M1&00100021=I1.4", ["1.4"]),
        ("PatientID=*", ["1.3", "1.2", "1.1", "1.4"]),
        ("StudyDate=20260301", ["1.1"]),
        ("StudyDate=20260302-", ["1.3", "1.2"]),
        ("00080020=-20260301", ["1.1", "1.4"]),
        ("StudyDate=20260101-20260302", ["1.2", "1.1"]),
        ("StudyTime=10-1016", ["1.3", "1.2", "1.1", "1.4"]),
        ("StudyTime=1016-", []),
        ("ModalitiesInStudy=CT", ["1.3", "1.1"]),
        ("ModalitiesInStudy=US,MR", ["1.2", "1.4"]),
        ("ModalitiesInStudy=?R", ["1.2"]),
        ("AccessionNumber=ACC1.1", ["1.1"]),
        ("AccessionNumber=acc1.1", []),
        ("StudyDescription=*head*", ["1.3", "1.2"]),
        ("StudyDescription=*100%25*", ["1.2"]),
        ("StudyDescription=*1%25H*", []),
        ("StudyDescription=*%25_*", ["1.2"]),
        ("StudyInstanceUID=1.1,1.4", ["1.1", "1.4"]),
        ("0020000D=1.1%5C1.2", ["1.2", "1.1"]),
        ("limit=2", ["1.3", "1.2"]),
        ("limit=2&offset=2", ["1.1", "1.4"]),
        ("limit=0", []),
        ("PatientName=" + quote("x' or '1'='1"), []),
        ("StudyDescription=" + quote("\\"), []),
    ],
)
def test_keys_match_as_the_standard_says(
    archive: Service, query: str, studies: list[str]
) -> None:
    assert found(archive, query) == studies


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("Patientname=x", "Patientname"),
        ("00091001=x", "00091001"),
        ("StudyDate=2026", "StudyDate"),
        ("StudyDate=20260101-20260102-", "StudyDate"),
        ("StudyTime=x", "StudyTime"),
        ("StudyInstanceUID=1.2;drop", "StudyInstanceUID"),
        ("NumberOfStudyRelatedSeries=x", "NumberOfStudyRelatedSeries"),
        ("PatientName=" + "*a" * 50, "PatientName"),
        ("PatientName=a%00", "PatientName"),
        ("limit=-1", "limit"),
        ("limit=1e9", "limit"),
        ("offset=99999999", "offset"),
        ("SeriesNumber=1", "SeriesNumber"),
    ],
)
def test_a_wrong_key_is_named(archive: Service, query: str, field: str) -> None:
    answer = archive.get(f"/studies?{query}")
    assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_a_stranger_finds_nothing_and_the_same_answer(archive: Service) -> None:
    assert found(archive, "", user="b") == []
    assert found(archive, "StudyInstanceUID=1.1", user="b") == []
    none, foreign = (
        archive.get(f"/studies/{uid}/series", user="b") for uid in ("9.9.9", "1.1")
    )
    assert (none.status_code, none.content) == (404, foreign.content)


def test_the_viewer_gets_what_it_asks_for(archive: Service) -> None:
    extra = "00081030,00080060,00080090,00100030"
    url = f"/studies?limit=101&offset=0&fuzzymatching=false&includefield={extra}"
    row = archive.get(f"{url}&StudyInstanceUID=1.1").json()[0]
    assert value(row, "00081030") == "CT CHEST"
    assert row["00080061"] == {"vr": "CS", "Value": ["CT"]}
    assert (value(row, "00201206"), value(row, "00201208")) == (1, 2)
    assert row["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]}
    assert value(row, "00100021") == "I1.1"
    assert value(row, "00081190") == "http://testserver/dicom-web/studies/1.1"
    fields = "00080021,00080031,0008103E,00200011"
    (series,) = archive.get(f"/studies/1.1/series?includefield={fields}").json()
    assert value(series, "0020000E") == "1.1.1"
    assert {"00080021", "00080031", "0008103E", "00200011"} <= series.keys()
    assert value(series, "00201209") == 2
    only = archive.get("/studies/1.1/series?SeriesInstanceUID=7.7").json()
    assert only == []


def test_the_viewers_study_list_filters(archive: Service) -> None:
    query = (
        "limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060&"
        "PatientName=*doe*&00100020=*1*&AccessionNumber=*ACC*&StudyDescription=*chest*&"
        "ModalitiesInStudy=CT&StudyDate=20251101-20261130"
    )
    assert found(archive, query) == ["1.1"]


def test_instances_are_found_at_every_level(archive: Service) -> None:
    rows = archive.get("/studies/1.1/series/1.1.1/instances").json()
    assert [value(row, "00080018") for row in rows] == ["1.1.1.1", "1.1.1.2"]
    assert [value(row, "00280010") for row in rows] == [4, 4]
    assert len(archive.get("/studies/1.1/instances?InstanceNumber=2").json()) == 1
    assert len(archive.get("/instances?PatientID=M1").json()) == 4
    assert len(archive.get("/series?Modality=MR").json()) == 1
    assert archive.get("/studies/1.1/series/7.7/instances").json() == []


def test_warnings_say_what_was_not_done(archive: Service) -> None:
    answer = archive.get("/studies?fuzzymatching=true&limit=2&ReferringPhysicianName=doe*")
    assert "fuzzymatching" in answer.headers["warning"]
    assert "additional results" not in answer.headers["warning"]
    assert "additional results" in archive.get("/studies?limit=2").headers["warning"]
    assert "warning" not in archive.get("/studies?limit=4").headers
    assert archive.get("/studies").headers["cache-control"] == "private, no-store"


def test_only_json_is_offered(archive: Service) -> None:
    assert archive.get("/studies", accept="application/dicom+json").status_code == 200
    assert (
        archive.get(
            "/studies", accept="multipart/related; type=application/dicom+xml"
        ).status_code
        == 406
    )


def test_a_shared_study_is_found_beside_the_own(service: Service) -> None:
    archive = filled(service)
    assert (
        archive.store(as_file(image(1, "2.1", StudyDate="20260302")), user="b").status_code
        == 200
    )
    with transaction(archive.databases.system, frozenset()) as conn:
        key = conn.execute(
            sa.text("select id from studies where study_uid = '1.3'")
        ).scalar_one()
        conn.execute(
            sa.text(
                "insert into shares (owner_group, to_group, kind, object_id, why, granted_at) "
                "values (:a, :b, 'study', :key, 'reading', now())"
            ),
            {"a": A, "b": B, "key": key},
        )
    archive.shared[B] = frozenset({key})
    assert found(archive, "", user="b") == ["1.3", "2.1"]
    assert found(archive, "limit=1&offset=1", user="b") == ["2.1"]
    assert found(archive, "", user="a") == ["1.3", "1.2", "1.1", "1.4"]
    assert len(archive.get("/studies/1.3/series/1.3.1/metadata", user="b").json()) == 2


def test_a_study_named_but_not_shared_in_the_database_stays_hidden(service: Service) -> None:
    archive = filled(service)
    with transaction(archive.databases.system, frozenset()) as conn:
        key = conn.execute(
            sa.text("select id from studies where study_uid = '1.3'")
        ).scalar_one()
    archive.shared[B] = frozenset({key})
    assert found(archive, "", user="b") == []


def test_a_hospital_client_sees_its_site_only(service: Service) -> None:
    ours = as_file(image(1, "1.1", InstitutionName="Ours"))
    service.store(ours, as_file(image(1, "1.2")))
    assert found(service, "", user="client") == ["1.1"]
    assert service.get("/studies/1.2/metadata", user="client").status_code == 404


def test_searches_are_noted_once_and_views_by_study(archive: Service) -> None:
    archive.noted.clear()
    archive.get("/studies?PatientID=M1")
    assert archive.noted == [("search", None, A)]
    archive.get("/studies/1.1/metadata")
    assert [(kind, owner) for kind, _, owner in archive.noted[1:]] == [("view", A)]


def test_permission_is_asked(archive: Service) -> None:
    assert archive.get("/studies", user="nobody").status_code == 403
    assert archive.store(as_file(image()), user="nobody").status_code == 403


def test_a_name_that_sounds_alike_is_found_for_who_asks(service: Service) -> None:
    filled(service)
    people = {"1.1": ("Doe", "Jane"), "1.2": ("Doe", "John"), "1.3": ("Dörfler", "Änne")}
    with transaction(service.databases.system, frozenset()) as conn:
        for uid, (family, given) in people.items():
            said = Demographics(f"I{uid}", f"M{uid[-1]}", family, given)
            conn.execute(
                sa.text("update studies set patient_id = :id where study_uid = :uid"),
                {"id": patients.record(conn, A, said, NOW).id, "uid": uid},
            )
    fuzzy = "fuzzymatching=true&PatientName="
    assert found(service, fuzzy + quote("Dorpfler")) == ["1.3"]
    assert sorted(found(service, fuzzy + quote("Dow^Jon"))) == ["1.1", "1.2"]  # J500 both
    assert found(service, fuzzy + quote("Dow^Rob")) == []
    assert sorted(found(service, fuzzy + quote("jayne"))) == ["1.1", "1.2"]  # J500, either name
    assert found(service, fuzzy + quote("roe*")) == ["1.4"]  # as written: it has no patient yet
    assert found(service, fuzzy + quote("Dow^J?n")) == []  # with wildcards only as written
    assert found(service, "PatientName=" + quote("Dorpfler")) == []
    assert "warning" not in service.get("/studies?" + fuzzy + "Dow").headers
    assert found(service, fuzzy + quote("Dorpfler"), user="b") == []
    assert found(service, fuzzy + quote("Dorpfler") + "&StudyDate=20200101") == []
