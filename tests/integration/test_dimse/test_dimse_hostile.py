"""Hostile, broken and hung peers over raw sockets: cut, bounded, and nobody else suffers."""

import contextlib
import socket
import time
from datetime import timedelta
from pathlib import Path

import pytest
from dimse_house import OpenDoor, associated, connect, echo, receive, request, store

from confrere.dimse import pdu
from confrere.dimse.limits import Limits

SMALL = Limits(
    time_to_request=timedelta(seconds=0.4),
    idle=timedelta(seconds=0.4),
    pdu_wait=timedelta(seconds=0.4),
    message_wait=timedelta(seconds=1),
    linger=timedelta(seconds=0.2),
    idle_before_eviction=timedelta(seconds=0.1),
)


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"",
        b"\0" * 64,
        b"\xff" * 4096,
        b"\x02\0\0\0\0\4\0\0\0\0",
        b"\x04\0\0\0\0\x06\0\0\0\2\1\3",
        b"\x01\0\0\0\0\x04abcd",
        request()[:-1],
        request()[:40],
    ],
)
def test_garbage_ends_the_connection_and_nothing_else(
    open_door: OpenDoor, garbage: bytes
) -> None:
    house = open_door(SMALL)
    with connect(house) as sock:
        sock.sendall(garbage)
        sock.shutdown(socket.SHUT_WR)
        assert receive(sock)[0] in {0, pdu.ABORT}
    assert house.ended.wait(3)
    assert echo(house) < 1
    assert house.opened() == 1


@pytest.mark.parametrize("kind", [1, 4, 7])
@pytest.mark.parametrize("established", [True, False])
def test_a_pdu_length_bomb_is_cut_with_flat_memory(
    open_door: OpenDoor, kind: int, established: bool
) -> None:
    house = open_door()
    before = resident()
    with associated(house) if established else connect(house) as sock:
        sent = 0
        try:
            sock.sendall(pdu.HEADER.pack(kind, 0xFFFFFFF0))
            for _ in range(600):
                sock.sendall(bytes(1 << 20))
                sent += 1
        except OSError:
            pass
        assert sent < 60
    assert resident() - before < 64 * 2**20
    assert echo(house) < 1


def test_fragments_without_an_end_are_cut_at_the_caps(open_door: OpenDoor) -> None:
    house = open_door(Limits(data_set=1 << 20))
    house.shelf.keeps = False
    for opening, command_bit in ((b"", 1), (store(b"x", last=False), 0)):
        house.ended.clear()
        with associated(house) as sock:
            fragment = pdu.HEADER.pack(4, 60_006) + pdu.FRAGMENT.pack(60_002, 1, command_bit)
            try:
                sock.sendall(opening)
                for _ in range(200):
                    sock.sendall(fragment + bytes(60_000))
            except OSError:
                pass
        assert house.ended.wait(3)
    assert house.shelf.written <= 1 << 20
    assert len(house.shelf.aborted) == 1
    assert [r for r in house.reasons() if "too long" in r] == [
        "malformed: command set is too long",
        "malformed: data set is too long",
    ]


def test_a_peer_that_goes_in_the_middle_of_a_store_aborts_the_sink_once(
    open_door: OpenDoor,
) -> None:
    house = open_door()
    with associated(house) as sock:
        sock.sendall(store(b"x" * 100_000)[:50_000])
        assert house.shelf.began.wait(3)
    assert house.ended.wait(3)
    assert (len(house.shelf.aborted), house.shelf.stored) == (1, [])


def test_an_abort_in_the_middle_of_a_store_aborts_the_sink_once(open_door: OpenDoor) -> None:
    house = open_door()
    with associated(house) as sock:
        sock.sendall(store(last=False) + pdu.HEADER.pack(pdu.ABORT, 4) + bytes(4))
        assert house.ended.wait(3)
    assert (len(house.shelf.aborted), house.shelf.stored) == (1, [])
    assert house.reasons() == ["aborted by the peer"]


@pytest.mark.parametrize("stage", ["before the request", "in a PDU", "in a header"])
def test_dripping_bytes_are_cut(open_door: OpenDoor, stage: str) -> None:
    house = open_door(SMALL)
    slow = {"before the request": request(), "in a PDU": store()}.get(stage, b"\4\0\0\0\0\0")
    begun = time.monotonic()
    with connect(house) if stage == "before the request" else associated(house) as sock:
        try:
            for byte in slow:
                sock.sendall(bytes([byte]))
                time.sleep(0.1)
        except OSError:
            pass
        assert house.ended.wait(1)
    assert time.monotonic() - begun < 2
    assert house.reasons() == ["too slow"]


def test_a_store_of_many_small_pdus_is_cut_by_the_messages_deadline(
    open_door: OpenDoor,
) -> None:
    house = open_door(SMALL)
    fragment = pdu.HEADER.pack(4, 7) + pdu.FRAGMENT.pack(3, 1, 0) + b"x"
    with associated(house) as sock:
        sock.sendall(store(last=False))
        try:
            for _ in range(40):
                sock.sendall(fragment)
                time.sleep(0.1)
        except OSError:
            pass
    assert house.ended.wait(1)
    assert house.reasons() == ["too slow"]
    assert len(house.shelf.aborted) == 1


def test_an_idle_association_is_cut_with_an_abort(open_door: OpenDoor) -> None:
    house = open_door(SMALL)
    with associated(house) as sock:
        assert receive(sock)[0] == pdu.ABORT


@pytest.mark.parametrize("said", [b"", b"\1\0", request()[:-1]])
def test_60_hung_sockets_do_not_lock_out_an_echo(open_door: OpenDoor, said: bytes) -> None:
    house = open_door()
    hung = [connect(house) for _ in range(60)]
    for sock in hung:
        with contextlib.suppress(OSError):
            sock.sendall(said)
    assert echo(house) < 1
    for sock in hung:
        sock.close()


def test_60_hung_associations_do_not_lock_out_an_echo(open_door: OpenDoor) -> None:
    house = open_door(Limits(idle_before_eviction=timedelta(seconds=0.05)))
    hung = []
    for _ in range(60):
        sock = connect(house)
        sock.sendall(request())
        if receive(sock)[0] == pdu.ASSOCIATE_AC:
            sock.sendall(store(last=False))
        hung.append(sock)
        time.sleep(0.005)
    time.sleep(0.06)
    assert echo(house) < 1
    for sock in hung:
        sock.close()


def test_more_than_an_addresss_share_is_rejected_for_now(open_door: OpenDoor) -> None:
    house = open_door(Limits(associations_per_address=2))
    with associated(house), associated(house), connect(house) as third:
        third.sendall(request())
        kind, body = receive(third)
    assert (kind, tuple(body[1:])) == (pdu.ASSOCIATE_RJ, (2, 3, 2))


def test_200_connections_leave_no_thread_and_no_descriptor(open_door: OpenDoor) -> None:
    house = open_door(SMALL)
    echo(house)
    files = len(list(Path("/proc/self/fd").iterdir()))
    threads = len(list(Path("/proc/self/task").iterdir()))
    for number in range(200):
        with connect(house) as sock:
            sock.sendall([b"", request(), request()[:30], b"\xff" * 100][number % 4])
    until = time.monotonic() + 5
    while time.monotonic() < until and len(house.reasons()) < 201:
        time.sleep(0.02)
    time.sleep(0.05)
    assert len(list(Path("/proc/self/fd").iterdir())) <= files
    assert len(list(Path("/proc/self/task").iterdir())) <= threads
