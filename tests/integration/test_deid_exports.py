"""A de-identified export from asking to fetching: nothing leaves unseen, all of it is noted."""

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pydicom
import pytest
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.files.folder import BlobStore
from confrere.imaging import deid_exports, deid_making
from confrere.imaging.deid_model import READY, REVIEW, Export
from confrere.imaging.head import read_head
from confrere.imaging.model import Arrival
from confrere.imaging.service import file_instances
from confrere.kernel.errors import Refused
from confrere.kernel.ids import GroupId, StudyId
from confrere.kernel.principal import Role
from confrere.web import deid_page, deid_review
from tests.deid_corpus import GLYPH, ROOT, Corpus, Planted, as_stored
from tests.integration.lists_house import House, lists_house
from tests.integration.world import NOW

MASTER = b"m" * 32
FORM = {
    "project": "Knees", "purpose": "Teaching conference in spring", "dates": "modified",
    "options": ["pixels", "content"],
}  # fmt: skip


@pytest.fixture(scope="module")
def house(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    home = tmp_path_factory.mktemp("deid")
    routers = [deid_review.router, deid_page.router]
    with lists_house(postgres_socket, template, routers, home) as made:
        yield made


def blobs(house: House) -> BlobStore:
    return house.site.context.blobs


def filed(house: House, group: GroupId, number: int) -> tuple[StudyId, list[Planted]]:
    made = Corpus(number)
    objects = made.objects(made.person(), f"{ROOT}.{number}.1")
    arrivals = []
    for one in objects:
        content = as_stored(one)
        arrivals.append(
            Arrival(
                group, house.world.site if group == house.world.owner else None,
                read_head(content, one.syntax, complete=True), str(one.data.SOPClassUID),
                one.syntax, blobs(house).put(content), len(content), "CT1", NOW,
            )
        )  # fmt: skip
    with transaction(house.made.system, frozenset()) as conn:
        study = file_instances(conn, arrivals)[0].study_id
    assert study is not None
    return study, objects


def work(house: House, export: UUID) -> str:
    def opened() -> AbstractContextManager[Connection]:
        return transaction(house.made.system, frozenset())

    return deid_making.run(opened, blobs(house), MASTER, export, NOW)


def newest(house: House) -> Export:
    with transaction(house.made.system, frozenset()) as conn:
        return deid_exports.listed(conn, house.world.owner)[0]


def check_file(whole: bytes, objects: list[Planted]) -> None:
    """All but the document is there, without a trace of the patient."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files.pop("manifest.json"))
    directory = pydicom.dcmread(io.BytesIO(files.pop("DICOMDIR")))
    assert manifest["counts"]["files"] == len(objects) - 1 == len(files)
    listed = {
        "/".join(one.ReferencedFileID): str(one.ReferencedSOPInstanceUIDInFile)
        for one in directory.DirectoryRecordSequence
        if "ReferencedFileID" in one
    }
    for name, uid in listed.items():
        assert pydicom.dcmread(io.BytesIO(files[name])).SOPInstanceUID == uid
    assert set(files) - set(listed) == {one for one in files if one.startswith("OTHER/")}
    assert len(listed) >= len(files) - 1
    assert set(manifest["subjects"]) == {name.partition("/")[0] for name in listed}
    for content in files.values():
        data = pydicom.dcmread(io.BytesIO(content))
        if data.Modality == "OT":
            assert GLYPH not in data.pixel_array
            assert data.BurnedInAnnotation == "NO"
        for planted in objects:
            for mark in (*planted.marks, *(uid.encode() for uid in planted.uids)):
                assert mark not in content
    for name in files:
        assert not any(mark.decode() in name for mark in objects[0].marks)


def test_an_export_is_asked_allowed_reviewed_and_fetched(house: House) -> None:
    study, objects = filed(house, house.world.owner, 501)
    reader = house.signed_in(Role.RADIOLOGIST, reader=house.world.general)
    assert "checked" in reader.get(f"/deidentified?study={study}").text
    assert "Asked" in reader.post("/deidentified", data=FORM | {"studies": str(study)}).text
    one = newest(house)
    assert reader.post(f"/deidentified/{one.id}/allow").status_code == 403
    assert work(house, one.id) == "asked"  # not before it is allowed
    manager = house.signed_in(Role.GROUP_MANAGER)
    assert manager.get(f"/deidentified/{one.id}/file").status_code == 409
    assert "being made" in manager.post(f"/deidentified/{one.id}/allow").text
    assert work(house, one.id) == REVIEW
    assert newest(house).digest is None  # nothing is written while something waits

    with transaction(house.made.system, frozenset()) as conn:
        held = deid_exports.held_of(conn, one.id)
    kinds = {code: h for h in held for code in h.codes}
    # the CT has a banner with the name, which nothing but the picture itself tells
    assert kinds.keys() == {"burned in", "screen", "report", "document", "letters"}
    assert len(held) == 4
    screen, report = kinds["screen"], kinds["report"]
    page = manager.get(f"/deidentified/held/{report.id}").text
    assert "fracture of the distal radius" in page
    assert not any(mark.decode() in page for mark in objects[-1].marks)
    assert manager.get(f"/deidentified/held/{screen.id}/picture").content[1:4] == b"PNG"
    assert reader.get(f"/deidentified/held/{screen.id}").status_code == 403
    outside = {"boxes": "[[900, 0, 10, 10]]"}
    assert (
        manager.post(f"/deidentified/held/{screen.id}/release", data=outside).status_code == 422
    )
    boxes = {"boxes": "[[0, 0, 64, 10]]"}
    assert (
        "Released" in manager.post(f"/deidentified/held/{screen.id}/release", data=boxes).text
    )
    found = deid_review.suggested(blobs(house), kinds["letters"])
    assert any(y <= 2 and y + high >= 8 and wide > 50 for _, y, wide, high in found)
    manager.post(f"/deidentified/held/{kinds['letters'].id}/release", data=boxes)
    document = kinds["document"].id
    assert manager.post(f"/deidentified/held/{document}/release").status_code == 403
    assert "Left out" in manager.post(f"/deidentified/held/{document}/reject").text
    assert work(house, one.id) == REVIEW
    assert "Released" in manager.post(f"/deidentified/held/{report.id}/release").text
    assert manager.post(f"/deidentified/held/{report.id}/reject").status_code == 409
    assert work(house, one.id) == READY == work(house, one.id)

    answer = manager.get(f"/deidentified/{one.id}/file")
    check_file(answer.content, objects)
    acts = [event.detail.get("act") for event in house.trail("de-identified export")]
    assert [one for one in reversed(acts) if one] == ["allowed", "fetched"]
    seen = {event.action for event in house.trail("held object")}
    assert seen == {"R", "U"}

    with transaction(house.made.system, frozenset()) as conn:
        gone = deid_exports.lapse(conn, NOW + timedelta(days=15))
    assert len(gone) == 1
    assert manager.get(f"/deidentified/{one.id}/file").status_code == 409
    assert "lapsed" in manager.get(f"/deidentified/{one.id}").text


def test_another_groups_study_is_refused_and_its_exports_are_not_seen(house: House) -> None:
    theirs, _ = filed(house, house.world.partner, 502)
    manager = house.signed_in(Role.GROUP_MANAGER)
    asked = manager.post("/deidentified", data=FORM | {"studies": str(theirs)})
    assert asked.status_code == 404
    other = house.signed_in(Role.GROUP_MANAGER, house.world.partner)
    assert "Asked" in other.post("/deidentified", data=FORM | {"studies": str(theirs)}).text
    with transaction(house.made.system, frozenset()) as conn:
        (one,) = deid_exports.listed(conn, house.world.partner)
        with pytest.raises(Refused):
            deid_exports.ask(
                conn, house.world.owner, [theirs], "Knees", "Teaching in spring", one.options,
                "x", NOW,
            )  # fmt: skip
    for path in ("", "/file"):
        assert manager.get(f"/deidentified/{one.id}{path}").status_code == 404
    assert manager.post(f"/deidentified/{one.id}/allow").status_code == 404
    refused = other.post(f"/deidentified/{one.id}/refuse", data={"reason": "no consent"})
    assert "no consent" in refused.text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"project": ""}, "name the project"),
        ({"purpose": "short"}, "what the export is for"),
        ({"dates": "some"}, "options of the form"),
        ({"accessions": "NOSUCH1"}, "1 of the accession numbers"),
        ({"options": ["uids"]}, "options of the form"),
        ({}, "choose 1 to"),
    ],
)
def test_a_form_that_is_wrong_says_what_to_mend(
    house: House, change: dict[str, object], said: str
) -> None:
    manager = house.signed_in(Role.GROUP_MANAGER)
    answer = manager.post("/deidentified", data=FORM | change)
    assert answer.status_code == 422
    assert said in answer.text


def test_an_accession_number_finds_the_study(house: House) -> None:
    _, objects = filed(house, house.world.owner, 503)
    manager = house.signed_in(Role.GROUP_MANAGER)
    number = str(objects[0].data.AccessionNumber)
    assert "Asked" in manager.post("/deidentified", data=FORM | {"accessions": number}).text
    assert Path(blobs(house).root).is_dir()
