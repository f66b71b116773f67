"""Identifiers read and written: against pydicom, and with damage."""

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.filereader import read_dataset
from pynetdicom.dsutils import encode as foreign_encode

from confrere.dimse import identifier
from confrere.dimse.identifier import MOST_BYTES, Value, encode, parse
from confrere.kernel.errors import Invalid

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=12).map(
    lambda t: t.replace("\\", "").replace("=", "").replace("^", "")
)
KEYS = st.fixed_dictionaries(
    {},
    optional={
        0x00080020: st.sampled_from(["", "20260101", "20260101-20260201", "-20260101"]),
        0x00080050: st.sampled_from(["", "A1", "A*", "A?3"]),
        0x00080052: st.sampled_from(["STUDY", "SERIES", "IMAGE", "PATIENT"]),
        0x00100010: WORDS,
        0x00100020: WORDS,
        0x0020000D: st.lists(st.just("1.2.3"), max_size=3).map("\\".join),
        0x00280010: st.sampled_from(["", "512", "512\\256"]),
    },
)


def values(keys: dict[int, str]) -> dict[int, Value]:
    return {tag: Value(identifier.vr_of(tag), text) for tag, text in keys.items()}


def pydicom_reads(data: bytes, syntax: str) -> Dataset:
    return read_dataset(BytesIO(data), syntax == IMPLICIT, True)


@settings(max_examples=150, deadline=None)
@given(KEYS, st.sampled_from([IMPLICIT, EXPLICIT]))
def test_what_we_write_reads_the_same_here_and_in_pydicom(
    keys: dict[int, str], syntax: str
) -> None:
    data = encode(values(keys), syntax)
    ours, theirs = parse(data, syntax), pydicom_reads(data, syntax)
    theirs.decode()
    for tag, text in keys.items():
        assert ours[tag].text == text
        value = theirs[tag].value
        many = value if isinstance(value, list) or theirs[tag].VM > 1 else [value]
        assert "\\".join(str(one) for one in many if one is not None) == text


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([IMPLICIT, EXPLICIT]))
def test_any_bytes_are_read_or_refused(data: bytes, syntax: str) -> None:
    try:
        parse(data, syntax)
    except Invalid as error:
        assert str(error)


@settings(max_examples=200, deadline=None)
@given(KEYS, st.integers(0, 400), st.integers(0, 255), st.sampled_from([IMPLICIT, EXPLICIT]))
def test_a_changed_byte_is_read_or_refused(
    keys: dict[int, str], at: int, byte: int, syntax: str
) -> None:
    nested = values(keys) | {0x00400100: Value("SQ", items=(values(keys),))}
    data = bytearray(encode(nested, syntax))
    data[at % len(data)] = byte
    try:
        parse(bytes(data), syntax)
    except Invalid as error:
        assert str(error)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
@pytest.mark.parametrize("endless", [True, False])
def test_sequences_of_pydicom_are_read(syntax: str, endless: bool) -> None:
    step, code, asked = Dataset(), Dataset(), Dataset()
    code.CodeValue = "C1"
    step.Modality = "CT"
    step.ScheduledProtocolCodeSequence = [code]
    step.is_undefined_length_sequence_item = endless
    asked.ScheduledProcedureStepSequence = [step]
    asked["ScheduledProcedureStepSequence"].is_undefined_length = endless
    asked.StudyInstanceUID = ""
    data = foreign_encode(asked, syntax == IMPLICIT, True)
    assert data
    read = parse(data, syntax)
    (item,) = read[0x00400100].items
    assert item[0x00080060].text == "CT"
    assert item[0x00400008].items[0][0x00080100].text == "C1"
    assert read[0x0020000D].text == ""


def test_the_requesters_character_set_is_kept_when_it_holds_the_text() -> None:
    name = {0x00100010: Value("PN", "Müller^Änne")}
    latin = pydicom_reads(encode(name, EXPLICIT, "ISO_IR 100"), EXPLICIT)
    assert (latin.SpecificCharacterSet, latin.PatientName) == ("ISO_IR 100", "Müller^Änne")
    other = {0x00100010: Value("PN", "Yamada^Tarou=山田^太郎")}
    wide = pydicom_reads(encode(other, EXPLICIT, "ISO_IR 100"), EXPLICIT)
    assert (wide.SpecificCharacterSet, wide.PatientName) == (
        "ISO_IR 192",
        "Yamada^Tarou=山田^太郎",
    )
    assert "SpecificCharacterSet" not in pydicom_reads(
        encode({0x00100010: Value("PN", "Doe^J")}, EXPLICIT, "ISO_IR 100"), EXPLICIT
    )


def test_a_request_is_read_in_its_own_character_set() -> None:
    asked = Dataset()
    asked.SpecificCharacterSet = "ISO_IR 144"
    asked.PatientName = "Жанна"
    data = foreign_encode(asked, True, True)
    assert data
    assert parse(data, IMPLICIT)[0x00100010].text == "Жанна"


def test_too_long_and_too_deep_are_refused() -> None:
    with pytest.raises(Invalid, match="longer"):
        parse(bytes(MOST_BYTES + 2), IMPLICIT)
    item: dict[int, Value] = {0x00080100: Value("SH", "C")}
    for _ in range(6):
        item = {0x00400100: Value("SQ", items=(item,))}
    with pytest.raises(Invalid, match="deep"):
        parse(encode(item, EXPLICIT), EXPLICIT)
