"""Threats T01 to T08 against every service of the real DICOM door, and its memory meanwhile.

The door itself, before any service, is attacked in test_dimse/test_dimse_hostile.py.
"""

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from confrere.dimse import command, pdu, syntaxes
from confrere.dimse.command import (
    C_FIND_RQ,
    C_GET_RQ,
    C_MOVE_RQ,
    C_STORE_RQ,
    N_ACTION_RQ,
    N_CREATE_RQ,
    N_SET_RQ,
)
from tests.fuzz.services import CT, proposal
from tests.integration.device_house import CT1, Devices, device_house
from tests.integration.test_dicom_tls import paper
from tests.peers import needs

MEGABYTE = 1 << 20
MOST_ADDED = 64 * MEGABYTE
UP = "../../../../tmp/escaped"
_QR = "1.2.840.10008.5.1.4.1.2.2."
FIND, MOVE, GET = _QR + "1", _QR + "2", _QR + "3"
WORKLIST, STEP, KEPT = (
    syntaxes.MODALITY_WORKLIST, syntaxes.PERFORMED_STEP, syntaxes.STORAGE_COMMITMENT,
)  # fmt: skip
CLASSES = (CT, FIND, MOVE, GET, WORKLIST, STEP, KEPT)
FIELDS = {
    "store": (C_STORE_RQ, CT), "find": (C_FIND_RQ, FIND), "worklist": (C_FIND_RQ, WORKLIST),
    "move": (C_MOVE_RQ, MOVE), "get": (C_GET_RQ, GET), "create": (N_CREATE_RQ, STEP),
    "set": (N_SET_RQ, STEP), "action": (N_ACTION_RQ, KEPT),
}  # fmt: skip
# the longest data set that each keeps before it answers
CAPS = {"create": 2 * MEGABYTE, "set": 2 * MEGABYTE, "action": 4 * MEGABYTE}
pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    door = paper(tmp_path_factory.mktemp("papers"), "door")
    return {
        "dicom_tls_certificate": str(door.certificate), "dicom_tls_key": str(door.key),
        "dicom_tls_clients": str(door.certificate),
    }  # fmt: skip


@pytest.fixture(scope="module")
def devices(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory,
    papers: dict[str, str],
) -> Iterator[Devices]:  # fmt: skip
    home = tmp_path_factory.mktemp("attacked")
    with device_house(postgres_socket, template, home, **papers) as made:
        made.switch(archive=True, commitment=True, performed=True, worklist=True)
        made.filed(1)
        end = time.monotonic() + 10
        while rejected(made, *CLASSES):
            assert time.monotonic() < end
        yield made


