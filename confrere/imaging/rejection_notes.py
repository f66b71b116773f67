"""Rejection notes: Key Object Selection documents that say which images must not be used.

Source: PS3.3 section A.35.4 (Key Object Selection Document IOD), PS3.16 TID 2010 and CID 7011,
IHE RAD TF-2 section 4.66 (Image Object Change Management).
"""

from collections.abc import Sequence as Many
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from itertools import groupby

from pydicom import Dataset
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from confrere.files.folder import BlobStore
from confrere.imaging.corrections import TITLES, Note, Placed, uid_from
from confrere.imaging.datasets import read_head
from confrere.imaging.elements import encoding_of
from confrere.imaging.model import Instance
from confrere.imaging.plain import open_plain
from confrere.imaging.syntaxes import served
from confrere.kernel.errors import Invalid

KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"
MOST_NAMED = 20_000
_WAVEFORM, _COMPOSITE = "1.2.840.10008.5.1.4.1.1.9.", (
    "1.2.840.10008.5.1.4.1.1.11.", "1.2.840.10008.5.1.4.1.1.88.", "1.2.840.10008.5.1.4.1.1.104.",
)  # fmt: skip
_PATIENT_AND_STUDY = (
    "SpecificCharacterSet", "StudyDate", "StudyTime", "AccessionNumber",
    "ReferringPhysicianName", "StudyDescription", "PatientName", "PatientID",
    "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID",
)  # fmt: skip
_MUST_BE_THERE = (
    "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "PatientName",
    "PatientID", "PatientBirthDate", "PatientSex", "StudyID",
)  # fmt: skip


def read_note(blobs: BlobStore, instance: Instance) -> Note | None:
    """Read a Key Object Selection; None where it rejects nothing. Raises Invalid."""
    with open_plain(blobs, instance.digest, instance.transfer_syntax) as stream:
        data = read_head(stream, encoding_of(served(instance.transfer_syntax)), loaded=True)
    title = _first(data, "ConceptNameCodeSequence")
    code = str(title.get("CodeValue", "")) if title else ""
    if title is None or code not in TITLES or title.get("CodingSchemeDesignator") != "DCM":
        return None
    named: dict[str, None] = {}
    for study in data.get("CurrentRequestedProcedureEvidenceSequence") or []:
        for series in study.get("ReferencedSeriesSequence") or []:
            for one in series.get("ReferencedSOPSequence") or []:
                named[str(one.get("ReferencedSOPInstanceUID", ""))] = None
    words = (str(item.get("TextValue", "")) for item in data.get("ContentSequence") or [])
    named.pop("", None)
    if len(named) > MOST_NAMED:
        raise Invalid(f"a rejection note names at most {MOST_NAMED} images: send several")
    return Note(code, " ".join(filter(None, words))[:400], tuple(named))


@dataclass(frozen=True, slots=True)
class Named:
    """An image as those who hold copies know it."""

    sop_uid: str
    sop_class: str
    series_uid: str
    study_uid: str


def named_as_they_came(images: Many[Placed], study_uid: str) -> list[Named]:
    """Images of a study as their bytes name them."""
    return [
        Named(
            one.sop_uid, one.sop_class, one.came_series_uid or one.series_uid,
            one.came_study_uid or study_uid,
        )
        for one in images
    ]  # fmt: skip


def head_of(blobs: BlobStore, image: Instance) -> Dataset:
    """What an image's bytes say before its pixels. Raises Invalid."""
    with open_plain(blobs, image.digest, image.transfer_syntax) as stream:
        return read_head(stream, encoding_of(served(image.transfer_syntax)))


def make_note(
    known: Dataset, images: Many[Named], code: str, reason: str, now: datetime
) -> tuple[str, bytes]:
    """Make the note that rejects these images; returns its UID and data set.

    `known` says patient and study of the first one, as those who hold copies know it. Explicit
    VR little endian.
    """
    names = " ".join(one.sop_uid for one in images)
    uid = uid_from(f"{names} {code} {now.isoformat()}")
    data = Dataset()
    for word in _PATIENT_AND_STUDY:
        if word in known:
            data[word] = known[word]
        elif word in _MUST_BE_THERE:
            setattr(data, word, "")
    data.SpecificCharacterSet = "ISO_IR 192"
    data.StudyInstanceUID = images[0].study_uid
    data.SOPClassUID, data.SOPInstanceUID = KEY_OBJECTS, uid
    data.SeriesInstanceUID = uid_from(f"{uid} series")
    data.Modality, data.SeriesNumber, data.InstanceNumber = "KO", "999", "1"
    data.Manufacturer = "Confrere"
    data.ReferencedPerformedProcedureStepSequence = Sequence()
    data.ContentDate, data.ContentTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    data.TimezoneOffsetFromUTC = "+0000"
    data.ValueType, data.ContinuityOfContent = "CONTAINER", "SEPARATE"
    data.ConceptNameCodeSequence = Sequence([_code(code, TITLES[code])])
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "2010"
    data.ContentTemplateSequence = Sequence([template])
    data.CurrentRequestedProcedureEvidenceSequence = _evidence(images)
    data.ContentSequence = Sequence([_words(reason), *(_content(one) for one in images)])
    return uid, _written(data)


def _evidence(images: Many[Named]) -> Sequence:
    def place(one: Named) -> tuple[str, str]:
        return one.study_uid, one.series_uid

    studies: dict[str, Dataset] = {}
    for (study_uid, series_uid), each in groupby(sorted(images, key=place), key=place):
        study = studies.setdefault(study_uid, Dataset())
        study.StudyInstanceUID = study_uid
        series = Dataset()
        series.SeriesInstanceUID = series_uid
        series.ReferencedSOPSequence = Sequence([_reference(one) for one in each])
        earlier = list(study.get("ReferencedSeriesSequence") or [])
        study.ReferencedSeriesSequence = Sequence([*earlier, series])
    return Sequence(list(studies.values()))


def _reference(one: Named) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = one.sop_class, one.sop_uid
    return item


def _content(one: Named) -> Dataset:
    item = Dataset()
    item.RelationshipType = "CONTAINS"
    item.ValueType = (
        "WAVEFORM"
        if one.sop_class.startswith(_WAVEFORM)
        else "COMPOSITE"
        if one.sop_class.startswith(_COMPOSITE)
        else "IMAGE"
    )
    item.ReferencedSOPSequence = Sequence([_reference(one)])
    return item


def _words(reason: str) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "TEXT"
    item.ConceptNameCodeSequence = Sequence([_code("113012", "Key Object Description")])
    item.TextValue = reason
    return item


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def _first(data: Dataset, word: str) -> Dataset | None:
    items = data.get(word) or []
    return items[0] if len(items) else None


def _written(data: Dataset) -> bytes:
    out = BytesIO()
    written = DicomFileLike(out)
    written.is_implicit_VR, written.is_little_endian = False, True
    write_dataset(written, data)
    return out.getvalue()
