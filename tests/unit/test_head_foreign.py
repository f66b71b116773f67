"""Our walk against pydicom, over pydicom's own test files and the shared ones."""

import os
import warnings
from collections import Counter
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from confrere.imaging.head import _WANTED, Head, read_head
from confrere.imaging.part10 import part10_prefix, split_part10
from confrere.imaging.plain import inflate
from confrere.imaging.whole import check_whole
from confrere.kernel.errors import Invalid
from tests.peers import needs_shared

BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"
SHARED = Path(os.environ.get("CONFRERE_SHARED", Path(__file__).parents[3] / "shared"))
# Files that pydicom reads and we refuse, with our reason; everything else must agree.
REFUSED = {
    "StudyInstanceUID",
    "SOPClassUID",
    "SOPInstanceUID",  # absent, or "1.2...." placeholders
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


# The shared files whose head is refused, and the attribute that is named: without it nobody can
# tell what the object is. All others give all index values as pydicom does.
NO_HEAD = {
    "charsets/chrSQEncoding.dcm": "SOPClassUID",  # no instance at all: a dump of one sequence
    "dcm4che/DICOMDIR": "SOPClassUID",  # a directory of files
    "fileset_tiny_alpha/DICOMDIR": "SOPClassUID",
    "series/ct_head_phantom_philips/DICOMDIR": "SOPClassUID",
    "pydicom/UN_sequence.dcm": "SOPClassUID",  # a part of a data set
    "pydicom/empty_charset_LEI.dcm": "SOPClassUID",
    "pydicom/nested_priv_SQ.dcm": "SOPClassUID",
    "pydicom/JPEGLSNearLossless_16.dcm": "StudyInstanceUID",
    "pydicom_data/HTJ2KLossless_08_RGB.dcm": "StudyInstanceUID",
    "pydicom_data/bad_sequence.dcm": "SOPInstanceUID",  # no digits and dots
    "pylibjpeg/JPEGLosslessP14SV1_1s_1f_u_16_16.dcm": "SOPInstanceUID",
}
NO_SYNTAX = {"pydicom/meta_missing_tsyntax.dcm"}


def agree(head: Head, foreign: pydicom.Dataset) -> list[str]:
    """List the attributes in which they differ, of all that are indexed."""
    wrong = []
    for wanted in _WANTED.values():
        ours: object = getattr(head, wanted.attribute)
        if wanted.vr in {"US", "IS"}:
            theirs: object = _number(foreign, wanted.keyword)
        else:
            theirs = _text(foreign, wanted.keyword)
            # pydicom leaves out empty component groups of a name
            ours = str(ours).rstrip("=") if wanted.vr == "PN" else ours
        if ours != theirs:
            wrong.append(wanted.keyword)
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


def compare(folder: Path, refusals: dict[str, str] | None = None) -> Counter[str]:
    """Compare all files; where `refusals` is given it gets each refused file's named attribute."""
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
            body, syntax = raw[start:], meta.transfer_syntax
            if syntax == DeflatedExplicitVRLittleEndian:
                out = BytesIO()
                inflate(BytesIO(body), out)
                body, syntax = out.getvalue(), ExplicitVRLittleEndian
            try:
                head = read_head(body, syntax, complete=True)
            except Invalid as refused:
                assert refused.field in REFUSED, (path.name, refused)
                if refusals is not None:
                    refusals[path.relative_to(folder).as_posix()] = refused.field
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
    refused: dict[str, str] = {}
    seen = compare(SHARED / "data" / "dicom", refused)
    assert refused == NO_HEAD
    assert seen["file says no transfer syntax"] == len(NO_SYNTAX)
    assert seen["head agrees"] == 270, seen


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
