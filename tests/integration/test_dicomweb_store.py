"""STOW-RS: what is filed, what is refused and why, what is kept aside."""

import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from confrere.database.engine import transaction
from confrere.dicomweb import receiving, stow
from confrere.imaging import asides
from confrere.imaging import service as imaging
from confrere.imaging.model import Aside
from confrere.imaging.part10 import part10_prefix
from confrere.kernel.errors import Conflict, Invalid
from tests.database import clone, count, drop
from tests.dicomweb import CT, NOW, SITE, A, Service, as_file, image, serve

URL = "/dicom-web/studies"
HEADERS = {
    "x-user": "a",
    "content-type": "multipart/related; type=application/dicom; boundary=XX",
}
ROWS = b"\x28\x00\x10\x00US\x02\x00\x04\x00"
ROWS_AS_UL = b"\x28\x00\x10\x00UL\x04\x00\x04\x00\x00\x00"
DEFLATED = "1.2.840.10008.1.2.1.99"


def reasons(answer: Any, tag: str = "00081198") -> list[int]:
    return [item["00081197"]["Value"][0] for item in answer.json()[tag]["Value"]]


def instances(service: Service) -> int:
    with transaction(service.databases.system, frozenset()) as conn:
        return count(conn, "instances")


def kept(service: Service) -> list[tuple[str, str, str]]:
    with transaction(service.databases.app, frozenset({A})) as conn:
        return [(one.kind, one.field, one.door) for one in asides.listed(conn, frozenset({A}))]


