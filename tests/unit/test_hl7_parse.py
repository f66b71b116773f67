"""Parsing HL7 v2: what is tolerated, what is refused, and that foreign parsers agree."""

import os
import tracemalloc
from pathlib import Path

import hl7
import hl7apy.parser
import pytest
from hl7apy.exceptions import HL7apyException
from hypothesis import given, settings
from hypothesis import strategies as st

from confrere.hl7.batch import split_batch
from confrere.hl7.envelope import read_envelope
from confrere.hl7.escape import unescape
from confrere.hl7.parse import parse
from confrere.kernel.errors import Invalid
from tests.peers import needs_shared

SHARED = Path(os.environ.get("CONFRERE_SHARED", Path(__file__).parents[3] / "shared"))
FILES = sorted(path for path in (SHARED / "data/hl7").glob("*/*") if path.is_file())
MSH = rb"MSH|^~\&|RIS|NORTH|CONFRERE|POOL|20260314101500||ADT^A08|42|P|2.5.1"


def messages() -> list[bytes]:
    return [message for path in FILES for message in split_batch(path.read_bytes())]


@needs_shared()
def test_every_real_message_parses() -> None:
    assert len(FILES) == 107
    parsed = [parse(raw) for raw in messages()]
    assert len(parsed) == 112
    assert all(message.kind[0] for message in parsed)


@needs_shared()
def test_python_hl7_reads_the_same_fields_where_it_can_read_the_message() -> None:
    compared = refused = 0
    for raw in messages():
        ours = parse(raw)
        lines = [s.line for s in ours.segments]
        if "\\\\" in lines[0][:10] or any("\n" in line for line in lines):
            continue
        try:
            theirs = hl7.parse("\r".join(lines))
        except Exception:  # noqa: BLE001 - whatever it refuses is counted
            refused += 1
            continue
        for mine, other in zip(ours.segments, theirs, strict=True):
            offset = 1 if mine.name == "MSH" else 0
            for number in range(3 if offset else 1, len(other)):
                compared += 1
                assert mine.raw(number) == str(other[number]), (mine.name, number)
    assert compared > 5000
    assert refused < 15


@needs_shared()
def test_hl7apy_reads_the_same_patient_where_it_can_read_pid() -> None:
    compared = 0
    for raw in messages():
        pid = parse(raw).first("PID")
        if pid is None:
            continue
        try:
            theirs = hl7apy.parser.parse_segment(pid.line, version="2.5.1")
        except HL7apyException:
            continue
        for number in (3, 5, 7, 8, 11):
            compared += 1
            values = [field.to_er7() for field in getattr(theirs, f"pid_{number}")]
            assert pid.repetitions(number) == len(values)
            for n, value in enumerate(values):
                # it closes up empty components beyond those of the data type
                expected = [*value.split("^"), *[""] * 9][:9]
                found = [pid.text(number, c, n, sub=None) for c in range(1, 10)]
                assert found == expected
    assert compared > 400


@pytest.mark.parametrize("end", [b"\r", b"\r\n", b"\n"])
def test_segments_may_end_with_cr_crlf_or_lf(end: bytes) -> None:
    message = parse(end.join([MSH, b"PID|1||7^^^N", b"PV1||O", b""]))
    assert [s.name for s in message.segments] == ["MSH", "PID", "PV1"]
    assert message.first("PV1").text(2) == "O"  # type: ignore[union-attr]


def test_values_are_found_by_field_component_repetition_and_subcomponent() -> None:
    message = parse(MSH + b"\rPID|1||A^^^N&1.2&ISO^MR~B^^^M^PI")
    pid = message.all("PID")[0]
    assert pid.text(3) == "A"
    assert pid.text(3, component=4, sub=2) == "1.2"
    assert pid.text(3, component=5, repetition=1) == "PI"
    assert pid.text(3, component=4, sub=None) == "N&1.2&ISO"
    assert pid.repetitions(3) == 2
    assert pid.text(99) == pid.text(3, 99) == pid.text(3, 1, 99) == pid.text(0) == ""
    assert (message.header.text(1), message.header.text(2)) == ("|", "^~\\&")
    assert message.header.text(10) == "42"


@pytest.mark.parametrize(
    ("start", "field"),
    [
        (rb"MSHA^~\&A", "MSH-1"),
        (rb"MSH ^~\& ", "MSH-1"),
        (rb"MSH|ab\&|", "MSH-2"),
        (rb"MSH|^~1&|", "MSH-2"),
        (rb"MSH|^^\&|", "MSH-2"),
        (rb"MSH|^~\^|", "MSH-2"),
        (rb"MSH||", "MSH-2"),
        (b"MSH|^~\\\xe9|", "MSH-2"),
    ],
)
def test_letters_digits_and_duplicates_are_refused_as_delimiters(
    start: bytes, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        parse(start + b"RIS|NORTH\rPID|1")
    assert refused.value.field == field
    assert not read_envelope(start + b"RIS|NORTH\rPID|1").readable


def test_other_delimiters_are_followed() -> None:
    message = parse(b"MSH#*+!%#RIS#N\rPID#1##A*B%C+D#E!F!E!S!E!T!E!E!")
    pid = message.first("PID")
    assert pid is not None
    assert (pid.text(3, 2, sub=2), pid.text(3, repetition=1)) == ("C", "D")
    assert pid.text(4) == "E#E*E%E!"


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", r"a|b^c&d~e\f"),
        (r"one\.br\two\.sp2\three", "one\ntwo\n\nthree"),
        (r"\H\bold\N\ \.in+4\text", "bold text"),
        (r"cut\X0D\\X0A\here", "cut\r\nhere"),
        (r"\XC3\\X89\COLE \XC389\COLE", "ÉCOLE ÉCOLE"),
        (r"lone \ back", "lone \\ back"),
        (r"50\ of \T\ x", r"50\ of & x"),
        (r"\Q\ \X0\ \XZZ\ \F", r"\Q\ \X0\ \XZZ\ \F"),
        (r"\E\E\E\ ", "\\E\\ "),
        (r"\.sp999999\end", "\n" * 50 + "end"),
        (r"nul\X00\here", "nul\ufffdhere"),
    ],
)
def test_escapes_are_undone_and_unbalanced_ones_stay_literal(raw: str, meant: str) -> None:
    message = parse(MSH + b"\rNTE|1||" + raw.encode())
    assert message.segments[1].text(3, component=None) == meant


