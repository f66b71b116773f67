"""An orderly stop: stores in hand finish or are refused, never half."""

import contextlib
import socket
import threading
import time
from datetime import timedelta

import pytest
from dimse_house import OpenDoor, associated, connect, receive, request, store

from confrere.dimse import command, pdu


def test_a_store_in_hand_is_answered_then_the_association_aborted(open_door: OpenDoor) -> None:
    house = open_door()
    house.shelf.may_finish.clear()
    with associated(house) as sock:
        sock.sendall(store())
        assert house.shelf.finishing.wait(3)
        stopping = threading.Thread(target=house.door.stop, args=(timedelta(seconds=5),))
        stopping.start()
        time.sleep(0.05)
        house.shelf.may_finish.set()
        kind, body = receive(sock)
        assert kind == pdu.P_DATA
        assert command.parse(body[6:]).number(command.STATUS) == 0
        assert receive(sock)[0] == pdu.ABORT
        stopping.join(5)
    assert len(house.shelf.stored) == 1
    assert house.reasons() == ["we are stopping"]


def test_an_idle_association_is_aborted_at_once(open_door: OpenDoor) -> None:
    house = open_door()
    with associated(house) as sock:
        begun = time.monotonic()
        house.door.stop(timedelta(seconds=5))
        assert receive(sock)[0] == pdu.ABORT
    assert time.monotonic() - begun < 2


def test_a_store_that_never_ends_is_cut_after_the_grace_and_forgotten(
    open_door: OpenDoor,
) -> None:
    house = open_door()
    with associated(house) as sock:
        sock.sendall(store(last=False))
        assert house.shelf.began.wait(3)
        house.door.stop(timedelta(seconds=0.2))
        assert receive(sock)[0] == pdu.ABORT
    assert (len(house.shelf.aborted), house.shelf.stored) == (1, [])


def test_a_stopped_door_takes_no_connection(open_door: OpenDoor) -> None:
    house = open_door()
    port = house.port
    house.door.stop(timedelta(0))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_what_was_acknowledged_under_a_stop_is_what_was_stored(open_door: OpenDoor) -> None:
    house = open_door()
    acknowledged, threads = [], []

    def send() -> None:
        with contextlib.suppress(OSError), connect(house) as sock:  # the stop may come first
            sock.sendall(request())
            if receive(sock)[0] != pdu.ASSOCIATE_AC:
                return
            while True:
                sock.sendall(store(b"y" * 50_000))
                if (answer := receive(sock))[0] != pdu.P_DATA:
                    return
                acknowledged.append(answer)

    for _ in range(6):
        threads.append(threading.Thread(target=send))
        threads[-1].start()
    until = time.monotonic() + 10
    while len(acknowledged) < 10 and time.monotonic() < until:
        time.sleep(0.01)
    house.door.stop(timedelta(seconds=3))
    for thread in threads:
        thread.join(5)
    assert all(len(data) == 50_000 for _, data in house.shelf.stored)
    assert len(house.shelf.stored) >= len(acknowledged) > 0
