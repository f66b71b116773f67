"""Images from outside: read apart, shown with what is wrong, taken in for a local patient."""

import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import date
from io import BytesIO
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pydicom.data import get_testdata_file
from sqlalchemy import Connection

from confrere.audit.service import EventQuery, events
from confrere.database.engine import transaction
from confrere.files.folder import BlobStore
from confrere.imaging import importing
from confrere.imaging import service as imaging
from confrere.imaging.corrections import By
from confrere.imaging.outside import BAD, SKIPPED, STAGED
from confrere.kernel.principal import Role
from confrere.patients import service as patients
from confrere.patients.model import Demographics, Patient
from confrere.web import images_page, imports_page
from confrere.wiring import exams
from confrere.worklist import service as worklist
from tests.dicomweb import as_file, image
from tests.integration.lists_house import HTMX, House, lists_house
from tests.integration.world import NOW

MEDIUM = Path(str(get_testdata_file("DICOMDIR"))).parent


@pytest.fixture(scope="module")
def house(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    home = tmp_path_factory.mktemp("imports")
    routers = [imports_page.router, images_page.router]
    with lists_house(postgres_socket, template, routers, home) as made:
        yield made


def blobs_of(house: House) -> BlobStore:
    return BlobStore(house.site.context.settings.blobs)


def opened(house: House) -> AbstractContextManager[Connection]:
    return transaction(house.made.system, frozenset())


def cd(study: str, count: int = 2) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for number in range(1, count + 1):
            one = image(
                StudyInstanceUID=study, SeriesInstanceUID=f"{study}.1"[:64],
                SOPInstanceUID=f"2.25.{uuid4().int}", PatientID="OUT-7",
                IssuerOfPatientID="MERCY", PatientName="Roe^Rita", PatientSex="F",
                PatientBirthDate="19700102", InstanceNumber=str(number),
            )  # fmt: skip
            made.writestr(f"IMAGES/IM{number}", as_file(one))
        made.writestr("IMAGES/CUT", as_file(image())[:-300])
        made.writestr("AUTORUN.INF", b"[autorun]")
        made.writestr("../../etc/passwd", b"not a path of ours")
    return out.getvalue()


def local(house: House) -> Patient:
    said = Demographics("LMH-MRN", f"L{uuid4().hex[:8]}", "Roe", "Rita", date(1970, 1, 2), "F")
    with opened(house) as conn:
        return patients.record(conn, house.world.owner, said, NOW)


def test_a_cd_is_uploaded_read_given_to_a_local_patient_and_is_a_prior(house: House) -> None:
    study, patient = f"2.25.{uuid4().int}", local(house)
    browser = house.signed_in(Role.GROUP_MANAGER)
    assert "Bring images" in browser.get("/imports").text
    form = {"site": str(house.world.site), "label": "CD of Mercy"}
    sent = {"file": ("cd.zip", cd(study), "application/zip")}
    answer = browser.post("/imports/upload", data=form, files=sent)
    assert answer.status_code == 303, answer.text
    path = answer.headers["location"]
    assert "files read so far" in browser.get(path).text
    key = UUID(path.rpartition("/")[2])
    importing.read_zip(lambda: opened(house), blobs_of(house), key)
    with opened(house) as conn:
        states = {one.path: one.state for one in importing.files_of(conn, key)}
    assert states == {
        "IMAGES/IM1": STAGED, "IMAGES/IM2": STAGED, "IMAGES/CUT": BAD, "AUTORUN.INF": SKIPPED,
        "../../etc/passwd": SKIPPED,
    }  # fmt: skip
    shown = browser.get(path).text
    assert "Roe, Rita" in shown
    assert "not a DICOM file" in shown
    likely = browser.post(f"{path}/targets", data={"study": study}, headers=HTMX).text
    assert f"patient:{patient.id}" in likely, "suggested by name and birth date"
    chosen = {"study": study, "to": f"patient:{patient.id}", "checked": "yes"}
    assert "Being taken in" in browser.post(f"{path}/take", data=chosen, headers=HTMX).text
    with opened(house) as conn:
        found = importing.get(conn, key)
        filed = importing.file_study(
            conn, blobs_of(house), found, study, patient, None, By("Pat Quill"), NOW
        )
        assert filed
        exams.study_changed(conn, filed, NOW, new_images=True)
        made = imaging.study(conn, filed)
        assert worklist.of_exam(conn, house.world.owner, filed, []) == []
    assert (made.mrn, made.issuer, made.outside, made.instance_count) == (
        patient.demographics.mrn, "LMH-MRN", True, 2,
    )  # fmt: skip
    assert "taken in" in browser.get(path).text
    assert "given to another patient" in browser.get(f"/images/{filed}").text


def test_a_run_that_broke_off_goes_on_and_reads_no_file_twice(house: House) -> None:
    study = f"2.25.{uuid4().int}"
    blobs, by = blobs_of(house), By("Pat Quill")
    with opened(house) as conn:
        made = importing.begin(
            conn, house.world.owner, house.world.site, "broken off", by, NOW,
            blobs.put(cd(study, 4)),
        )  # fmt: skip
    opens = 0

    def fails_later() -> AbstractContextManager[Connection]:
        nonlocal opens
        opens += 1
        if opens == 4:
            raise ConnectionError("the line broke")
        return opened(house)

    with pytest.raises(ConnectionError):
        importing.read_zip(fails_later, blobs, made.id)
    with opened(house) as conn:
        assert len(importing.files_of(conn, made.id)) == 2
    importing.read_zip(lambda: opened(house), blobs, made.id)
    with opened(house) as conn:
        files = importing.files_of(conn, made.id)
    assert len(files) == 7
    assert len({one.path for one in files}) == 7


def test_a_medium_with_a_dicomdir_is_read_from_its_folder(house: House, tmp_path: Path) -> None:
    for one in MEDIUM.rglob("*"):
        if one.is_file() and ("98892003" in one.parts or one.name == "DICOMDIR"):
            target = tmp_path / one.relative_to(MEDIUM)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(one.read_bytes())
    with opened(house) as conn:
        made = importing.begin(
            conn, house.world.owner, house.world.site, "folder", By("Pat Quill"), NOW
        )
    told: list[str] = []
    importing.read_folder(lambda: opened(house), blobs_of(house), made, tmp_path, told.append)
    with opened(house) as conn:
        files = importing.files_of(conn, made.id)
        assert importing.get(conn, made.id).state == "ready"
    good = [one for one in files if one.state == STAGED]
    missing = [one for one in files if "DICOMDIR names it" in one.reason]
    bad = [one for one in files if one.state == BAD and one not in missing]
    assert (len(good), bad) == (17, [])
    assert len(told) == len(files) - len(missing)
    assert missing, "the DICOMDIR names patients that were not copied"


def test_what_is_no_zip_says_so(house: House) -> None:
    blobs = blobs_of(house)
    with opened(house) as conn:
        made = importing.begin(
            conn, house.world.owner, house.world.site, "no zip", By("Pat Quill"), NOW,
            blobs.put(b"hello"),
        )  # fmt: skip
    importing.read_zip(lambda: opened(house), blobs, made.id)
    browser = house.signed_in(Role.GROUP_MANAGER)
    assert "this is no ZIP file" in browser.get(f"/imports/{made.id}").text


def test_a_study_that_is_here_as_anothers_is_left_out(house: House) -> None:
    study, first, second = f"2.25.{uuid4().int}", local(house), local(house)
    blobs, by = blobs_of(house), By("Pat Quill")
    for patient in (first, second):
        with opened(house) as conn:
            made = importing.begin(
                conn, house.world.owner, house.world.site, "twice", by, NOW,
                blobs.put(cd(study)),
            )  # fmt: skip
        importing.read_zip(lambda: opened(house), blobs, made.id)
        with opened(house) as conn:
            filed = importing.file_study(
                conn, blobs, importing.get(conn, made.id), study, patient, None, by, NOW
            )
        assert (filed is not None) == (patient is first)
    browser = house.signed_in(Role.GROUP_MANAGER)
    assert "as another patient" in browser.get(f"/imports/{made.id}").text


def test_another_group_sees_no_import(house: House) -> None:
    with opened(house) as conn:
        made = importing.begin(
            conn, house.world.owner, house.world.site, "ours", By("Pat Quill"), NOW
        )
    stranger = house.signed_in(Role.GROUP_MANAGER, house.world.partner)
    assert stranger.get(f"/imports/{made.id}").status_code == 404
    with opened(house) as conn:
        query = EventQuery(owner_group=house.world.owner, kind="import")
        assert all(link.event.object_id != made.id for link in events(conn, query))
