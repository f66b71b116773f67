"""Acknowledgements: each sender gets an answer it can match, even to rubbish."""

from datetime import UTC, datetime

import hl7
import hl7apy.parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from confrere.hl7.acknowledge import Answer, Code, Stamp, read_acknowledgement
from confrere.hl7.door import Decision, respond
from confrere.hl7.envelope import Envelope, read_envelope
from confrere.hl7.framing import Framer, Stray, TooLarge, wrap
from confrere.hl7.parse import parse
from confrere.kernel.errors import Conflict, DomainError, Invalid, Refused, Unavailable

ADT = (
    b"MSH|^~\\&|RIS|NORTH^1.2.3^ISO|CONFRERE|POOL|20260314||ADT^A08^ADT_A01|42|T|2.5.1"
    b"\rPID|1||7||DOE^JANE"
)


def stamp() -> Stamp:
    return Stamp(datetime(2026, 3, 14, 10, 15, tzinfo=UTC), "ACK1")


def accept(_envelope: Envelope, _raw: bytes) -> Decision:
    return Decision()


def test_an_accepted_message_is_acknowledged_with_the_parties_swapped() -> None:
    theirs = hl7.parse(respond(ADT, accept, stamp).decode())
    msh, msa = theirs.segment("MSH"), theirs.segment("MSA")
    assert [str(msh[n]) for n in (3, 4, 5, 6)] == ["CONFRERE", "POOL", "RIS", "NORTH^1.2.3^ISO"]
    assert [str(msh[n]) for n in (9, 10, 11, 12)] == ["ACK^A08^ACK", "ACK1", "T", "2.5.1"]
    assert [str(msa[n]) for n in (1, 2)] == ["AA", "42"]
    assert len(theirs) == 2


def test_the_owner_of_the_inbox_sees_envelope_and_bytes() -> None:
    seen: list[tuple[Envelope, bytes]] = []

    def store(envelope: Envelope, raw: bytes) -> Decision:
        seen.append((envelope, raw))
        return Decision(Answer(Code.REJECTED, "Unknown sender"))

    answer = read_acknowledgement(respond(ADT, store, stamp))
    assert (answer.code, answer.text, answer.control_id) == ("AR", "Unknown sender", "42")
    assert seen[0][0].sending_facility == ("NORTH", "1.2.3", "ISO")
    assert (seen[0][0].message_type, seen[0][0].trigger) == ("ADT", "A08")
    assert seen[0][1] == ADT


@pytest.mark.parametrize(
    ("error", "code", "fault", "place"),
    [
        (Invalid("PID-3 must be filled", field="PID-3"), "AR", "102", "PID^1^3"),
        (Invalid("OBR-4.1 is needed", field="OBR-4.1"), "AR", "102", "OBR^1^4^1^1"),
        (Refused("This sender is not known here"), "AR", "204", ""),
        (Conflict("Sent again too soon"), "AE", "207", ""),
        (Unavailable("Try again later"), "AE", "207", ""),
    ],
)
def test_a_refusal_says_why_and_where(
    error: DomainError, code: str, fault: str, place: str
) -> None:
    def refuse(_envelope: Envelope, _raw: bytes) -> Decision:
        raise error

    raw = respond(ADT, refuse, stamp)
    err = parse(raw).first("ERR")
    assert err is not None
    assert read_acknowledgement(raw).code == code
    assert (err.text(3), err.text(3, 3), err.text(4)) == (fault, "HL70357", "E")
    assert err.raw(2) == place
    assert err.text(8) == str(error)
    assert b"DOE" not in raw
    theirs = hl7apy.parser.parse_message(raw.decode(), find_groups=False)
    assert theirs.err.err_3.err_3_1.value == fault


def test_older_versions_get_the_error_in_their_own_form() -> None:
    raw = respond(ADT.replace(b"|42|T|2.5.1", b"||T|2.3"), accept, stamp)
    read = parse(raw)
    assert read.header.text(12) == "2.3"
    assert read.header.raw(9) == "ACK^A08"
    assert read.segments[2].raw(1).startswith("MSH^1^10^101&")
    assert read_acknowledgement(raw).control_id == ""


@pytest.mark.parametrize(
    "raw", [b"", b"rubbish", b"MSH", b"MSHABCDEF", b"MSH|ABCD|X|Y", b"PID|1||7", b"\xff" * 99]
)
def test_rubbish_is_rejected_with_an_empty_control_id(raw: bytes) -> None:
    answer = read_acknowledgement(respond(raw, accept, stamp))
    assert (answer.code, answer.control_id) == ("AR", "")


def test_a_batch_is_rejected_with_its_own_control_id() -> None:
    raw = b"BHS|^~\\&|RIS|NORTH|C|P|20260314||||B7\r" + ADT + b"\rBTS|1"
    assert read_acknowledgement(respond(raw, accept, stamp)).code == "AR"
    assert read_envelope(raw).control_id == "B7"
    assert read_envelope(raw).sending_application[0] == "RIS"


def test_the_same_message_again_gets_the_same_bytes() -> None:
    first = respond(ADT, accept, stamp)

    def again(_envelope: Envelope, _raw: bytes) -> Decision:
        return Decision(earlier=first)

    assert respond(ADT, again, lambda: Stamp(datetime.now(UTC), "ACK2")) == first


def test_a_hostile_control_id_is_escaped_in_the_answer() -> None:
    raw = ADT.replace(b"|42|", b"|\\X0D\\PID\\F\\8|")
    answer = respond(raw, accept, stamp)
    assert [s.name for s in parse(answer).segments] == ["MSH", "MSA"]
    assert read_acknowledgement(answer).control_id == "PID|8"


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda b: b"MSH|^~\\&|" + b))
def test_every_message_gets_an_answer(raw: bytes) -> None:
    assert read_acknowledgement(respond(raw, accept, stamp)).code in {"AA", "AR"}


@given(st.lists(st.binary(max_size=30).filter(lambda b: b"\x1c\r" not in b + b"\x1c")
                .filter(lambda b: not b.endswith(b"\x1c")), max_size=5), st.integers(1, 7))  # fmt: skip
def test_blocks_are_found_however_the_bytes_arrive(contents: list[bytes], size: int) -> None:
    stream = b"\r\n".join(map(wrap, contents))
    framer, found = Framer(1000, 100), list[bytes]()
    for start in range(0, len(stream), size):
        framer.feed(stream[start : start + size])
        while (content := framer.next()) is not None:
            found.append(content)
    assert found == contents


def test_a_framer_holds_no_more_than_its_limits() -> None:
    framer = Framer(10, 5)
    framer.feed(b"\x0b" + b"x" * 10 + b"\x1c\r")
    assert framer.next() == b"x" * 10
    framer.feed(b"\x0b" + b"x" * 11 + b"\x1c\r")
    with pytest.raises(TooLarge):
        framer.next()
    endless = Framer(10, 5)
    endless.feed(b"\x0b" + b"x" * 12)
    with pytest.raises(TooLarge):
        endless.next()
    talker = Framer(10, 5)
    talker.feed(b"GET /")
    assert talker.next() is None
    talker.feed(b" ")
    with pytest.raises(Stray):
        talker.next()
