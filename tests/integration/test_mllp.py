"""MLLP over real sockets on loopback: foreign clients and servers, and hostile peers."""

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hl7
import pytest
from hl7.client import MLLPClient

from confrere.hl7.acknowledge import Stamp
from confrere.hl7.door import Decision, respond
from confrere.hl7.envelope import Envelope
from confrere.hl7.framing import wrap
from confrere.hl7.mllp import Limits, Listener, Peer
from confrere.hl7.sender import Sender

MESSAGE = (
    b"MSH|^~\\&|RIS|NORTH|CONFRERE|POOL|20260314||ADT^A08^ADT_A01|%s|P|2.5.1\r"
    b"EVN|A08|20260314\rPID|1||7^^^NORTH||N\xc3\x9a\xc3\x91EZ^JANE\rPV1|1|O\r"
)
SECOND = timedelta(seconds=1)
Open = Callable[..., Listener]


def stamp() -> Stamp:
    return Stamp(datetime.now(UTC), "ACK1")


class Inbox:
    """Stores what comes, like the wiring does, but in memory."""

    def __init__(self) -> None:
        self.stored: list[bytes] = []
        self.peers: list[Peer] = []

    def receive(self, raw: bytes, peer: Peer) -> bytes:
        """Answer a message and keep it."""
        self.peers.append(peer)
        return respond(raw, self._accept, stamp)

    def _accept(self, _envelope: Envelope, raw: bytes) -> Decision:
        self.stored.append(raw)
        return Decision()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def listen(inbox: Inbox) -> Iterator[Open]:
    opened: list[Listener] = []

    def open_listener(limits: Limits | None = None, **more: Any) -> Listener:
        wanted = {"admit": lambda _a: True, "receive": inbox.receive, "stamp": stamp} | more
        listener = Listener("127.0.0.1", 0, limits or Limits(), **wanted)
        listener.start()
        opened.append(listener)
        return listener

    yield open_listener
    for listener in opened:
        listener.stop(SECOND)


def connect(listener: Listener) -> socket.socket:
    return socket.create_connection(listener.address, timeout=5)


def read_all(connection: socket.socket) -> bytes:
    read = b""
    with contextlib.suppress(ConnectionError):
        while data := connection.recv(65536):
            read += data
    return read


def send(listener: Listener, control_id: bytes = b"1") -> str:
    return Sender().send(*listener.address, MESSAGE % control_id, 5 * SECOND).code


def test_python_hl7s_client_is_understood_and_understands(listen: Open, inbox: Inbox) -> None:
    listener = listen()
    with MLLPClient(*listener.address) as client:
        for number in range(20):
            raw = client.send_message(MESSAGE % b"%d" % number)
            theirs = hl7.parse(raw.strip(b"\x0b\x1c\r").decode())
            assert str(theirs.segment("MSA")[1]) == "AA"
            assert str(theirs.segment("MSA")[2]) == str(number)
    assert inbox.stored == [MESSAGE % b"%d" % number for number in range(20)]
    assert inbox.peers[0].address == "127.0.0.1"


def test_the_mllp_send_command_delivers_a_file(
    listen: Open, inbox: Inbox, tmp_path: Path
) -> None:
    listener = listen()
    file = tmp_path / "messages.hl7"
    file.write_bytes(wrap(MESSAGE % b"1") + wrap(MESSAGE % b"2"))
    command = [sys.executable, "-m", "hl7.client", "-p", str(listener.address[1])]
    done = subprocess.run(
        [*command, "--file", str(file), "127.0.0.1"],
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert done.stdout.count(b"MSA|AA|") == 2
    assert [raw.rstrip() for raw in inbox.stored] == [
        (MESSAGE % b"1").rstrip(), (MESSAGE % b"2").rstrip()
    ]  # fmt: skip


def test_several_messages_in_one_packet_and_noise_between_them(
    listen: Open, inbox: Inbox
) -> None:
    with connect(listen()) as peer:
        peer.sendall(wrap(MESSAGE % b"1") + b"\r\n" + wrap(MESSAGE % b"2") + b"\n")
        peer.shutdown(socket.SHUT_WR)
        assert read_all(peer).count(b"MSA|AA|") == 2
    assert len(inbox.stored) == 2


def test_a_message_arriving_byte_by_byte_is_stored_whole(listen: Open, inbox: Inbox) -> None:
    with connect(listen()) as peer:
        for byte in wrap(MESSAGE % b"1"):
            peer.sendall(bytes([byte]))
        assert b"MSA|AA|1" in peer.recv(4096)
    assert inbox.stored == [MESSAGE % b"1"]


def test_a_stream_without_an_end_is_rejected_and_cut(listen: Open, inbox: Inbox) -> None:
    listener = listen(Limits(frame_bytes=100_000))
    with connect(listener) as peer:
        with contextlib.suppress(ConnectionError):
            peer.sendall(b"\x0b" + MESSAGE % b"9" + b"x" * 300_000)
        answer = read_all(peer)
    assert b"MSA|AR|9|" in answer
    assert inbox.stored == []
    assert send(listener) == "AA"


def test_300_mb_without_an_end_cost_little_memory(listen: Open) -> None:
    listener = listen()
    before = resident_bytes()
    peaks = [0]
    with connect(listener) as peer, contextlib.suppress(OSError):
        chunk = b"\x0b" + b"x" * 1_000_000
        for _ in range(300):
            peer.sendall(chunk)
            peaks[0] = max(peaks[0], resident_bytes() - before)
    assert peaks[0] < 64 * 1024 * 1024
    assert send(listener) == "AA"


def resident_bytes() -> int:
    status = Path("/proc/self/statm")
    if not status.exists():
        pytest.skip("resident memory is read from /proc")
    return int(status.read_text().split()[1]) * 4096


def test_200_half_messages_are_reaped_while_others_are_served(listen: Open) -> None:
    limits = Limits(connections=250, per_address=250, frame=timedelta(seconds=0.8))
    listener = listen(limits)
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(connect(listener)) for _ in range(200)]
        for peer in peers:
            peer.sendall((b"\x0b" + MESSAGE)[:40])
        began = time.monotonic()
        assert send(listener) == "AA"
        assert time.monotonic() - began < 1
        assert all(read_all(peer) == b"" for peer in peers)
        assert time.monotonic() - began < 4
    assert send(listener) == "AA"


