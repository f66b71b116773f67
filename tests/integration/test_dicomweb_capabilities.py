"""The capabilities resource says what the routes do, and nothing else."""

from xml.etree import ElementTree as ET

import pytest

from confrere.dicomweb.accept import FRAME_TYPES, PICTURES
from tests.dicomweb import Service, as_file, image

W = "{http://wadl.dev.java.net/2009/02}"
IDS = {
    "{study}": "1.2.3", "{series}": "1.2.3.1", "{sop}": "1.2.3.1.1", "{numbers}": "1",
    "{path}": "7FE00010",
}  # fmt: skip


def methods(place: ET.Element, path: str = "") -> dict[tuple[str, str], ET.Element]:
    found = {}
    for method in place.findall(f"{W}method"):
        found[path, method.attrib["name"]] = method
    for inner in place.findall(f"{W}resource"):
        found |= methods(inner, f"{path}/{inner.attrib['path']}")
    return found


def described(service: Service) -> dict[tuple[str, str], ET.Element]:
    answer = service.client.options("/dicom-web/", headers={"x-user": "a"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/vnd.sun.wadl+xml")
    root = ET.fromstring(answer.content)  # noqa: S314 -- our own
    (top,) = root
    assert top.attrib["base"] == "http://testserver/dicom-web"
    return methods(top)


def types(method: ET.Element) -> list[str]:
    return [one.attrib["mediaType"] for one in method.findall(f"{W}response/{W}representation")]


def test_every_claim_is_true_of_an_address_that_is_served(service: Service) -> None:
    assert service.store(as_file(image(1))).status_code == 200
    for (path, name), method in described(service).items():
        if name != "GET":
            continue
        url = path
        for template, value in IDS.items():
            url = url.replace(template, value)
        for media in types(method):
            if any(one in media for one in FRAME_TYPES) and not path.endswith(
                ("rendered", "thumbnail")
            ):
                continue  # these frames are not stored so
            answer = service.get(url, accept=media)
            assert answer.status_code == 200, (path, media, answer.text)
            assert answer.headers["content-type"].split(";")[0] == media.split(";")[0]


def test_the_tree_names_what_annex_h_names(service: Service) -> None:
    known = described(service)
    series = "/studies/{study}/series/{series}"
    for path in ("/studies", "/series", "/instances", "/studies/{study}", series):
        assert (path, "GET") in known, path
    assert ("/studies", "POST") in known
    assert types(known[f"{series}/instances/{{sop}}/rendered", "GET"]) == list(PICTURES)
    keys = {one.attrib["name"] for one in known["/studies", "GET"].iter(f"{W}param")}
    assert {"PatientID", "AccessionNumber", "StudyDate", "limit"} <= keys
    assert "SOPClassUID" not in keys


@pytest.mark.parametrize(("accept", "status"), [("text/csv", 406), ("*/*", 200)])
def test_capabilities_come_as_wadl_only(service: Service, accept: str, status: int) -> None:
    assert service.get("/", accept=accept).status_code == status
    assert service.get("/", user="nobody").status_code == 403
