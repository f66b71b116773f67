"""Messages that break the protocol, or that nobody here provides: answered, or aborted."""

import struct

import pytest
from dimse_house import CT, OpenDoor, associated, receive, store, store_command

from confrere.dimse import command, pdu


@pytest.mark.parametrize(
    ("broken", "because"),
    [
        (pdu.p_data(9, store_command(), command=True, max_pdu=0), "context was not accepted"),
        (pdu.p_data(1, b"data", command=False, max_pdu=0), "expected a command"),
        (pdu.p_data(1, store_command()[:-3], command=True, max_pdu=0), "malformed"),
        (pdu.p_data(1, store_command(), command=True, max_pdu=0) * 2, "expected a data set"),
        (pdu.HEADER.pack(4, 0), "cut short"),
        (pdu.HEADER.pack(4, 6) + pdu.FRAGMENT.pack(1, 1, 3), "longer than its PDU"),
        (pdu.HEADER.pack(4, 6) + pdu.FRAGMENT.pack(0xFFFFFFFF, 1, 3), "longer than its PDU"),
        (pdu.HEADER.pack(4, 6) + pdu.FRAGMENT.pack(2, 1, 0), "empty"),
        (pdu.HEADER.pack(1, 4) + bytes(4), "out of place"),
        (pdu.HEADER.pack(9, 4) + bytes(4), "out of place"),
    ],
)
def test_a_broken_message_is_answered_by_an_abort(
    open_door: OpenDoor, broken: bytes, because: str
) -> None:
    house = open_door()
    with associated(house) as sock:
        sock.sendall(broken)
        assert receive(sock)[0] == pdu.ABORT
    assert house.ended.wait(3)
    assert because in house.reasons()[0]
    assert house.shelf.stored == []


@pytest.mark.parametrize(
    ("field", "answered"), [(0x0021, 0x8021), (0x0140, 0x8140), (0x7777, 0xF777)]
)
def test_an_unknown_operation_is_answered_so(
    open_door: OpenDoor, field: int, answered: int
) -> None:
    house = open_door()
    with associated(house) as sock:
        sock.sendall(pdu.p_data(1, store_command(field), command=True, max_pdu=0))
        sock.sendall(pdu.p_data(1, b"data", command=False, max_pdu=0))
        _, body = receive(sock)
        said = command.parse(body[6:])
        assert (said.field, said.number(command.STATUS)) == (answered, 0x0211)
        sock.sendall(store())
        assert receive(sock)[0] == pdu.P_DATA
    assert len(house.shelf.stored) == 1


def test_another_class_than_the_contexts_is_answered_so(open_door: OpenDoor) -> None:
    house = open_door()
    with associated(house) as sock:
        sock.sendall(pdu.p_data(1, store_command(sop_class=CT + ".1"), command=True, max_pdu=0))
        sock.sendall(pdu.p_data(1, b"data", command=False, max_pdu=0))
        _, body = receive(sock)
        assert command.parse(body[6:]).number(command.STATUS) == 0xA900
    assert house.shelf.stored == []


def test_one_pdu_of_many_fragments_is_read_like_many_pdus(open_door: OpenDoor) -> None:
    house = open_door()
    part = struct.pack(">IBB", 12, 1, 2) + b"0123456789"
    ask = store_command()
    body = struct.pack(">IBB", len(ask) + 2, 1, 3) + ask
    body += struct.pack(">IBB", 7, 1, 0) + b"abcde" + part
    with associated(house) as sock:
        sock.sendall(pdu.HEADER.pack(4, len(body)) + body)
        assert receive(sock)[0] == pdu.P_DATA, house.reasons()
    assert [data for _, data in house.shelf.stored] == [b"abcde0123456789"]
