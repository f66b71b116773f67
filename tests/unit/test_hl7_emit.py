"""Writing HL7 v2: whatever a value holds, it comes back as that value and nothing else."""

from datetime import UTC, datetime

import hl7
from hypothesis import given, settings
from hypothesis import strategies as st

from confrere.hl7.emit import Header, Repeated, message, segment
from confrere.hl7.escape import STANDARD, escape, unescape
from confrere.hl7.parse import parse

AT = datetime(2026, 3, 14, 10, 15, tzinfo=UTC)
HEADER = Header(
    (("CONFRERE",), ("POOL", "1.2.3", "ISO")), (("RIS",), ("NORTH",)), ("ADT", "A08"), "7", AT
)

ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
HOSTILE = st.sampled_from(
    [
        "DOE\rPID|1||8",
        "\r\nOBX|1|TX|",
        "\x1c\r\x0bMSH|^~\\&|",
        "\\X0D\\PID|2",
        "\\E\\E\\",
        "a\\",
        "\\F",
        "|^~\\&#",
        "<script>\"&'",
        "\\.br\\",
        "\x85\u2028\x0b\x1c",
        "É李😀",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(ANY | HOSTILE, min_size=4, max_size=4))
def test_what_is_written_is_read_back(values: list[str]) -> None:
    plain, component, sub, repeated = values
    raw = message(
        HEADER,
        [
            segment(
                "PID",
                {
                    3: Repeated((("x", component), repeated)),
                    5: plain,
                    6: ("", ("a", sub)),
                    7: "end",
                },
            )
        ],
    )
    assert raw.count(b"\r") == 2
    assert b"\x0b" not in raw
    assert b"\x1c" not in raw
    read = parse(raw)
    assert [s.name for s in read.segments] == ["MSH", "PID"]
    pid = read.segments[1]
    assert pid.text(5, component=None) == plain
    assert pid.text(5) == plain
    assert pid.text(3, 2) == component
    assert pid.text(3, repetition=1) == repeated
    assert pid.text(6, 2, sub=2) == sub
    assert pid.text(7) == "end"


@settings(max_examples=200, deadline=None)
@given(ANY | HOSTILE)
def test_escaping_is_undone_by_unescaping(text: str) -> None:
    assert unescape(escape(text), STANDARD) == text


def test_the_character_set_is_declared_when_and_only_when_it_is_needed() -> None:
    assert parse(message(HEADER, [])).header.text(18) == ""
    raw = message(HEADER, [segment("PID", {5: "NÚÑEZ"})])
    assert parse(raw).header.text(18) == "UNICODE UTF-8"
    assert "NÚÑEZ".encode() in raw


def test_python_hl7_reads_what_we_write() -> None:
    raw = message(HEADER, [segment("PID", {3: ("7", "", "", ("N", "1.2", "ISO"), "MR")})])
    theirs = hl7.parse(raw.decode())
    assert str(theirs.segment("MSH")[4]) == "POOL^1.2.3^ISO"
    assert str(theirs.segment("MSH")[7]) == "20260314101500+0000"
    assert theirs.extract_field("PID", 1, 3, 1, 4, 2) == "1.2"
