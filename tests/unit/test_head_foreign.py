"""Our walk against pydicom, over pydicom's own test files and the shared ones."""

import os
import warnings
from collections import Counter
from pathlib import Path

import pydicom
import pytest
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian

from confrere.imaging.head import Head, read_head
from confrere.imaging.part10 import part10_prefix, split_part10
from confrere.imaging.whole import check_whole
from confrere.kernel.errors import Invalid
from tests.peers import needs_shared

BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"
SHARED = Path(os.environ.get("CONFRERE_SHARED", Path(__file__).parents[3] / "shared"))
PLAIN = {
    "sop_instance": "SOPInstanceUID",
    "study_instance": "StudyInstanceUID",
    "series_instance": "SeriesInstanceUID",
    "sop_class": "SOPClassUID",
    "study_date": "StudyDate",
    "study_time": "StudyTime",
    "accession_number": "AccessionNumber",
    "modality": "Modality",
    "institution": "InstitutionName",
    "patient_id": "PatientID",
    "study_description": "StudyDescription",
    "series_description": "SeriesDescription",
    "patient_name": "PatientName",
    "birth_date": "PatientBirthDate",
    "sex": "PatientSex",
    "referring_physician": "ReferringPhysicianName",
    "study_id": "StudyID",
}
NUMBERS = {
    "rows": "Rows",
    "columns": "Columns",
    "frames": "NumberOfFrames",
    "series_number": "SeriesNumber",
    "instance_number": "InstanceNumber",
}
# Files that pydicom reads and we refuse, with our reason; everything else must agree.
REFUSED = {
    "StudyInstanceUID",
    "SOPClassUID",
    "SOPInstanceUID",  # absent, or "1.2...." placeholders
    "TransferSyntaxUID",  # deflated
    "(0008,0008)",  # SC_rgb_jpeg.dcm is implicit though it says explicit
    "(0004,1220)",  # DICOMDIR-nooffset has wrong lengths
}
CUT_SHORT = {
    "MR_truncated.dcm",
    "rtplan_truncated.dcm",
    "SC_rgb_jpeg.dcm",
    "DICOMDIR-nooffset",
    "MG-Im-Hologic-PropProj.dcm",
}


def agree(head: Head, foreign: pydicom.Dataset) -> list[str]:
    """List the attributes in which they differ."""
    wrong = [
        k
        for k, keyword in PLAIN.items()
        if getattr(head, k).rstrip("=") != _text(foreign, keyword)
    ]
    for attribute, keyword in NUMBERS.items():
        if getattr(head, attribute) != _number(foreign, keyword):
            wrong.append(attribute)
    return wrong


def _number(foreign: pydicom.Dataset, keyword: str) -> int | None:
    try:
        value = foreign.get(keyword)
        return None if value in {None, ""} else int(value)
    except ValueError:  # a problem of ours, too
        return None


def _text(foreign: pydicom.Dataset, keyword: str) -> str:
    value = foreign.get(keyword)
    if value is None:
        return ""
    joined = (
        "\\".join(map(str, value))
        if isinstance(value, pydicom.multival.MultiValue)
        else str(value)
    )
    return "".join(c for c in joined if c >= " ").strip(" ")


def compare(folder: Path) -> Counter[str]:
    seen: Counter[str] = Counter()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        raw = path.read_bytes()
        if raw[128:132] != b"DICM":
            seen["no DICOM file"] += 1
            continue
        try:
            meta, start = split_part10(raw)
        except Invalid as refused:
            assert refused.field == "TransferSyntaxUID", path.name
            seen["file says no transfer syntax"] += 1
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            foreign = dcmread(path, force=True)
            assert meta.transfer_syntax == foreign.file_meta.get("TransferSyntaxUID", ""), (
                path.name
            )
            try:
                head = read_head(raw[start:], meta.transfer_syntax, complete=True)
            except Invalid as refused:
                assert refused.field in REFUSED, (path.name, refused)
                seen["head refused"] += 1
            else:
                assert agree(head, foreign) == [], path.name
                seen["head agrees"] += 1
        if meta.transfer_syntax != DeflatedExplicitVRLittleEndian:
            _whole(path, meta.transfer_syntax, start, seen)
    return seen


def _whole(path: Path, syntax: str, start: int, seen: Counter[str]) -> None:
    with path.open("rb") as file:
        if path.name in CUT_SHORT:
            with pytest.raises(Invalid):
                check_whole(file, syntax, start)
            seen["cut short"] += 1
        else:
            check_whole(file, syntax, start)
            seen["whole"] += 1


def test_heads_agree_with_pydicom_over_its_own_files() -> None:
    seen = compare(BUNDLED)
    assert seen["head agrees"] > 50, seen
    assert seen["cut short"] >= 2, seen
    assert seen["file says no transfer syntax"] < 5, seen


@needs_shared()
def test_heads_agree_with_pydicom_over_the_shared_files() -> None:
    seen = compare(SHARED / "data" / "dicom")
    assert seen["head agrees"] > 200, seen


def test_pydicom_reads_our_file_prefix_and_we_split_it_again(tmp_path: Path) -> None:
    raw = (BUNDLED / "CT_small.dcm").read_bytes()
    meta, start = split_part10(raw)
    prefix = part10_prefix(meta.sop_class, meta.sop_instance, meta.transfer_syntax, "CT1")
    assert prefix[:128] == bytes(128)
    path = tmp_path / "ct.dcm"
    path.write_bytes(prefix + raw[start:])
    ours, theirs = dcmread(path), dcmread(BUNDLED / "CT_small.dcm")
    assert ours == theirs
    assert ours.file_meta.SourceApplicationEntityTitle == "CT1"
    again, offset = split_part10(prefix + raw[start:])
    assert (again.sop_instance, offset) == (meta.sop_instance, len(prefix))
    assert again.source_aet == "CT1"