def test_trickling_bytes_do_not_extend_the_deadline(listen: Open) -> None:
    listener = listen(Limits(frame=timedelta(seconds=0.4)))
    with connect(listener) as peer:
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began < 4:
                peer.sendall(b"\x0b")
                time.sleep(0.05)
        assert time.monotonic() - began < 2


def test_a_silent_connection_is_closed(listen: Open) -> None:
    with connect(listen(Limits(idle=timedelta(seconds=0.2)))) as peer:
        assert read_all(peer) == b""


def test_all_connections_together_may_hold_only_so_much(listen: Open) -> None:
    listener = listen(Limits(pending_bytes=400_000))
    with connect(listener) as first, connect(listener) as second:
        first.sendall(b"\x0b" + MESSAGE % b"1" + b"x" * 300_000)
        time.sleep(0.3)
        with contextlib.suppress(ConnectionError):
            second.sendall(b"\x0b" + MESSAGE % b"2" + b"x" * 300_000)
        assert b"MSA|AE|2|" in read_all(second)
        first.sendall(b"\x1c\r")
        assert b"MSA|AA|1" in first.recv(4096)
    assert send(listener) == "AA"


def test_what_does_not_speak_mllp_is_cut(listen: Open, inbox: Inbox) -> None:
    with connect(listen(Limits(stray_bytes=100))) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 100)
        assert read_all(peer) == b""
    assert inbox.stored == []


def test_half_a_message_followed_by_another_is_never_merged(listen: Open, inbox: Inbox) -> None:
    with connect(listen()) as peer:
        peer.sendall(b"\x0b" + MESSAGE % b"1" + wrap(MESSAGE % b"2"))
        assert b"MSA|AR|1|" in peer.recv(4096)
        peer.sendall(wrap(MESSAGE % b"3"))
        assert b"MSA|AA|3" in peer.recv(4096)
    assert inbox.stored == [MESSAGE % b"3"]


def test_connections_are_limited_overall_and_per_address(listen: Open) -> None:
    for limits in (Limits(connections=2), Limits(per_address=2)):
        listener = listen(limits)
        with (
            connect(listener) as first,
            connect(listener) as second,
            connect(listener) as third,
        ):
            assert read_all(third) == b""
            for peer in (first, second):
                peer.sendall(wrap(MESSAGE % b"1"))
                assert b"MSA|AA|1" in peer.recv(4096)


def test_an_address_that_is_not_admitted_is_not_heard(listen: Open, inbox: Inbox) -> None:
    asked: list[str] = []
    listener = listen(admit=lambda address: bool(asked.append(address)))
    with connect(listener) as peer:
        assert read_all(peer) == b""
    assert asked == ["127.0.0.1"]
    assert inbox.stored == []


def test_a_failure_while_storing_is_answered_without_details(
    listen: Open, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(raw: bytes, _peer: Peer) -> bytes:
        raise RuntimeError(raw.decode())

    listener = listen(receive=fail)
    answer = Sender().send(*listener.address, MESSAGE % b"5", 5 * SECOND)
    assert (answer.code, answer.control_id) == ("AE", "5")
    assert "JANE" not in answer.text
    assert "JANE" not in caplog.text
    assert "RuntimeError" in caplog.text


def test_stopping_lets_a_message_being_stored_get_its_answer(listen: Open) -> None:
    storing, stored = threading.Event(), list[bytes]()

    def slow(raw: bytes, _peer: Peer) -> bytes:
        storing.set()
        time.sleep(0.5)
        stored.append(raw)
        return respond(raw, lambda _e, _r: Decision(), stamp)

    listener = listen(receive=slow)
    with connect(listener) as busy, connect(listener) as idle:
        busy.sendall(wrap(MESSAGE % b"1") + wrap(MESSAGE % b"2"))
        assert storing.wait(5)
        began = time.monotonic()
        listener.stop(5 * SECOND)
        assert time.monotonic() - began < 3
        assert read_all(busy).count(b"MSA|AA|") == len(stored) == 1
        assert read_all(idle) == b""
    with pytest.raises(OSError, match="refused"):
        connect(listener)
