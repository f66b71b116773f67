from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from confrere.demo.phantom import uid
from confrere.demo.samples import SamplePatient, SampleStudy, adopt, bundled_series
from confrere.kernel.errors import Invalid

WHEN = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
PATIENT = SamplePatient("Søgaard^Anna", "A-1", "NORTH", date(1960, 5, 6), "F")
STUDIES = {study.key: study for study in bundled_series()}


def adopted(study: SampleStudy, path: Path) -> tuple[Dataset, Dataset]:
    dataset = dcmread(path)
    return dataset, adopt(
        dataset,
        PATIENT,
        accession="ACC-1",
        uids=partial(uid, study.key),
        when=WHEN,
        institution="North Hospital",
    )


def test_whole_series_of_several_modalities_are_there() -> None:
    slices = {key: study.slices for key, study in STUDIES.items()}
    assert slices["ct-brain"] == 4
    assert slices["mr-angiography"] == 7
    assert slices["cr-neck"] == 3
    assert {"CT", "MR", "CR", "US"} <= {study.modality for study in STUDIES.values()}
    for study in STUDIES.values():
        found = [dcmread(path, stop_before_pixels=True) for path in study.files]
        assert {f.Modality for f in found} == {study.modality}
        assert len({f.StudyInstanceUID for f in found}) == 1


def test_the_samples_cover_many_transfer_syntaxes() -> None:
    syntaxes = {
        dcmread(study.files[0], stop_before_pixels=True).file_meta.TransferSyntaxUID
        for study in STUDIES.values()
    }
    assert len(syntaxes) >= 9


@pytest.mark.parametrize("key", sorted(STUDIES))
def test_adoption_keeps_pixel_bytes_and_transfer_syntax_after_a_round_trip(
    key: str, tmp_path: Path
) -> None:
    study = STUDIES[key]
    before, after = adopted(study, study.files[0])
    after.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    read = dcmread(tmp_path / "a.dcm")
    assert read.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID
    bulk = "WaveformSequence" if key == "ecg" else "PixelData"
    if key == "ecg":
        assert read[bulk][0].WaveformData == before[bulk][0].WaveformData
    else:
        assert read[bulk].value == before[bulk].value
    assert str(read.PatientName) == "Søgaard^Anna"
    assert (read.PatientID, read.IssuerOfPatientID) == ("A-1", "NORTH")
    assert read.AccessionNumber == "ACC-1"
    assert read.StudyDate == "20260304"
    assert read.file_meta.MediaStorageSOPInstanceUID == read.SOPInstanceUID
    assert read.SOPClassUID == before.SOPClassUID


def test_one_series_stays_one_series_and_no_former_uid_or_name_remains() -> None:
    study = STUDIES["mr-angiography"]
    pairs = [adopted(study, path) for path in study.files]
    assert len({a.SeriesInstanceUID for _, a in pairs}) == 1
    assert len({a.SOPInstanceUID for _, a in pairs}) == len(pairs)
    before, after = pairs[0]
    text = str(after)
    for former in (before.StudyInstanceUID, before.SOPInstanceUID, before.PatientName):
        assert str(former) not in text


def test_the_dataset_given_is_left_as_it_was() -> None:
    study = STUDIES["ct-small"]
    before, _ = adopted(study, study.files[0])
    assert before == dcmread(study.files[0])


def test_an_hour_without_a_zone_is_refused() -> None:
    dataset = dcmread(STUDIES["ct-small"].files[0])
    with pytest.raises(Invalid, match="offset"):
        adopt(
            dataset,
            PATIENT,
            accession="A",
            uids=partial(uid, "x"),
            when=WHEN.replace(tzinfo=None),
            institution="N",
        )
