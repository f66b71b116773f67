from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from math import pi
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmread

from confrere.demo.phantom import (
    CHEST_STACK,
    HEAD_STACK,
    NODULE_BEFORE,
    NODULE_NOW,
    PhantomRequest,
    Stack,
    chest_ct,
    chest_pose,
    head_ct,
    head_pose,
    uid,
    write_study,
)
from confrere.demo.phantom_brain import (
    BLEED_CENTRE,
    BODY_OF_LEFT_VENTRICLE,
    LEFT_CENTRUM_SEMIOVALE,
)
from confrere.demo.phantom_chest import NODULE_CENTRE
from confrere.demo.phantom_field import Point
from confrere.kernel.errors import Invalid

Image = NDArray[np.floating]
SEED = 5
REQUEST = PhantomRequest(
    patient_name="Doe^Jane",
    patient_id="N-1",
    issuer="NORTH",
    birth_date=date(1958, 7, 9),
    sex="F",
    accession_number="ACC-1",
    uid_key="demo/head/now",
    study_at=datetime(2026, 3, 4, 9, 30, tzinfo=UTC),
    institution="North Hospital",
    referring_physician="Roe^Rita",
    study_description="CT head without contrast",
    station_ae="CT1",
)
BEFORE = replace(
    REQUEST,
    patient_id="S-77",
    issuer="SOUTH",
    uid_key="demo/head/before",
    study_at=datetime(2024, 1, 2, 15, 0, tzinfo=timezone(timedelta(hours=1))),
)
# PS3.3: patient, study, series, frame of reference, equipment, image, plane, pixel and CT
# modules, types 1 and 2
REQUIRED = [
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
    "Modality",
    "SeriesInstanceUID",
    "SeriesNumber",
    "PatientPosition",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
    "Manufacturer",
    "InstanceNumber",
    "PixelSpacing",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "SliceThickness",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
    "ImageType",
    "RescaleIntercept",
    "RescaleSlope",
    "KVP",
    "AcquisitionNumber",
    "SOPClassUID",
    "SOPInstanceUID",
]


def hounsfield(image: Dataset) -> Image:
    stored = np.frombuffer(image.PixelData, "<i2").reshape(image.Rows, image.Columns)
    return stored * float(image.RescaleSlope) + float(image.RescaleIntercept)


def around(images: list[Dataset], point: Point, radius: float) -> float:
    """Median within `radius` mm of a scanner point, in the slice nearest to it."""
    image = min(images, key=lambda i: abs(i.ImagePositionPatient[2] - point[2]))
    left, top, _ = image.ImagePositionPatient
    pixel = image.PixelSpacing[0]
    y, x = np.mgrid[: image.Rows, : image.Columns] * pixel
    near = np.hypot(x + left - point[0], y + top - point[1]) < radius
    return float(np.median(hounsfield(image)[near]))


@pytest.fixture(scope="module")
def head() -> list[Dataset]:
    return list(head_ct(REQUEST, SEED, stack=Stack(8, 16, 3, thickness=4)))


@pytest.fixture(scope="module")
def head_before() -> list[Dataset]:
    return list(head_ct(BEFORE, SEED, prior=True, stack=Stack(8, 16, 3, thickness=4)))


@pytest.fixture(scope="module")
def nodules() -> dict[bool, list[Dataset]]:
    stack = Stack(NODULE_CENTRE[2] - 12.5, 5, 6, thickness=5)
    return {
        prior: list(chest_ct(REQUEST, SEED, prior=prior, stack=stack))
        for prior in (False, True)
    }


def test_the_bleed_is_as_dense_as_clot_and_the_prior_has_none(
    head: list[Dataset], head_before: list[Dataset]
) -> None:
    bleed = head_pose(prior=False).on_scanner(BLEED_CENTRE)
    same = head_pose(prior=True).on_scanner(BLEED_CENTRE)
    assert 57 < around(head, bleed, 5) < 72
    assert 28 < around(head_before, same, 5) < 42


def test_ventricle_white_matter_and_air_have_their_hounsfield_units(
    head_before: list[Dataset],
) -> None:
    pose = head_pose(prior=True)
    assert 0 < around(head_before, pose.on_scanner(BODY_OF_LEFT_VENTRICLE), 2) < 18
    assert 24 < around(head_before, pose.on_scanner(LEFT_CENTRUM_SEMIOVALE), 6) < 33
    assert around(head_before, (0, -119, 8), 4) < -970


