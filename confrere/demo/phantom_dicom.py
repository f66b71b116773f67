"""From Hounsfield units to CT images as a scanner would write them (PS3.3 A.3).

Nothing in them passes for a patient: the maker is "Confrere phantom", serial number and
comments say SYNTHETIC PHANTOM.
"""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from confrere.demo.phantom_field import Field
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import Uid

SYNTHETIC = "SYNTHETIC PHANTOM"
INTERCEPT = -1024
_NAMESPACE = uuid.UUID("6f0a8f0e-6f5c-5b0e-9d0c-7d2a5f4c1e11")


@dataclass(frozen=True, slots=True)
class PhantomRequest:
    """Whose study to generate, and for which order.

    `uid_key` names the study: the same key gives the same UIDs. `study_at` must be aware;
    dates and times are written in its own offset, which (0008,0201) records.
    """

    patient_name: str  # DICOM PN, e.g. "Doe^Jane"
    patient_id: str
    issuer: str
    birth_date: date
    sex: str  # M, F or O
    accession_number: str
    uid_key: str
    study_at: datetime
    institution: str
    referring_physician: str
    study_description: str
    station_ae: str
    study_uid: Uid | None = None  # when the order has already fixed one

    def __post_init__(self) -> None:
        if self.study_at.utcoffset() is None:
            raise Invalid("study_at needs an offset from UTC", field="study_at")


@dataclass(frozen=True, slots=True)
class Technique:
    """What stays the same over one series."""

    body_part: str
    series_description: str
    kernel: str
    window: tuple[int, int]  # centre, width
    kvp: int
    milliamperes: int
    pixel: float  # millimetres
    thickness: float  # millimetres
    spacing: float  # millimetres from one slice's middle to the next
    corner: tuple[float, float]  # scanner x and y of the first pixel's centre
    contrast: str = ""  # agent; empty when none was given


def uid(*parts: str) -> Uid:
    """Make the UID that always follows from the same words (PS3.5 B.2: 2.25 and a UUID)."""
    return Uid(f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(parts)).int}")


def as_images(
    request: PhantomRequest, technique: Technique, slices: Iterable[tuple[float, Field]]
) -> Iterator[Dataset]:
    """One CT image for each (height, Hounsfield units) given, numbered from 1."""
    for number, (height, hu) in enumerate(slices, start=1):
        image = Dataset()
        _fill_study(image, request)
        _fill_series(image, request, technique)
        _fill_place(image, technique, number, height)
        _fill_pixels(image, hu)
        image.SOPInstanceUID = UID(uid(request.uid_key, "instance", str(number)))
        taken = request.study_at + timedelta(seconds=95 + 0.4 * number)
        image.AcquisitionDate, image.AcquisitionTime = _da(taken), _tm(taken)
        image.ContentDate, image.ContentTime = _da(taken), _tm(taken)
        image.file_meta = FileMetaDataset()
        image.file_meta.MediaStorageSOPClassUID = CTImageStorage
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        yield image


def write_study(folder: Path, images: Iterable[Dataset]) -> tuple[Path, ...]:
    """Write each image as a DICOM file named by its number; the folder is made if absent."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for image in images:
        path = folder / f"{image.InstanceNumber:04d}.dcm"
        image.save_as(path, enforce_file_format=True)
        written.append(path)
    return tuple(written)


def _da(moment: datetime) -> str:
    return moment.strftime("%Y%m%d")


def _tm(moment: datetime) -> str:
    return moment.strftime("%H%M%S.%f")


def _fill_study(image: Dataset, request: PhantomRequest) -> None:
    at = request.study_at
    image.SpecificCharacterSet = "ISO_IR 192"
    image.TimezoneOffsetFromUTC = at.strftime("%z")[:5]
    image.PatientName = request.patient_name
    image.PatientID = request.patient_id
    image.IssuerOfPatientID = request.issuer
    image.PatientBirthDate = request.birth_date.strftime("%Y%m%d")
    image.PatientSex = request.sex
    birthday = (request.birth_date.month, request.birth_date.day)
    years = at.year - request.birth_date.year - ((at.month, at.day) < birthday)
    image.PatientAge = f"{years:03d}Y"
    image.StudyInstanceUID = UID(request.study_uid or uid(request.uid_key, "study"))
    image.StudyDate, image.StudyTime = _da(at), _tm(at)
    image.StudyID = request.accession_number[:16]
    image.AccessionNumber = request.accession_number
    image.StudyDescription = request.study_description
    image.ReferringPhysicianName = request.referring_physician
    image.InstitutionName = request.institution
    image.StationName = request.station_ae


def _fill_series(image: Dataset, request: PhantomRequest, technique: Technique) -> None:
    started = request.study_at + timedelta(seconds=90)
    image.SOPClassUID = CTImageStorage
    image.Modality = "CT"
    image.SeriesInstanceUID = UID(uid(request.uid_key, "series"))
    image.FrameOfReferenceUID = UID(uid(request.uid_key, "frame of reference"))
    image.PositionReferenceIndicator = ""
    image.SeriesDate, image.SeriesTime = _da(started), _tm(started)
    image.SeriesNumber = 2
    image.AcquisitionNumber = 1
    image.SeriesDescription = technique.series_description
    image.ProtocolName = technique.series_description
    image.BodyPartExamined = technique.body_part
    image.PatientPosition = "HFS"
    image.Manufacturer = "Confrere phantom"
    image.ManufacturerModelName = "Generated CT"
    image.DeviceSerialNumber = SYNTHETIC
    image.SoftwareVersions = "1"
    image.ImageComments = SYNTHETIC
    image.BurnedInAnnotation = "NO"
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.KVP = technique.kvp
    image.XRayTubeCurrent = technique.milliamperes
    image.ExposureTime = 1000
    image.ConvolutionKernel = technique.kernel
    image.GantryDetectorTilt = 0
    if technique.contrast:
        image.ContrastBolusAgent = technique.contrast
        image.ContrastBolusRoute = "IV"


def _fill_place(image: Dataset, technique: Technique, number: int, height: float) -> None:
    x, y = technique.corner
    image.InstanceNumber = number
    image.SliceThickness = technique.thickness
    image.SpacingBetweenSlices = technique.spacing
    image.SliceLocation = round(height, 3)
    image.ImagePositionPatient = [round(x, 3), round(y, 3), round(height, 3)]
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.PixelSpacing = [technique.pixel, technique.pixel]
    image.ReconstructionDiameter = round(512 * technique.pixel, 1)
    image.WindowCenter, image.WindowWidth = technique.window


def _fill_pixels(image: Dataset, hu: Field) -> None:
    stored = np.clip(np.rint(hu - INTERCEPT), 0, 4095).astype("<i2")
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.Rows, image.Columns = stored.shape
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
    image.PixelRepresentation = 1
    image.RescaleIntercept, image.RescaleSlope = INTERCEPT, 1
    image.RescaleType = "HU"
    image.PixelData = stored.tobytes()
    image["PixelData"].VR = "OW"
