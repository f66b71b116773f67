"""Images given to another patient, order or study: said so on every way out, bytes untouched."""

import hashlib
import json
from collections.abc import Iterator
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pydicom
import pytest
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.imaging import correcting, finding, recoding, rejecting, undoing
from confrere.imaging import service as imaging
from confrere.imaging.corrections import QUALITY, SAFETY, By, series_uid_in
from confrere.imaging.model import Study
from confrere.kernel.errors import Conflict, Invalid
from confrere.kernel.ids import StudyId
from confrere.orders import service as orders
from confrere.orders.model import Order, OrderContent
from confrere.patients import service as patients
from confrere.patients.model import Demographics, Patient
from tests.database import Databases
from tests.dicomweb import EXPLICIT, NOW, SITE, A, Service, as_file, image, parts_of, serve

BY = By("Olga Owner")
WHOLE = 'multipart/related; type="application/dicom"; transfer-syntax=*'
WHY = "the technologist picked the wrong line"


@pytest.fixture
def service(fresh: Databases, tmp_path: Path) -> Iterator[Service]:
    with serve(fresh, tmp_path) as made:
        yield made


def put(service: Service, study: str, series: str, number: int, **more: Any) -> str:
    """Store one image; return its UID."""
    uid = f"{series}.{number}"
    made = image(
        StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID=uid,
        InstanceNumber=str(number), PatientName="Wrong^Wanda", PatientID="W1",
        IssuerOfPatientID="LMH", PatientBirthDate="19500101", PatientSex="F",
        AccessionNumber="ACC1", OtherPatientIDs="W1-OLD", PatientWeight="70",
        InstitutionName="Ours", **more,
    )  # fmt: skip
    answer = service.store(as_file(made))
    assert answer.status_code == 200, answer.text
    return uid


def someone(conn: Connection, family: str = "Right") -> Patient:
    said = Demographics("LMH", f"M-{family}", family, "Rita Q", date(1962, 4, 12), "F")
    return patients.record(conn, A, said, NOW)


def ordered(conn: Connection, patient: Patient, accession: str) -> Order:
    return orders.place(conn, A, SITE, patient.id, OrderContent(accession), NOW)


def by_uid(service: Service, uid: str) -> Study:
    import sqlalchemy as sa  # noqa: PLC0415

    with transaction(service.databases.app, frozenset({A})) as conn:
        key = conn.execute(
            sa.text("select id from studies where study_uid = :uid"), {"uid": uid}
        ).scalar_one()
        return imaging.study(conn, StudyId(key))


def sent(service: Service, url: str) -> list[pydicom.Dataset]:
    answer = service.get(url, accept=WHOLE)
    assert answer.status_code == 200, answer.text
    return [pydicom.dcmread(BytesIO(content)) for _, content in parts_of(answer)]


def digests(service: Service) -> dict[Path, str]:
    files = [one for one in service.blobs.root.rglob("*") if one.is_file()]
    return {one: hashlib.sha256(one.read_bytes()).hexdigest() for one in files}


def test_a_study_of_the_wrong_patient_goes_out_under_the_right_one(service: Service) -> None:
    put(service, "1.2.1", "1.2.1.1", 1)
    before = digests(service)
    study = by_uid(service, "1.2.1")
    with transaction(service.databases.app, frozenset({A})) as conn:
        right = someone(conn)
        order = ordered(conn, right, "ACC9")
        correcting.reassign(conn, study.id, right, order, WHY, BY, NOW)
    (data,) = sent(service, "/studies/1.2.1")
    assert (data.PatientName, data.PatientID, data.AccessionNumber) == (
        "Right^Rita^Q", "M-Right", "ACC9",
    )  # fmt: skip
    assert "OtherPatientIDs" not in data, "it names the wrong patient"
    assert data.PatientWeight == 70, "measured at the exam"
    (item,) = data.OriginalAttributesSequence
    (old,) = item.ModifiedAttributesSequence
    assert (old.PatientName, old.PatientID, old.OtherPatientIDs) == (
        "Wrong^Wanda", "W1", "W1-OLD",
    )  # fmt: skip
    assert item.ReasonForTheAttributeModification == "CORRECT"
    answer = json.loads(service.get("/studies/1.2.1/metadata").content)[0]
    assert answer["00100020"]["Value"] == ["M-Right"]
    assert "04000561" in answer
    (row,) = service.get("/studies?PatientID=M-Right").json()
    assert row["00080050"]["Value"] == ["ACC9"]
    assert service.get("/studies?PatientID=W1").json() == []
    assert digests(service) == before, "the stored bytes stay as they came"


