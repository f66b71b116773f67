"""Real images for the demonstration: the test files that the pydicom package carries.

They bring what generated images cannot: other makers' headers, and transfer syntaxes from
big endian to JPEG-LS. Those from DICOM media are whole series with their real headers, but
thumbnails of 16 by 16 pixels.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pydicom
from pydicom import DataElement, Dataset
from pydicom.uid import UID
from pydicom.valuerep import VR

from confrere.kernel.errors import Invalid, Unavailable
from confrere.kernel.ids import Uid

_STANDARD = "1.2.840.10008."  # UIDs of the standard itself: classes, syntaxes, code tables
_MOMENTS = (
    ("StudyDate", "StudyTime"),
    ("SeriesDate", "SeriesTime"),
    ("AcquisitionDate", "AcquisitionTime"),
    ("ContentDate", "ContentTime"),
    ("InstanceCreationDate", "InstanceCreationTime"),
    ("PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime"),
)
# what else would tell of the former patient, order or hospital
_FORMER = (
    "OtherPatientIDs",
    "OtherPatientIDsSequence",
    "OtherPatientNames",
    "PatientAddress",
    "PatientTelephoneNumbers",
    "PatientAge",
    "IssuerOfPatientIDQualifiersSequence",
    "AdmissionID",
    "RequestAttributesSequence",
    "ReferencedStudySequence",
    "InstitutionAddress",
    "InstitutionalDepartmentName",
    "IssuerOfAccessionNumberSequence",
)


@dataclass(frozen=True, slots=True)
class SamplePatient:
    """Who a sample is to belong to in the demonstration."""

    name: str  # DICOM PN
    id: str
    issuer: str
    birth_date: date
    sex: str


@dataclass(frozen=True, slots=True)
class SampleStudy:
    """Bundled files that make one study."""

    key: str
    modality: str
    description: str
    files: tuple[Path, ...]

    @property
    def slices(self) -> int:
        """How many instances the study has; a multi-frame instance counts once."""
        return len(self.files)


_MEDIA = "dicomdirtests"
_STUDIES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("ct-brain", "CT", "CT head without contrast", (f"{_MEDIA}/77654033/CT2/*",)),
    ("ct-calcium", "CT", "CT heart, calcium score", (f"{_MEDIA}/98892001/CT5N/*",)),
    ("ct-small", "CT", "CT abdomen, one slice", ("CT_small.dcm",)),
    ("ct-jpeg2000", "CT", "CT chest, JPEG 2000", ("J2K_pixelrep_mismatch.dcm",)),
    ("ct-jpeg2000-lossy", "CT", "CT head, JPEG 2000 lossy", ("693_J2KI.dcm",)),
    ("mr-angiography", "MR", "MR angiography of the brain", (f"{_MEDIA}/98892003/MR700/*",)),
    ("mr-pilot", "MR", "MR brain, pilot scans", (f"{_MEDIA}/98892003/MR2/[45]*",)),
    ("mr-abdomen", "MR", "MR abdomen with overlay", ("examples_overlay.dcm",)),
    ("mr-rle", "MR", "MR, RLE", ("MR_small_RLE.dcm",)),
    ("mr-jpeg-ls", "MR", "MR, JPEG-LS", ("MR_small_jpeg_ls_lossless.dcm",)),
    ("mr-big-endian", "MR", "MR, big endian", ("MR_small_bigendian.dcm",)),
    ("mr-implicit", "MR", "MR, implicit VR", ("MR_small_implicit.dcm",)),
    ("cr-neck", "CR", "Cervical spine, three views", (f"{_MEDIA}/77654033/CR?/*",)),
    ("us-clip", "US", "Ultrasound clip, JPEG", ("examples_ybr_color.dcm",)),
    ("us-colour", "US", "Ultrasound, RGB", ("examples_rgb_color.dcm",)),
    ("us-palette", "US", "Ultrasound, palette colour", ("examples_palette.dcm",)),
    ("us-jpeg2000", "US", "Ultrasound, JPEG 2000", ("examples_jpeg2k.dcm",)),
    ("us-big-endian", "US", "Ultrasound, big endian", ("ExplVR_BigEnd.dcm",)),
    ("nm-bone", "NM", "Whole body bone scan, JPEG 12 bit", ("JPGExtended.dcm",)),
    ("ot-deflated", "OT", "Screen capture, deflated", ("image_dfl.dcm",)),
    ("ecg", "ECG", "12-lead ECG", ("waveform_ecg.dcm",)),
)


def bundled_series() -> tuple[SampleStudy, ...]:
    """List the studies that the installed pydicom carries; nothing is fetched.

    Raises Unavailable when this pydicom has lost a file.
    """
    root = Path(pydicom.__file__).parent / "data" / "test_files"
    return tuple(
        SampleStudy(key, modality, description, _found(root, patterns))
        for key, modality, description, patterns in _STUDIES
    )


def _found(root: Path, patterns: tuple[str, ...]) -> tuple[Path, ...]:
    files = tuple(path for pattern in patterns for path in sorted(root.glob(pattern)))
    if not files:
        raise Unavailable(f"pydicom {pydicom.__version__} lacks the test file {patterns[0]}")
    return files


def adopt(
    dataset: Dataset,
    patient: SamplePatient,
    *,
    accession: str,
    uids: Callable[[str], Uid],
    when: datetime,
    institution: str,
) -> Dataset:
    """Make a copy of `dataset` that belongs to this patient and order.

    Only identifiers, dates and times change: pixel data and transfer syntax stay byte for
    byte. `uids` names the new UID for each old one, so that what belonged together still
    does. `when` is aware and becomes the study's moment; later moments keep their distance.
    """
    if when.utcoffset() is None:
        raise Invalid("when needs an offset from UTC", field="when")
    adopted = copy.deepcopy(dataset)
    if not (patient.name + institution).isascii():
        adopted.decode()
        adopted.SpecificCharacterSet = "ISO_IR 192"
    for keyword in _FORMER:
        if keyword in adopted:
            delattr(adopted, keyword)
    adopted.walk(lambda _, element: _rename(element, uids))
    adopted.PatientName, adopted.PatientID = patient.name, patient.id
    adopted.IssuerOfPatientID = patient.issuer
    adopted.PatientBirthDate = patient.birth_date.strftime("%Y%m%d")
    adopted.PatientSex = patient.sex
    adopted.AccessionNumber = accession
    adopted.StudyID = accession[:16]
    adopted.InstitutionName = institution
    _move(adopted, when)
    adopted.file_meta.MediaStorageSOPInstanceUID = adopted.SOPInstanceUID
    return adopted


def _rename(element: DataElement, uids: Callable[[str], Uid]) -> None:
    if element.VR != VR.UI or not element.value:
        return
    if element.VM > 1:
        element.value = [_renamed(value, uids) for value in element.value]
    else:
        element.value = _renamed(element.value, uids)


def _renamed(value: str, uids: Callable[[str], Uid]) -> UID:
    return UID(value if value.startswith(_STANDARD) else uids(value))


def _move(dataset: Dataset, when: datetime) -> None:
    began = _moment(dataset, "StudyDate", "StudyTime")
    for day, time in _MOMENTS:
        if day != "StudyDate" and day not in dataset:
            continue
        moment = _moment(dataset, day, time)
        since = moment - began if moment and began else timedelta()
        if not timedelta() <= since < timedelta(days=1):
            since = timedelta()
        moved = when + since
        setattr(dataset, day, moved.strftime("%Y%m%d"))
        setattr(dataset, time, moved.strftime("%H%M%S.%f"))
    dataset.TimezoneOffsetFromUTC = when.strftime("%z")[:5]
    if "AcquisitionDateTime" in dataset:
        dataset.AcquisitionDateTime = when.strftime("%Y%m%d%H%M%S.%f%z")


def _moment(dataset: Dataset, day: str, time: str) -> datetime | None:
    text = f"{dataset.get(day) or ''}{(str(dataset.get(time) or '') + '000000')[:6]}"
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S")  # noqa: DTZ007 - only distances count
    except ValueError:
        return None