def test_an_escaped_segment_end_stays_inside_its_field() -> None:
    message = parse(MSH + rb"\rPID|1||7||DOE\X0D\PID|1||8".replace(rb"\r", b"\r"))
    assert len(message.all("PID")) == 1
    hidden = parse(MSH + b"\rPID|1||7||DOE\\X0D\\PID\\F\\1\\F\\\\F\\8^JANE\rPV1||O")
    assert hidden.first("PID").text(5) == "DOE\rPID|1||8"  # type: ignore[union-attr]
    assert [s.name for s in hidden.segments] == ["MSH", "PID", "PV1"]


def test_bare_line_feeds_in_report_text_lose_nothing() -> None:
    message = parse(MSH + b"\rOBX|1|TX|a||first\nCXR\n\nno change|||||F\rNTE|1||x\n")
    obx, nte = message.segments[1:]
    assert obx.text(5) == "first\nCXR\n\nno change"
    assert obx.text(10) == "F"
    assert nte.text(3) == "x"


@pytest.mark.parametrize(
    ("declared", "raw", "read"),
    [
        (b"", "MÜLLER".encode(), "MÜLLER"),
        (b"", "MÜLLER".encode("latin-1"), "MÜLLER"),
        (b"ASCII", "MÜLLER".encode(), "MÜLLER"),
        (b"8859/1", "MÜLLER".encode("latin-1"), "MÜLLER"),
        (b"8859/1", "MÄLLER É".encode(), "MÄLLER É"),
        (b"8859/5", "ИВАНОВ".encode("iso8859-5"), "ИВАНОВ"),
        (b"8859/2~", "ŁÓDŹ".encode("iso8859-2"), "ŁÓDŹ"),
        (b"UNICODE UTF-8", "李".encode(), "李"),
        (b"UNICODE UTF-8", "É".encode("latin-1"), "É"),
        (b"GB 18030-2000", "李".encode("gb18030"), "李"),
        (b"KLINGON", "É".encode(), "É"),
    ],
)
def test_the_character_set_is_as_declared_or_as_the_bytes_prove(
    declared: bytes, raw: bytes, read: str
) -> None:
    message = parse(MSH + b"||||||" + declared + b"\rPID|1||7||" + raw)
    assert message.segments[1].text(5) == read


def test_hex_escapes_are_in_the_messages_own_character_set() -> None:
    message = parse(MSH + b"||||||8859/1\rNTE|1||OPERA\\XC7\\\\XC3\\O")
    assert message.segments[1].text(3) == "OPERAÇÃO"
    assert unescape(r"\XC7\O", message.delimiters) == "ÇO"


def test_a_second_msh_or_a_batch_is_refused_and_split_batch_cuts_it() -> None:
    two = MSH + b"\rPID|1||1\r" + MSH + b"\rPID|1||2\r"
    batch = b"FHS|^~\\&|\rBHS|^~\\&|\r" + two + b"BTS|2\rFTS|1\r"
    for raw in (two, batch):
        with pytest.raises(Invalid):
            parse(raw)
        cut = split_batch(raw)
        assert [parse(m).all("PID")[0].text(3) for m in cut] == ["1", "2"]
    assert split_batch(b"nothing here") == ()


@pytest.mark.parametrize(
    "raw",
    [
        MSH + b"\rZZZ" * 100_001,
        MSH + b"\rOBX|1|\nTX" * 100_001,
        MSH + b"\rZZZ" + b"|" * 10_001,
        MSH + b"x" * (16 * 1024 * 1024),
        b"",
        b"PID|1",
    ],
)
def test_what_exceeds_the_limits_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid):
        parse(raw)


def test_a_field_of_countless_repetitions_is_refused_when_counted() -> None:
    pid = parse(MSH + b"\rPID|1||" + b"~" * 5000).segments[1]
    with pytest.raises(Invalid) as refused:
        pid.repetitions(3)
    assert refused.value.field == "PID-3"


def test_a_hostile_message_costs_a_small_multiple_of_its_bytes() -> None:
    raw = MSH + (b"\rZZZ" + b"|" * 9_990) * 400
    tracemalloc.start()
    try:
        parse(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(raw)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda b: MSH + b"\r" + b))
def test_arbitrary_bytes_raise_only_invalid(raw: bytes) -> None:
    read_envelope(raw)
    split_batch(raw)
    try:
        message = parse(raw)
    except Invalid as refused:
        assert refused.field
        return
    for segment in message.segments:
        for number in range(20):
            segment.text(number)
            segment.text(number, component=None)