@pytest.fixture(autouse=True)
def served_on(devices: Devices, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever came: nothing unforeseen was logged, memory is flat, and the door answers."""
    before = resident()
    yield
    assert [one.getMessage() for one in caplog.records if one.name.startswith("confrere")] == []
    assert resident() - before < MOST_ADDED
    assert echo(devices) < 1
    assert not list(Path("/tmp").glob("escaped*"))


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


class Peer:
    """A raw association for all classes."""

    def __init__(self, devices: Devices, *classes: str, calling: str = CT1) -> None:
        self.sock = socket.create_connection(("127.0.0.1", devices.ports["dicom"]), 10)
        self.classes = classes or CLASSES
        self.sock.sendall(proposal(*self.classes, roles=(CT,), calling=calling))
        self.kind, self.body = self.receive()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def receive(self) -> tuple[int, bytes]:
        head = self.sock.recv(6, socket.MSG_WAITALL)
        if len(head) < 6:
            return 0, b""
        kind, length = pdu.HEADER.unpack(head)
        return kind, self.sock.recv(length, socket.MSG_WAITALL)

    def ask(self, what: str, instance: str = "1.2.3", **more: str) -> int:
        """Send a command; return its presentation context."""
        field, uid = FIELDS[what]
        elements: dict[int, int | str] = {
            command.AFFECTED_CLASS: uid, command.COMMAND_FIELD: field, command.MESSAGE_ID: 1,
            command.PRIORITY: 0, command.DATA_SET_TYPE: 1,
            command.AFFECTED_INSTANCE: instance,
        }  # fmt: skip
        if what in {"set", "action"}:
            known = syntaxes.STORAGE_COMMITMENT_INSTANCE if what == "action" else instance
            elements |= {command.REQUESTED_CLASS: uid, command.REQUESTED_INSTANCE: known}
            elements[command.ACTION_TYPE] = 1
        if what == "move":
            elements[0x0600] = more.get("to", CT1)
        context = 2 * self.classes.index(uid) + 1
        self.sock.sendall(
            pdu.p_data(context, command.encode(elements), command=True, max_pdu=0)
        )
        return context

    def tell(self, context: int, data: bytes) -> None:
        with contextlib.suppress(OSError):  # it may be cut before all is said
            self.sock.sendall(pdu.p_data(context, data, command=False, max_pdu=131072))

    def status(self) -> int:
        """The status of the next answer; -1 when the association is aborted instead."""
        kind, body = self.receive()
        if kind != pdu.P_DATA:
            return -1
        return command.parse(body[6:]).number(command.STATUS)


def rejected(devices: Devices, *classes: str, calling: str = CT1) -> bool:
    """Whether the association, or one of its contexts, is not accepted."""
    with Peer(devices, *classes, calling=calling) as peer:
        if peer.kind != pdu.ASSOCIATE_AC:
            return True
        found = [value[2] for kind, value in pdu.items(peer.body, 68) if kind == 0x21]
        return any(found)


def echo(devices: Devices) -> float:
    begun = time.monotonic()
    assert not rejected(devices, syntaxes.VERIFICATION)
    return time.monotonic() - begun


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    if vr in {b"SQ", b"UN", b"OB"}:
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def deep(levels: int, *, endless: bool) -> bytes:
    """Sequences in sequences, each with its length, or none of them closed."""
    opened = (
        struct.pack("<HH2sHI", 8, 0x1140, b"SQ", 0, 0xFFFFFFFF)
        + b"\xfe\xff\x00\xe0"
        + b"\xff" * 4
    )
    if endless:
        return opened * levels
    made = b""
    for _ in range(levels):
        inside = struct.pack("<HHI", 0xFFFE, 0xE000, len(made)) + made
        made = element(0x00081140, b"SQ", inside)
    return made


@pytest.mark.parametrize("what", FIELDS)
@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0", b"\xff" * 7, deep(300, endless=False), deep(300, endless=True),
        deep(2500, endless=True), element(0x00080052, b"CS", b"STUDY ")[:-2],
        b"".join(element(0x00090000 + n, b"LO", b"") for n in range(7000)),
        element(0x0020000D, b"UI", UP.encode()) + element(0x00080052, b"CS", b"STUDY"),
        element(0x00080018, b"UI", UP.encode()),
        element(0x00081195, b"UI", UP.encode() + b"\0"),
    ],
    ids=[
        "empty", "one byte", "garbage", "300 deep", "300 unclosed", "2500 unclosed", "cut",
        "7000 keys", "study is a path", "instance is a path", "transaction is a path",
    ],
)  # fmt: skip
def test_a_broken_or_hostile_data_set_is_answered_with_a_refusal(
    devices: Devices, what: str, data: bytes
) -> None:
    with Peer(devices) as peer:
        peer.tell(peer.ask(what), data)
        first = peer.status()
        # any text is a key of the worklist: nothing is ordered that fits it
        fine = {0x0000} if what == "worklist" and len(data) < 100 else set()
        assert first not in {-1, 0x0000, 0xFF00, 0xFF01} - fine, hex(first)
        again = peer.ask(what)  # the association goes on
        peer.tell(again, data)
        assert peer.status() == first


@pytest.mark.parametrize("what", sorted(set(FIELDS) - {"store"}))
def test_a_data_set_without_end_is_swallowed_and_refused(devices: Devices, what: str) -> None:
    before = resident()
    with Peer(devices) as peer:
        context = peer.ask(what)
        piece = pdu.HEADER.pack(4, 131_072) + pdu.FRAGMENT.pack(131_068, context, 0)
        for _ in range(160):
            peer.sock.sendall(piece + bytes(131_066))
        assert resident() - before < CAPS.get(what, 0) + 16 * MEGABYTE
        peer.tell(context, b"")
        assert peer.status() in {0xC000, 0xA900, 0xA700, 0x0115, 0x0106, 0x0110, 0x0213}


@pytest.mark.parametrize("what", FIELDS)
@pytest.mark.parametrize(
    "wrong", ["other context", "context not accepted", "empty fragment", "command instead"]
)
def test_a_data_set_in_the_wrong_place_ends_the_association(
    devices: Devices, what: str, wrong: str
) -> None:
    with Peer(devices) as peer:
        context = peer.ask(what)
        at = {"other context": 2 * len(CLASSES) - 1, "context not accepted": 201}
        if context == at.get(wrong):
            at[wrong] = 1
        if wrong == "command instead":
            peer.ask(what)
        else:
            last = 0 if wrong == "empty fragment" else pdu.LAST
            data = b"" if wrong == "empty fragment" else b"data"
            head = pdu.FRAGMENT.pack(len(data) + 2, at.get(wrong, context), last)
            peer.sock.sendall(pdu.HEADER.pack(4, len(data) + 6) + head + data)
        assert peer.status() == -1


@pytest.mark.parametrize("to", ["EVIL", UP, "CT_ONE/../..", "", "\0", "*", "A" * 500])
def test_nothing_moves_to_a_title_that_is_not_registered(devices: Devices, to: str) -> None:
    keys = element(0x00080052, b"CS", b"STUDY ") + element(0x0020000D, b"UI", b"1.2.3\0")
    with Peer(devices) as peer:
        peer.tell(peer.ask("move", to=to), keys)
        assert peer.status() == 0xA801


@pytest.mark.parametrize("title", [UP, "CT_ONE\n", "", "ct_one", "CT_ONE/.."])
def test_a_strange_calling_title_stays_out_of_every_service(
    devices: Devices, title: str
) -> None:
    calling = title[:16]
    assert all(rejected(devices, one, calling=calling) for one in CLASSES)


def test_many_that_never_finish_a_large_request_share_one_budget(devices: Devices) -> None:
    before = resident()
    with contextlib.ExitStack() as held:
        peers = [held.enter_context(Peer(devices)) for _ in range(14)]
        for peer in peers:
            context = peer.ask("action")
            piece = pdu.HEADER.pack(4, 131_072) + pdu.FRAGMENT.pack(131_068, context, 0)
            for _ in range(31):
                peer.sock.sendall(piece + bytes(131_066))
        assert echo(devices) < 1
        time.sleep(0.2)
        assert resident() - before < 48 * MEGABYTE
    time.sleep(0.3)
    with Peer(devices) as peer:  # what they held is free again
        peer.tell(peer.ask("action"), bytes(3 * MEGABYTE))
        assert peer.status() == 0x0115


def test_readers_that_take_no_answers_hold_nobody_up(devices: Devices) -> None:
    keys = element(0x00080052, b"CS", b"IMAGE ")
    keys += b"".join(element(tag, b"UI", b"1.2\0") for tag in (0x0020000D, 0x0020000E))
    with contextlib.ExitStack() as held:
        for _ in range(14):
            peer = held.enter_context(Peer(devices))
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            for _ in range(50):  # asked again and again, and nothing is read
                peer.tell(peer.ask("find"), keys)
        for _ in range(5):
            assert echo(devices) < 1
        with Peer(devices) as other:
            study = element(0x00080052, b"CS", b"STUDY ") + element(0x0020000D, b"UI", b"")
            other.tell(other.ask("find"), study)
            assert other.status() in {0x0000, 0xFF00}


@needs("openssl")
def test_half_open_handshakes_leave_room_for_a_whole_one(
    devices: Devices, papers: dict[str, str]
) -> None:
    port = devices.ports["tls"]
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    hung = []
    for number in range(60):
        sock = socket.create_connection(("127.0.0.1", port), 5)
        with contextlib.suppress(OSError):
            sock.sendall([b"", hello, b"\x16\x03\x01\xff\xff", b"\1\0\0\0\0\0"][number % 4])
        hung.append(sock)
    context = ssl.create_default_context(cafile=papers["dicom_tls_certificate"])
    context.load_cert_chain(papers["dicom_tls_certificate"], papers["dicom_tls_key"])
    begun = time.monotonic()
    with (
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        secure.sendall(proposal(syntaxes.VERIFICATION, calling=CT1))
        assert secure.recv(6)[0] == pdu.ASSOCIATE_AC
    assert time.monotonic() - begun < 2
    for sock in hung:
        sock.close()
