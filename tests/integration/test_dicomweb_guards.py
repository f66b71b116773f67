"""WADO-RS: whole studies, and what must not get out or mix."""

from io import BytesIO

import pydicom
import pytest

from tests.dicomweb import Service, as_file, image, parts_of

WHOLE = 'multipart/related; type="application/dicom"; transfer-syntax=*'


def test_a_whole_study_comes_in_parts(service: Service) -> None:
    sent = [as_file(image(n)) for n in range(1, 6)]
    service.store(*sent)
    for url in ("/studies/1.2.3", "/studies/1.2.3/series/1.2.3.1"):
        back = [content for _, content in parts_of(service.get(url, accept=WHOLE))]
        numbers = [pydicom.dcmread(BytesIO(one)).InstanceNumber for one in back]
        assert numbers == [1, 2, 3, 4, 5]
    assert service.get("/studies/1.2.3", accept="application/dicom").status_code == 406
    assert service.get("/studies/1.2.3", accept="text/html").status_code == 406


def test_a_preamble_that_is_another_files_head_does_not_come_back(service: Service) -> None:
    hostile = b"MZ" + b"x" * 126 + as_file(image())[128:]
    assert service.store(hostile).status_code == 200
    url = "/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.1"
    answer = service.get(url, accept="application/dicom")
    assert answer.content[:132] == bytes(128) + b"DICM"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == "attachment"


def test_two_groups_with_one_uid_never_mix(service: Service) -> None:
    service.store(as_file(image(1, PatientName="Of^A")), as_file(image(2)), user="a")
    service.store(as_file(image(1, PatientName="Of^B")), user="b")
    for user, count in (("a", 2), ("b", 1)):
        rows = service.get("/studies/1.2.3/metadata", user=user).json()
        assert len(rows) == count
        name = rows[0]["00100010"]["Value"][0]["Alphabetic"]
        assert name == f"Of^{user.upper()}"
    assert (
        service.get("/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.2", user="b").status_code
        == 404
    )


@pytest.mark.parametrize(
    "url",
    [
        "/studies/1%00/metadata",
        "/studies/..%2f..%2fx/metadata",
        "/studies/1.2.3/series/%00/metadata",
        "/studies/1.2.3/series/1.2.3.1/instances/%27/frames/1",
        "/studies/" + "1" * 65,
    ],
)
def test_hostile_uids_are_not_found(service: Service, url: str) -> None:
    service.store(as_file(image()))
    assert service.get(url).status_code in {400, 404}


def test_a_lost_file_is_an_error_and_not_half_an_answer(service: Service) -> None:
    service.store(as_file(image(1)))
    for blob in (service.blobs.root / "blobs").rglob("*"):
        if blob.is_file():
            blob.unlink()
    url = "/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.1"
    for place in (url, "/studies/1.2.3", f"{url}/frames/1", f"{url}/rendered"):
        assert service.get(place).status_code == 404, place
