"""The head of a data set: what is read, what is refused, what is reported."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from confrere.imaging.elements import MAX_DEPTH
from confrere.imaging.head import Head, NeedMore, read_head, read_whole, refuse_other
from confrere.imaging.whole import check_whole
from confrere.kernel.errors import Invalid

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
SYNTAXES = (IMPLICIT, EXPLICIT, BIG)


def dataset(**values: Any) -> Dataset:
    out = Dataset()
    out.SOPClassUID, out.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    out.StudyInstanceUID, out.SeriesInstanceUID = "1.2.4", "1.2.5"
    for keyword, value in values.items():
        setattr(out, keyword, value)
    return out


def written(data: Dataset, syntax: str = EXPLICIT) -> bytes:
    file = DicomBytesIO()
    file.is_implicit_VR, file.is_little_endian = syntax == IMPLICIT, syntax != BIG
    write_dataset(file, data)
    return file.getvalue()


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def nested(depth: int, *, undefined: bool) -> bytes:
    """Build a data set with `depth` content sequences in one another, explicit little endian."""
    if undefined:
        sequence = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
        item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
        ends = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
        return (sequence + item) * depth + ends * depth
    inner = b""
    for _ in range(depth):
        item = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner
        inner = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, len(item)) + item
    return inner


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_index_value_is_read(syntax: str) -> None:
    data = dataset(
        StudyDate="20260102",
        StudyTime="101112.5",
        AcquisitionDate="20260103",
        AcquisitionTime="101113",
        ContentDate="20260104",
        ContentTime="101114",
        AccessionNumber="A1",
        Modality="CT",
        Manufacturer="Acme",
        InstitutionName="St. Mary",
        ReferringPhysicianName="Roe^R",
        StudyDescription="Chest",
        SeriesDescription="Axial",
        PatientName="Doe^Jane",
        PatientID="P1",
        IssuerOfPatientID="H1",
        PatientBirthDate="19700101",
        PatientSex="F",
        BodyPartExamined="CHEST",
        StudyID="S1",
        SeriesNumber=3,
        InstanceNumber=-4,
        NumberOfFrames=5,
        Rows=512,
        Columns=513,
        TimezoneOffsetFromUTC="-0600",
        BitsAllocated=8,
        PixelData=b"",
    )
    assert read_head(written(data, syntax), syntax, complete=True) == Head(
        sop_class="1.2.840.10008.5.1.4.1.1.2",
        sop_instance="1.2.3",
        study_instance="1.2.4",
        series_instance="1.2.5",
        timezone_offset="-0600",
        study_date="20260102",
        acquisition_date="20260103",
        content_date="20260104",
        study_time="101112.5",
        acquisition_time="101113",
        content_time="101114",
        accession_number="A1",
        modality="CT",
        manufacturer="Acme",
        institution="St. Mary",
        referring_physician="Roe^R",
        study_description="Chest",
        series_description="Axial",
        patient_name="Doe^Jane",
        patient_id="P1",
        patient_id_issuer="H1",
        birth_date="19700101",
        sex="F",
        body_part="CHEST",
        study_id="S1",
        series_number=3,
        instance_number=-4,
        frames=5,
        rows=512,
        columns=513,
    )


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("undefined", [True, False])
def test_a_wanted_tag_inside_a_sequence_is_not_taken_for_the_instances(
    syntax: str, undefined: bool
) -> None:
    inner = dataset(PatientID="OTHER", AccessionNumber="OTHER")
    inner.is_undefined_length_sequence_item = undefined
    outer = dataset(ReferencedStudySequence=Sequence([inner, inner]), PatientID="MINE")
    outer["ReferencedStudySequence"].is_undefined_length = undefined
    head = read_head(written(outer, syntax), syntax, complete=True)
    assert (head.patient_id, head.accession_number) == ("MINE", "")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_head_cut_anywhere_needs_more_and_a_whole_one_so_cut_is_refused(syntax: str) -> None:
    inner = dataset()
    inner.is_undefined_length_sequence_item = True
    data = dataset(ReferencedStudySequence=Sequence([inner]), Rows=1, Columns=2)
    data["ReferencedStudySequence"].is_undefined_length = True
    whole = written(data, syntax)
    assert read_head(whole, syntax, complete=True).columns == 2
    for cut in range(len(whole)):
        with pytest.raises(NeedMore):
            read_head(whole[:cut], syntax)
    with pytest.raises(Invalid, match="cut short"):
        read_head(whole[:60], syntax, complete=True)


@pytest.mark.parametrize(
    "keyword", ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]
)
@pytest.mark.parametrize(
    "value",
    [b"", b"../../etc", b"1.2.3\x00.4", b"1" * 66, b"/1.2", b"1..2", b"\xef\xbc\x91.2 "],
)
def test_the_four_uids_must_be_uids(keyword: str, value: bytes) -> None:
    tags = {
        "SOPClassUID": 0x00080016,
        "SOPInstanceUID": 0x00080018,
        "StudyInstanceUID": 0x0020000D,
        "SeriesInstanceUID": 0x0020000E,
    }
    raw = b"".join(
        element(tag, b"UI", value if name == keyword else b"1.2.3\0")
        for name, tag in tags.items()
    )
    with pytest.raises(Invalid) as refused:
        read_head(raw, EXPLICIT, complete=True)
    assert refused.value.field == keyword


def test_a_uid_padded_by_a_space_passes() -> None:
    raw = written(dataset()).replace(b"1.2.5\0", b"1.2.5 ")
    assert read_head(raw, EXPLICIT, complete=True).series_instance == "1.2.5"


def test_a_repeated_identity_is_refused() -> None:
    raw = written(dataset())
    with pytest.raises(Invalid, match="stands twice"):
        read_head(raw[:34] + raw, EXPLICIT, complete=True)


def test_rows_as_32_bits_are_refused() -> None:
    raw = written(dataset()) + element(0x00280010, b"UL", b"\0\2\0\0")
    with pytest.raises(Invalid) as refused:
        read_head(raw, EXPLICIT, complete=True)
    assert refused.value.field == "Rows"


def test_odd_values_are_kept_and_reported() -> None:
    raw = element(0x00080020, b"DA", b"2026.01.02") + element(0x00080050, b"SH", b"A" * 18)
    rest = element(0x00100010, b"PN", b"Doe\x00^J\x07ane") + element(0x00200011, b"IS", b"one ")
    base = written(dataset())
    uids, study = (
        base[: base.index(b"\x20\x00\x0d\x00")],
        base[base.index(b"\x20\x00\x0d\x00") :],
    )
    head = read_head(uids + raw + study + rest, EXPLICIT, complete=True)
    assert head.patient_name == "Doe^Jane"
    assert head.series_number is None
    assert {p.field for p in head.problems} == {
        "StudyDate",
        "AccessionNumber",
        "PatientName",
        "SeriesNumber",
    }
    assert not any("Doe" in p.message for p in head.problems)


def test_a_command_for_another_instance_is_refused() -> None:
    head = read_head(written(dataset()), EXPLICIT, complete=True)
    refuse_other(head, head.sop_class, head.sop_instance)
    with pytest.raises(Invalid) as refused:
        refuse_other(head, head.sop_class, "1.2.9")
    assert refused.value.field == "AffectedSOPInstanceUID"


@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 300, 2_000])
def test_deep_nesting_is_refused_not_recursed_into(depth: int, undefined: bool) -> None:
    raw = nested(depth, undefined=undefined)
    for check in (
        lambda: check_whole(raw, EXPLICIT),
        lambda: read_head(raw, EXPLICIT, complete=True),
    ):
        with pytest.raises(Invalid, match="deep"):
            check()


@pytest.mark.parametrize("undefined", [True, False])
def test_nesting_within_the_limit_passes(undefined: bool) -> None:
    check_whole(nested(MAX_DEPTH - 1, undefined=undefined), EXPLICIT)


@given(st.binary(max_size=600), st.sampled_from(SYNTAXES), st.booleans())
def test_any_bytes_give_a_head_or_a_reason(raw: bytes, syntax: str, complete: bool) -> None:
    try:
        read_head(raw, syntax, complete=complete)
    except NeedMore:
        assert not complete
    except Invalid as refused:
        assert refused.field, refused
    try:
        check_whole(raw, syntax)
    except Invalid as refused:
        assert refused.field, refused


@given(st.data(), st.sampled_from(SYNTAXES))
def test_any_damage_gives_a_head_or_a_reason(data: st.DataObject, syntax: str) -> None:
    inner = dataset(PatientName="A^B")
    inner.is_undefined_length_sequence_item = True
    raw = bytearray(
        written(
            dataset(
                SpecificCharacterSet=["", "ISO 2022 IR 87"],
                PatientName="Doe^Jane=山田^太郎",
                Rows=3,
                ReferencedStudySequence=Sequence([inner]),
                BitsAllocated=8,
                PixelData=b"12345678",
            ),
            syntax,
        )
    )
    for _ in range(data.draw(st.integers(1, 5))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_head(bytes(raw), syntax, complete=True)
        check_whole(bytes(raw), syntax)
    except Invalid as refused:
        assert refused.field, refused


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_one_walk_refuses_what_two_walks_refuse_at_every_cut(syntax: str) -> None:
    item = Dataset()
    item.ReferencedSOPInstanceUID = "1.2.9"
    data = dataset(Modality="CT", Rows=2, Columns=2, PixelData=bytes(8))
    data.ReferencedImageSequence = Sequence([item])
    data["PixelData"].VR = "OW"
    whole = written(data, syntax)
    assert read_whole(memoryview(whole), syntax) == read_head(whole, syntax, complete=True)
    for cut in range(len(whole)):
        part = whole[:cut]
        try:
            check_whole(part, syntax)
            expected = read_head(part, syntax, complete=True)
        except Invalid:
            with pytest.raises(Invalid):
                read_whole(part, syntax)
        else:
            assert read_whole(part, syntax) == expected