def test_cortical_skull_is_bone_all_round(head: list[Dataset]) -> None:
    image = hounsfield(head[1])
    for line in (image[256], image[:, 256]):
        inside = np.nonzero(line > 300)[0]
        assert line[inside].max() > 800
        assert 120 < (inside[-1] - inside[0]) * 0.488 < 200


def test_oedema_lies_round_the_bleed(head: list[Dataset], head_before: list[Dataset]) -> None:
    x, y, z = BLEED_CENTRE
    rim = (x - 2, y - 24.5, z)
    now = around(head, head_pose(prior=False).on_scanner(rim), 2)
    before = around(head_before, head_pose(prior=True).on_scanner(rim), 2)
    assert now < before - 3


@pytest.mark.parametrize(("prior", "stated"), [(False, NODULE_NOW), (True, NODULE_BEFORE)])
def test_the_nodule_measures_what_it_says(
    nodules: dict[bool, list[Dataset]], prior: bool, stated: float
) -> None:
    images = nodules[prior]
    x, y, z = chest_pose(prior=prior).on_scanner(NODULE_CENTRE)
    volume = 0.0
    for image in images:
        left, top, height = image.ImagePositionPatient
        rows, columns = np.mgrid[: image.Rows, : image.Columns] * image.PixelSpacing[0]
        far2 = (columns + left - x) ** 2 + (rows + top - y) ** 2 + (height - z) ** 2
        share = (hounsfield(image) + 860) / 910
        near = far2 < (stated * 0.62) ** 2
        volume += np.clip(share[near & (share > 0.3)], 0, 1).sum() * 0.75**2 * 5
    assert (6 * volume / pi) ** (1 / 3) == pytest.approx(stated, rel=0.1)


def test_lung_aorta_and_windpipe_have_their_hounsfield_units() -> None:
    images = list(chest_ct(REQUEST, SEED, stack=Stack(-40, 80, 2, thickness=5)))
    pose = chest_pose(prior=False)
    assert 160 < around(images, pose.on_scanner((26, 43, -40)), 5) < 210
    assert around(images, pose.on_scanner((0, 3, 40)), 4) < -950
    assert -900 < around(images, pose.on_scanner((80, 40, -40)), 25) < -760


def test_a_study_and_its_prior_are_two_studies_over_the_same_heights(
    head: list[Dataset], head_before: list[Dataset]
) -> None:
    assert [i.SliceLocation for i in head] == [i.SliceLocation for i in head_before]
    for keyword in (
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "FrameOfReferenceUID",
        "PatientID",
    ):
        assert {i[keyword].value for i in head}.isdisjoint(
            i[keyword].value for i in head_before
        )
    assert (head_before[0].StudyDate, head_before[0].TimezoneOffsetFromUTC) == (
        "20240102",
        "+0100",
    )


def test_the_same_seed_and_request_give_the_same_bytes() -> None:
    stack = Stack(10, 4, 1, thickness=4)
    one, two = (next(head_ct(REQUEST, SEED, stack=stack)) for _ in range(2))
    other = next(head_ct(REQUEST, SEED + 1, stack=stack))
    assert one == two
    assert one.PixelData != other.PixelData


def test_written_files_read_back_as_ct_images_with_all_that_is_required(
    head: list[Dataset], tmp_path: Path
) -> None:
    paths = write_study(tmp_path / "study", head)
    read = [dcmread(path) for path in paths]
    assert [image.InstanceNumber for image in read] == [1, 2, 3]
    for image, made in zip(read, head, strict=True):
        missing = [keyword for keyword in REQUIRED if keyword not in image]
        assert missing == []
        assert image.PixelData == made.PixelData
        assert image.pixel_array.shape == (512, 512)
    assert len({image.SOPInstanceUID for image in read}) == 3
    assert all(a.AcquisitionTime < b.AcquisitionTime for a, b in pairwise(read))
    assert all(image.ImageComments == "SYNTHETIC PHANTOM" for image in read)


def test_the_full_stacks_are_long_enough_and_uids_fit() -> None:
    assert HEAD_STACK.count >= 40
    assert CHEST_STACK.count >= 60
    assert len(uid("a", "b")) <= 64
    assert uid("a", "b") == uid("a", "b") != uid("a", "c")


def test_a_study_time_without_a_zone_is_refused() -> None:
    with pytest.raises(Invalid, match="offset"):
        replace(REQUEST, study_at=datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test
