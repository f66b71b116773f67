"""The upper layer's bytes: our parser against pynetdicom's writer, and against any bytes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom import build_role
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ, P_DATA_TF
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
    UserIdentityNegotiation,
)
from pynetdicom.presentation import build_context

from confrere.dimse import pdu
from confrere.dimse.pdu import Malformed, Role

CT = "1.2.840.10008.5.1.4.1.1.2"


def request_bytes(contexts: int = 2) -> bytes:
    ask = A_ASSOCIATE()
    ask.application_context_name = pdu.APPLICATION_CONTEXT
    ask.calling_ae_title, ask.called_ae_title = "CT1", "CONFRERE"
    proposed = [build_context(CT) for _ in range(contexts)]
    for number, context in enumerate(proposed):
        context.context_id = 2 * number + 1
    ask.presentation_context_definition_list = proposed
    length = MaximumLengthNotification()
    length.maximum_length_received = 16382
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = "1.2.3"
    window = AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked = 5
    who = UserIdentityNegotiation()
    who.user_identity_type, who.primary_field = 1, b"someone"
    role = build_role(CT, scu_role=True, scp_role=True)
    ask.user_information = [length, implementation, window, who, role]
    out = A_ASSOCIATE_RQ()
    out.from_primitive(ask)
    return out.encode()


def test_a_request_written_by_pynetdicom_is_read_as_meant() -> None:
    parsed = pdu.parse_associate_request(request_bytes()[6:], 128)
    assert (parsed.calling_aet, parsed.called_aet) == ("CT1", "CONFRERE")
    assert [c.id for c in parsed.contexts] == [1, 3]
    assert parsed.contexts[0].abstract_syntax == CT
    assert len(parsed.contexts[0].transfer_syntaxes) == 4
    assert parsed.max_pdu == 16382
    assert parsed.roles == {CT: Role(scu=True, scp=True)}


def test_pynetdicom_reads_our_acceptance() -> None:
    parsed = pdu.parse_associate_request(request_bytes()[6:], 128)
    answers = (
        pdu.AnsweredContext(1, 0, "1.2.840.10008.1.2.1"),
        pdu.AnsweredContext(3, 3, "1.2"),
    )
    out = pdu.associate_accept(parsed, answers, {CT: Role(scu=True, scp=False)}, 131072)
    foreign = A_ASSOCIATE_AC()
    foreign.decode(out)
    assert [(c.context_id, c.result) for c in foreign.presentation_context] == [(1, 0), (3, 3)]
    assert foreign.presentation_context[0].transfer_syntax == "1.2.840.10008.1.2.1"
    assert foreign.user_information is not None
    assert foreign.user_information.maximum_length == 131072
    assert foreign.user_information.implementation_class_uid == pdu.IMPLEMENTATION_CLASS
    (role,) = foreign.user_information.role_selection.values()
    assert (role.scu_role, role.scp_role) == (True, False)


def test_128_contexts_pass_and_the_limit_holds() -> None:
    assert len(pdu.parse_associate_request(request_bytes(128)[6:], 128).contexts) == 128
    with pytest.raises(Malformed):
        pdu.parse_associate_request(request_bytes(9)[6:], 8)


@pytest.mark.parametrize("identifier", [0, 2, 254])
def test_an_even_context_id_is_malformed(identifier: int) -> None:
    body = bytearray(request_bytes(1)[6:])
    at = body.index(b"\x20\x00", 68) + 4
    body[at] = identifier
    with pytest.raises(Malformed):
        pdu.parse_associate_request(bytes(body), 128)


def test_a_repeated_context_id_is_malformed() -> None:
    body = bytearray(request_bytes(2)[6:])
    second = body.index(b"\x20\x00", body.index(b"\x20\x00", 68) + 4) + 4
    body[second] = 1
    with pytest.raises(Malformed):
        pdu.parse_associate_request(bytes(body), 128)


def test_a_request_without_contexts_is_malformed() -> None:
    with pytest.raises(Malformed):
        pdu.parse_associate_request(bytes(68), 128)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_malformed(tail: bytes) -> None:
    try:
        pdu.parse_associate_request(b"\0\1" + bytes(66) + tail, 128)
    except Malformed as error:
        assert error.reason == pdu.INVALID_PARAMETER


@given(st.data())
def test_any_damage_to_a_request_is_read_or_malformed(data: st.DataObject) -> None:
    body = bytearray(request_bytes()[6:])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        pdu.parse_associate_request(bytes(body[: data.draw(st.integers(0, len(body)))]), 128)
    except Malformed as error:
        assert error.reason == pdu.INVALID_PARAMETER


@given(st.binary(max_size=2000), st.sampled_from([0, 128, 500, 16384]))
def test_fragments_join_to_what_was_cut_and_none_exceeds_the_peers_limit(
    payload: bytes, limit: int
) -> None:
    out, joined, lasts = pdu.p_data(5, payload, command=True, max_pdu=limit), b"", []
    while out:
        kind, length = pdu.HEADER.unpack_from(out)
        assert kind == pdu.P_DATA
        assert not limit or length <= limit
        foreign = P_DATA_TF()
        foreign.decode(out[: 6 + length])
        (item,) = foreign.presentation_data_value_items
        assert item.context_id == 5
        joined += item.presentation_data_value[1:]
        lasts.append(item.presentation_data_value[0])
        out = out[6 + length :]
    assert joined == payload
    assert lasts == [1] * (len(lasts) - 1) + [3]


def test_a_maximum_length_too_small_to_answer_is_malformed() -> None:
    body = request_bytes()[6:]
    small = body.replace(struct.pack(">BxHI", 0x51, 4, 16382), struct.pack(">BxHI", 0x51, 4, 7))
    assert small != body
    with pytest.raises(Malformed):
        pdu.parse_associate_request(small, 128)
