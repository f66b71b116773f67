"""Command sets against pydicom, and against any bytes."""
# ruff: noqa: RUF001

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import decode, encode

from confrere.dimse import command
from confrere.dimse.pdu import Malformed


def store_request(instance: str = "1.2.3") -> bytes:
    ask = C_STORE()
    ask.MessageID, ask.Priority = 7, 2
    ask.AffectedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    ask.AffectedSOPInstanceUID = instance
    ask.DataSet = io.BytesIO(b"\0\0")
    message = C_STORE_RQ()
    message.primitive_to_message(ask)
    out = encode(message.command_set, is_implicit_vr=True, is_little_endian=True)
    assert out is not None
    return out


def test_a_store_request_written_by_pynetdicom_is_read_as_meant() -> None:
    read = command.parse(store_request())
    assert read.field == command.C_STORE_RQ
    assert read.number(command.MESSAGE_ID) == 7
    assert read.number(command.PRIORITY) == 2
    assert read.text(command.AFFECTED_INSTANCE) == "1.2.3"
    assert read.has_data_set


def test_pydicom_reads_our_response() -> None:
    out = command.response(command.parse(store_request()), 0xA700, "Störage \\ full" + "x" * 80)
    read = decode(io.BytesIO(out), is_implicit_vr=True, is_little_endian=True)
    assert read.CommandField == 0x8001
    assert read.MessageIDBeingRespondedTo == 7
    assert read.CommandDataSetType == 0x0101
    assert read.Status == 0xA700
    assert read.AffectedSOPInstanceUID == "1.2.3"
    assert read.CommandGroupLength == len(out) - 12
    assert read.ErrorComment.startswith("St?rage ? full")
    assert len(read.ErrorComment) == 64


def test_an_action_is_answered_with_the_requested_instance_and_further_elements() -> None:
    asked = command.encode(
        {
            command.COMMAND_FIELD: 0x0130,
            command.MESSAGE_ID: 9,
            command.REQUESTED_CLASS: "1.2.840.10008.1.20.1",
            command.REQUESTED_INSTANCE: "1.2.840.10008.1.20.1.1",
            command.DATA_SET_TYPE: 1,
        }
    )
    out = command.response(command.parse(asked), 0, further=((0x1008, 1),))
    read = decode(io.BytesIO(out), is_implicit_vr=True, is_little_endian=True)
    assert read.CommandField == 0x8130
    assert read.AffectedSOPClassUID == "1.2.840.10008.1.20.1"
    assert read.AffectedSOPInstanceUID == "1.2.840.10008.1.20.1.1"
    assert read.ActionTypeID == 1


def test_an_instance_uid_that_is_none_is_not_echoed() -> None:
    raw = store_request().replace(b"1.2.3\0", b"../../")
    out = command.response(command.parse(raw), 0xC000)
    read = decode(io.BytesIO(out), is_implicit_vr=True, is_little_endian=True)
    assert "AffectedSOPInstanceUID" not in read


@pytest.mark.parametrize("text", ["1", "1.2.840.10008", "0.0", "1" * 64])
def test_digits_and_dots_make_a_uid(text: str) -> None:
    assert command.is_uid(text)


@pytest.mark.parametrize(
    "text", ["", ".", "1.", "1..2", "1" * 65, "1.2\0", "１.2", "1.2\n", "../x"]
)
def test_anything_else_is_no_uid(text: str) -> None:
    assert not command.is_uid(text)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_command_set_or_malformed(data: bytes) -> None:
    try:
        read = command.parse(data)
        assert isinstance(read.has_data_set, bool)
    except Malformed:
        return


def test_a_repeated_element_is_malformed() -> None:
    raw = store_request()
    with pytest.raises(Malformed):
        command.parse(raw + raw[:12])