def test_what_comes_later_is_corrected_too_and_undo_says_again_what_came(
    service: Service,
) -> None:
    put(service, "1.2.1", "1.2.1.1", 1)
    study = by_uid(service, "1.2.1")
    with transaction(service.databases.app, frozenset({A})) as conn:
        right = someone(conn)
        done = correcting.reassign(conn, study.id, right, None, WHY, BY, NOW)
    put(service, "1.2.1", "1.2.1.1", 2)
    assert {str(one.PatientID) for one in sent(service, "/studies/1.2.1")} == {"M-Right"}
    whole = json.loads(service.get("/studies/1.2.1/metadata").content)
    assert [one["00100020"]["Value"] for one in whole] == [["M-Right"]] * 2
    with transaction(service.databases.app, frozenset({A})) as conn:
        undoing.undo(conn, done.id, "it was right before", BY, NOW + timedelta(minutes=1))
    out = sent(service, "/studies/1.2.1")
    assert [(one.PatientID, one.AccessionNumber) for one in out] == [("W1", "ACC1")] * 2
    assert all("OriginalAttributesSequence" not in one for one in out)
    answer = json.loads(service.get("/studies/1.2.1/metadata").content)
    assert answer[0]["00100020"]["Value"] == ["W1"]
    with (
        pytest.raises(Conflict, match="already"),
        transaction(service.databases.app, frozenset({A})) as conn,
    ):
        undoing.undo(conn, done.id, "once more now", BY, NOW)


def test_images_move_into_another_study_and_back(service: Service) -> None:
    first = put(service, "1.2.1", "1.2.1.1", 1)
    put(service, "1.2.1", "1.2.1.1", 2)
    put(service, "1.2.2", "1.2.2.1", 1, StudyDescription="Chest")
    source, target = by_uid(service, "1.2.1"), by_uid(service, "1.2.2")
    with transaction(service.databases.app, frozenset({A})) as conn:
        chosen = [o.id for o in correcting.images_of(conn, source.id) if o.sop_uid == first]
        done = correcting.move(conn, source.id, chosen, target.id, WHY, BY, NOW)
    assert [o.SOPInstanceUID for o in sent(service, "/studies/1.2.1")] == ["1.2.1.1.2"]
    moved = {o.SOPInstanceUID: o for o in sent(service, "/studies/1.2.2")}[first]
    assert moved.StudyInstanceUID == "1.2.2"
    assert moved.SeriesInstanceUID == series_uid_in("1.2.1.1", "1.2.2")
    assert moved.StudyDescription == "Chest"
    (row,) = service.get("/studies?StudyInstanceUID=1.2.2").json()
    assert row["00201208"]["Value"] == [2]
    url = f"/studies/1.2.2/series/{moved.SeriesInstanceUID}/instances/{first}/metadata"
    assert service.get(url).json()[0]["0020000D"]["Value"] == ["1.2.2"]
    assert put(service, "1.2.1", "1.2.1.1", 1) == first, "sent again: the same bytes"
    assert len(sent(service, "/studies/1.2.2")) == 2
    with transaction(service.databases.app, frozenset({A})) as conn:
        undoing.undo(conn, done.id, "it was right before", BY, NOW + timedelta(minutes=1))
    back = {o.SOPInstanceUID: o for o in sent(service, "/studies/1.2.1")}[first]
    assert "OriginalAttributesSequence" not in back
    assert len(sent(service, "/studies/1.2.2")) == 1


