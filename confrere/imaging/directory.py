"""A DICOMDIR for a set of files, and the name of each file in it.

Source: PS3.10 section 8.2 (names of eight capitals and digits), PS3.3 annex F.
"""

import warnings
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import pydicom
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.fileset import FileSet

from confrere.imaging.syntaxes import EXPLICIT
from confrere.kernel.errors import Invalid

# what a directory must say and a file may leave empty: said in the directory alone
_DUMMIES = {
    "PatientID": "UNKNOWN", "StudyDate": "19000101", "StudyTime": "000000", "StudyID": "1",
    "Modality": "OT", "SeriesNumber": "1", "InstanceNumber": "1",
}  # fmt: skip
_KEPT = (
    "SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID",
    "SeriesInstanceUID", "PatientID", "PatientName", "StudyDate", "StudyTime", "StudyID",
    "StudyDescription", "AccessionNumber", "Modality", "SeriesNumber", "InstanceNumber",
    "ContentDate", "ContentTime", "CompletionFlag", "VerificationFlag",
    "ConceptNameCodeSequence", "ContentLabel", "ContentDescription", "PresentationCreationDate",
    "PresentationCreationTime", "ContentCreatorName", "ReferencedSeriesSequence",
)  # fmt: skip


class Directory:
    """Names files as they come, and lists them at the end. Holds what a directory says."""

    def __init__(self, name: str) -> None:
        self._set = FileSet()
        self._set.ID = name
        self._outside = 0
        self.subjects: dict[str, str] = {}  # first folder -> whose files it holds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the folder in which the set keeps a stub of each file."""
        self._set._stage["t"].cleanup()  # noqa: SLF001 - else only the garbage collector does

    def place(self, content: bytes) -> str:
        """Name a file of PS3.10; one that no directory can list goes to a folder of its own."""
        data = pydicom.dcmread(BytesIO(content), stop_before_pixels=True)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                name = str(self._set.add(_entry(data)).FileID)
        except Exception:  # noqa: BLE001 - whatever a record of its kind lacks
            self._outside += 1
            return f"OTHER/IM{self._outside:06}"
        self.subjects[name.partition("/")[0]] = str(data.get("PatientID") or "")
        return name

    def content(self) -> bytes:
        """Write the DICOMDIR; raises Invalid where no file is listed."""
        if not len(self._set):
            raise Invalid("no file of this export can be listed in a directory")
        with TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._set.write(folder)
            return (Path(folder) / "DICOMDIR").read_bytes()


def _entry(data: Dataset) -> Dataset:
    said = Dataset()
    for keyword in _KEPT:
        if keyword in data:
            said[keyword] = data[keyword]
    for keyword, value in _DUMMIES.items():
        if not said.get(keyword):
            setattr(said, keyword, value)
    said.file_meta = FileMetaDataset()
    said.file_meta.MediaStorageSOPClassUID = said.SOPClassUID
    said.file_meta.MediaStorageSOPInstanceUID = said.SOPInstanceUID
    said.file_meta.TransferSyntaxUID = data.file_meta.get("TransferSyntaxUID", EXPLICIT)
    return said