@pytest.fixture(scope="module")
def closed(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Serve tests that file nothing."""
    made = clone(postgres_socket, template)
    with serve(made, tmp_path_factory.mktemp("closed")) as service:
        yield service
    drop(made)


def test_the_answer_names_what_was_stored(service: Service) -> None:
    answer = service.store(as_file(image(1)), as_file(image(2)))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/dicom+json"
    body = answer.json()
    study = "http://testserver/dicom-web/studies/1.2.3"
    assert body["00081190"]["Value"] == [study]
    stored = body["00081199"]["Value"]
    assert [item["00081155"]["Value"] for item in stored] == [["1.2.3.1.1"], ["1.2.3.1.2"]]
    assert stored[0]["00081150"]["Value"] == [CT]
    assert stored[0]["00081190"]["Value"] == [f"{study}/series/1.2.3.1/instances/1.2.3.1.1"]
    assert "00081198" not in body
    assert [kind for kind, _, _ in service.noted] == ["store"]


def test_the_same_again_is_a_success_and_other_bytes_are_a_conflict(service: Service) -> None:
    service.store(as_file(image(1)))
    assert service.store(as_file(image(1))).status_code == 200
    other = service.store(as_file(image(1, PatientName="Other^One")), as_file(image(2)))
    assert (other.status_code, reasons(other)) == (202, [273])
    assert kept(service) == [("conflict", "SOPInstanceUID", "dicomweb")]
    assert instances(service) == 2
    row = service.get("/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.1/metadata").json()[0]
    assert row["00100010"]["Value"][0]["Alphabetic"] == "Doe^Jane"


def test_one_uid_with_other_bytes_by_sixteen_writers_is_filed_once(service: Service) -> None:
    def send(number: int) -> int:
        return int(service.store(as_file(image(1, StudyDescription=f"n{number}"))).status_code)

    with ThreadPoolExecutor(16) as pool:
        codes = sorted(pool.map(send, range(16)))
    assert codes == [200] + [409] * 15
    assert instances(service) == 1
    assert len(kept(service)) == 15


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (as_file(image())[:-7], 0xC000),
        (as_file(image())[:400], 0xC000),
        (b"no DICOM at all" * 100, 0xC000),
        (b"", 0xC000),
        (as_file(image())[:200], 0xC000),
        (as_file(image(StudyInstanceUID="1.2/../../x")), 0xC000),
        (as_file(image()).replace(ROWS, ROWS_AS_UL), 0xC000),
    ],
)
def test_what_is_not_whole_is_refused_and_nothing_is_listed(
    closed: Service, broken: bytes, reason: int
) -> None:
    answer = closed.store(broken)
    assert answer.status_code == 409
    body = answer.json()
    tag = "00081198" if "00081198" in body else "0008119A"
    assert reasons(answer, tag) == [reason]
    assert instances(closed) == 0
    assert not list((closed.blobs.root / "incoming").iterdir())


def test_a_truncated_data_set_is_kept_aside_and_a_replay_still_says_why(
    service: Service,
) -> None:
    service.store(as_file(image())[:-7])
    assert kept(service) == [("invalid", "(7FE0,0010)", "dicomweb")]
    with transaction(service.databases.app, frozenset({A})) as conn:
        (aside,) = asides.listed(conn, frozenset({A}))
        assert aside.id
        with pytest.raises(Invalid, match="cut short"):
            asides.replay(conn, service.blobs, aside.id, "it@a", NOW)


def test_a_replay_files_what_is_right_by_now(service: Service) -> None:
    data = as_file(image())
    bytes_kept = data[data.index(b"\x08\x00\x05\x00") :]
    aside = Aside(
        A,
        "mismatch",
        "the peer was not registered",
        service.blobs.put(bytes_kept),
        len(bytes_kept),
        NOW,
        transfer_syntax="1.2.840.10008.1.2.1",
        detail={"site_id": str(SITE), "issuer": "GEN"},
    )
    with transaction(service.databases.app, frozenset({A})) as conn:
        asides.keep(conn, aside)
        (kept_one,) = asides.listed(conn, frozenset({A}))
        assert kept_one.id
        filed = asides.replay(conn, service.blobs, kept_one.id, "it@a", NOW)
        assert filed.study_id
        study = imaging.study(conn, filed.study_id)
        assert (study.site_id, study.issuer) == (SITE, "GEN")
        assert asides.listed(conn, frozenset({A})) == []
        with pytest.raises(Conflict):
            asides.replay(conn, service.blobs, kept_one.id, "it@a", NOW)


def test_meta_and_data_set_must_agree(service: Service) -> None:
    data = as_file(image())
    start = data.index(b"\x08\x00\x05\x00")
    wrong = part10_prefix(CT, "1.2.3.9", "1.2.840.10008.1.2.1", "") + data[start:]
    assert reasons(service.store(wrong)) == [0xA900]
    elsewhere = service.store(data, study="/9.9.9")
    assert (elsewhere.status_code, reasons(elsewhere)) == (409, [0xA900])
    assert service.store(data, study="/1.2.3").status_code == 200


def test_a_place_that_is_not_ones_own_is_refused(closed: Service) -> None:
    answer = closed.store(as_file(image(InstitutionName="Elsewhere")))
    assert (answer.status_code, reasons(answer)) == (409, [0x0124])


def test_a_deflate_bomb_is_refused_and_leaves_the_others_alone(service: Service) -> None:
    pack = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    body = as_file(image())
    data = body[body.index(b"\x08\x00\x05\x00") :]
    bomb = pack.compress(data) + b"".join(pack.compress(bytes(1 << 20)) for _ in range(100))
    bomb += pack.flush()
    hostile = part10_prefix(CT, "1.2.3.1.1", DEFLATED, "") + bomb
    answer = service.store(hostile, as_file(image(2)))
    assert (answer.status_code, reasons(answer)) == (202, [0xC000])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"--XX--\r\n", "body"),
        (b"x" * 20000, "body"),
        (b"--XX\r\nA: b\r\n\r\nno end", "body"),
        (b"--XX\r\n" + b"A: b\r\n" * 4000 + b"\r\nx\r\n--XX--", "body"),
        (b"--XX\r\nA: b\r\n\r\nx\r\n--XXY\r\n\r\n", "body"),
    ],
)
def test_a_broken_body_is_refused_whole(closed: Service, body: bytes, field: str) -> None:
    answer = closed.client.post("/dicom-web/studies", content=body, headers=HEADERS)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/dicom", 415),
        ("multipart/related; type=application/dicom+json; boundary=XX", 415),
        ("multipart/related; type=application/dicom", 400),
        ('multipart/related; type=application/dicom; boundary="' + "x" * 71 + '"', 400),
        ("", 415),
    ],
)
def test_the_media_type_is_checked(closed: Service, kind: str, status: int) -> None:
    headers = {"x-user": "a", "content-type": kind}
    answer = closed.client.post("/dicom-web/studies", content=b"", headers=headers)
    assert answer.status_code == status


def test_an_upload_that_breaks_off_files_nothing(closed: Service) -> None:
    whole = as_file(image())

    def sending() -> Iterator[bytes]:
        yield b"--XX\r\nContent-Type: application/dicom\r\n\r\n" + whole
        yield b"\r\n--XX\r\n\r\n" + whole[:300]

    answer = closed.client.post("/dicom-web/studies", content=sending(), headers=HEADERS)
    assert answer.status_code == 400
    assert instances(closed) == 0
    assert not list((closed.blobs.root / "incoming").iterdir())


def test_wrong_parts_do_not_stop_the_right_ones(service: Service) -> None:
    body = (
        b"--XX\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
        b"--XX\r\nContent-Type: application/dicom\r\n\r\n" + as_file(image()) + b"\r\n--XX--"
    )
    answer = service.client.post("/dicom-web/studies", content=body, headers=HEADERS)
    assert answer.status_code == 202
    assert reasons(answer, "0008119A") == [0xC000]
    assert instances(service) == 1
    assert answer.headers["warning"] == '299 confrere: "parts must be application/dicom"'


def test_more_than_is_taken_at_once_is_too_large(
    closed: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = b"--XX\r\n\r\n\r\n" * 10_001 + b"--XX--"
    assert closed.client.post(URL, content=many, headers=HEADERS).status_code == 413
    monkeypatch.setattr(stow, "LARGEST_BODY", 300)
    told = closed.store(as_file(image()))
    assert (told.status_code, told.json()["field"]) == (413, "Content-Length")
    untold = closed.client.post(
        URL, content=iter([b"--XX\r\n"] + [bytes(99)] * 9), headers=HEADERS
    )
    assert untold.status_code == 413
    assert not list((closed.blobs.root / "incoming").iterdir())
    assert instances(closed) == 0


def test_an_object_that_is_too_large_is_out_of_resources(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "LARGEST_PART", 500)
    large = image(2, PixelData=bytes(100_000), Rows=250, Columns=200)
    answer = service.store(as_file(image(1)), as_file(large))
    assert (answer.status_code, reasons(answer)) == (202, [0xA700])
    assert "at most 4 GiB" in answer.headers["warning"]


@pytest.mark.parametrize("kind", ["application/dicom+json", "application/dicom+xml"])
def test_metadata_with_bulk_data_apart_is_refused_with_what_to_send(
    closed: Service, kind: str
) -> None:
    headers = HEADERS | {"content-type": f'multipart/related; type="{kind}"; boundary=XX'}
    answer = closed.client.post(URL, content=b"--XX--", headers=headers)
    assert answer.status_code == 415
    assert "metadata with bulk data apart is not taken" in answer.json()["message"]
    assert 'type="application/dicom"' in answer.json()["message"]


def test_an_answer_in_xml_is_not_acceptable(closed: Service) -> None:
    headers = HEADERS | {"accept": "application/dicom+xml"}
    assert closed.client.post(URL, content=b"--XX--", headers=headers).status_code == 406


@pytest.mark.parametrize(
    "sop_class", ["1.2.840.10008.1.3.10", "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.31"]
)
def test_what_is_no_class_of_objects_is_not_supported(closed: Service, sop_class: str) -> None:
    answer = closed.store(as_file(image(SOPClassUID=sop_class)))
    assert (answer.status_code, reasons(answer)) == (409, [290])


def test_a_private_transfer_syntax_is_not_supported(closed: Service) -> None:
    data = as_file(image())
    start = data.index(b"\x08\x00\x05\x00")
    private = part10_prefix(CT, "1.2.3.1.1", "1.2.840.113619.5.2", "") + data[start:]
    answer = closed.store(private)
    assert (answer.status_code, reasons(answer)) == (409, [0xC122])


def test_the_right_parts_of_any_pieces_are_stored(service: Service) -> None:
    """Cut anywhere, with a boundary's beginning inside an object: the same is filed."""
    tricky = image(1, PixelData=b"\r\n--X\r\n--XY\r\n-" + bytes(17))
    whole = (
        b"a preamble\r\n--XX \t\r\nCONTENT-TYPE: application/dicom\r\n\r\n"
        + as_file(tricky) + b"\r\n--XX--\r\nan epilogue"
    )  # fmt: skip
    for size in (1, 7, 1021):
        pieces = (whole[at : at + size] for at in range(0, len(whole), size))
        answer = service.client.post(URL, content=pieces, headers=HEADERS)
        assert answer.status_code == 200, size
    assert instances(service) == 1