def test_a_merge_empties_a_study_and_a_correction_after_it_says_the_new_patient(
    service: Service,
) -> None:
    put(service, "1.2.1", "1.2.1.1", 1)
    put(service, "1.2.2", "1.2.2.1", 1)
    source, target = by_uid(service, "1.2.1"), by_uid(service, "1.2.2")
    later = NOW + timedelta(minutes=1)
    with transaction(service.databases.app, frozenset({A})) as conn:
        images = [o.id for o in correcting.images_of(conn, source.id)]
        merged = correcting.move(conn, source.id, images, target.id, WHY, BY, NOW)
        correcting.reassign(conn, target.id, someone(conn), None, WHY, BY, later)
    assert service.get("/studies?StudyInstanceUID=1.2.1").json() == []
    assert service.get("/studies/1.2.1").status_code == 404
    assert {o.PatientID for o in sent(service, "/studies/1.2.2")} == {"M-Right"}
    with (
        pytest.raises(Conflict, match="later"),
        transaction(service.databases.app, frozenset({A})) as conn,
    ):
        undoing.undo(conn, merged.id, "it was right before", BY, later)


def test_a_split_makes_a_study_for_the_second_order(service: Service) -> None:
    put(service, "1.2.1", "1.2.1.1", 1)
    put(service, "1.2.1", "1.2.1.2", 1)
    study = by_uid(service, "1.2.1")
    with transaction(service.databases.app, frozenset({A})) as conn:
        right = someone(conn)
        order = ordered(conn, right, "ACC2")
        images = correcting.images_of(conn, study.id)
        every = [o.id for o in images]
        with pytest.raises(Invalid, match="whole study"):
            correcting.split(conn, study.id, every, right, order, WHY, BY, NOW)
        some = [o.id for o in images if o.series_uid == "1.2.1.2"]
        done = correcting.split(conn, study.id, some, right, order, WHY, BY, NOW)
        made = imaging.study(conn, done.to_study)
        assert imaging.orders_of(conn, made.id) == [order.id]
    (out,) = sent(service, f"/studies/{made.study_uid}")
    assert (out.AccessionNumber, out.PatientID) == ("ACC2", "M-Right")
    with transaction(service.databases.app, frozenset({A})) as conn:
        undoing.undo(conn, done.id, "it was right before", BY, NOW + timedelta(minutes=1))
        assert imaging.orders_of(conn, made.id) == []
    assert len(sent(service, "/studies/1.2.1")) == 2


def test_a_name_beyond_the_character_set_makes_the_object_utf_8(service: Service) -> None:
    put(service, "1.2.1", "1.2.1.1", 1)
    study = by_uid(service, "1.2.1")
    with transaction(service.databases.app, frozenset({A})) as conn:
        correcting.reassign(conn, study.id, someone(conn, "Müller"), None, WHY, BY, NOW)
    (data,) = sent(service, "/studies/1.2.1")
    assert (data.SpecificCharacterSet, str(data.PatientName)) == (
        "ISO_IR 192", "Müller^Rita^Q",
    )  # fmt: skip
    assert data.PixelData == image().PixelData


def test_rejected_images_are_hidden_everywhere_and_restored(service: Service) -> None:
    bad = put(service, "1.2.1", "1.2.1.1", 1)
    put(service, "1.2.1", "1.2.1.1", 2)
    study = by_uid(service, "1.2.1")
    with transaction(service.databases.app, frozenset({A})) as conn:
        ids = [o.id for o in correcting.images_of(conn, study.id) if o.sop_uid == bad]
        made = rejecting.reject(
            conn, service.blobs, study.id, ids, QUALITY, "motion blur", BY, NOW
        )
        note = pydicom.dcmread(
            BytesIO(rejecting.note_file(conn, service.blobs, made.id, study.owner_group))
        )
    assert [o.SOPInstanceUID for o in sent(service, "/studies/1.2.1")] == ["1.2.1.1.2"]
    frames = f"/studies/1.2.1/series/1.2.1.1/instances/{bad}/frames/1"
    assert service.get(frames).status_code == 404
    assert len(service.get("/studies/1.2.1/metadata").json()) == 1
    assert len(service.get("/studies/1.2.1/instances").json()) == 1
    assert (note.ConceptNameCodeSequence[0].CodeValue, note.PatientID) == (QUALITY, "W1")
    with transaction(service.databases.app, frozenset({A})) as conn:
        rejecting.restore(conn, made.id, study.owner_group, "good enough", BY, NOW)
    assert len(sent(service, "/studies/1.2.1")) == 2


def test_a_note_from_elsewhere_is_obeyed_also_when_it_comes_first(service: Service) -> None:
    bad = put(service, "1.2.1", "1.2.1.1", 1)
    study = by_uid(service, "1.2.1")
    with transaction(service.databases.app, frozenset({A})) as conn:
        ids = [o.id for o in correcting.images_of(conn, study.id)]
        made = rejecting.reject(
            conn, service.blobs, study.id, ids, SAFETY, "wrong side", BY, NOW
        )
        note = rejecting.note_file(conn, service.blobs, made.id, study.owner_group)
        rejecting.restore(conn, made.id, study.owner_group, "a try for the test", BY, NOW)
    content = pydicom.dcmread(BytesIO(note))
    content.SOPInstanceUID = content.file_meta.MediaStorageSOPInstanceUID = "2.25.77"
    later = content.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    more = pydicom.Dataset()
    more.ReferencedSOPClassUID = later.ReferencedSOPSequence[0].ReferencedSOPClassUID
    more.ReferencedSOPInstanceUID = "1.2.1.1.2"
    later.ReferencedSOPSequence.append(more)
    assert service.store(as_file(content)).status_code == 200

    def heard() -> rejecting.Obeyed:
        with transaction(service.databases.system, frozenset()) as conn:
            return rejecting.obey(conn, service.blobs, study.id, NOW)

    first = heard()
    assert (len(first.notes), first.to_look_at) == (1, False)
    assert service.get("/studies?StudyInstanceUID=1.2.1").json() == []
    put(service, "1.2.1", "1.2.1.1", 2)
    put(service, "1.2.1", "1.2.1.1", 3)
    assert heard() == rejecting.Obeyed((), to_look_at=True)
    (shown,) = sent(service, "/studies/1.2.1")
    assert shown.SOPInstanceUID == "1.2.1.1.3"
    assert bad != shown.SOPInstanceUID


def test_what_goes_out_by_dimse_is_corrected_too(service: Service) -> None:
    put(service, "1.2.1", "1.2.1.1", 1)
    study = by_uid(service, "1.2.1")
    with transaction(service.databases.app, frozenset({A})) as conn:
        correcting.reassign(conn, study.id, someone(conn), None, WHY, BY, NOW)
        (instance,) = finding.instances_of(conn, study.id)
    for syntax, implicit in ((EXPLICIT, False), ("1.2.840.10008.1.2", True)):
        with recoding.coded(service.blobs, instance, syntax) as stream:
            data = pydicom.filereader.read_dataset(stream, implicit, True)
        assert (data.PatientID, "OriginalAttributesSequence" in data) == ("M-Right", True)


def test_ids_of_another_study_are_refused(service: Service) -> None:
    put(service, "1.2.1", "1.2.1.1", 1)
    put(service, "1.2.2", "1.2.2.1", 1)
    one, other = by_uid(service, "1.2.1"), by_uid(service, "1.2.2")
    with (
        pytest.raises(Conflict),
        transaction(service.databases.app, frozenset({A})) as conn,
    ):
        correcting.move(conn, one.id, [UUID(int=5)], other.id, WHY, BY, NOW)
