"""What the tests of the door share: a sink in memory, a house around a door, raw peers."""

import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event as Flag

from confrere.dimse import command, pdu
from confrere.dimse.door import Door
from confrere.dimse.events import Ended, Event, Opened, TurnedAway
from confrere.dimse.service import (
    CALLING_NOT_RECOGNISED,
    Admission,
    Call,
    Outcome,
    Rejection,
)
from confrere.dimse.store import StoreRequest


@dataclass
class Incoming:
    request: StoreRequest
    shelf: "Shelf"
    data: bytearray = field(default_factory=bytearray)

    def write(self, view: memoryview) -> None:
        if self.shelf.error is not None:
            raise self.shelf.error
        self.shelf.written += len(view)
        if self.shelf.keeps:
            self.data += view

    def finish(self) -> Outcome:
        self.shelf.finishing.set()
        self.shelf.may_finish.wait(10)
        self.shelf.stored.append((self.request, bytes(self.data)))
        return Outcome(0)

    def abort(self) -> None:
        self.shelf.aborted.append(self.request)
        self.shelf.was_aborted.set()


class Shelf:
    """A sink in memory that can be told to fail or to dawdle."""

    def __init__(self) -> None:
        self.stored: list[tuple[StoreRequest, bytes]] = []
        self.aborted: list[StoreRequest] = []
        self.error: Exception | None = None
        self.keeps = True
        self.written = 0
        self.began, self.finishing, self.was_aborted = Flag(), Flag(), Flag()
        self.may_finish = Flag()
        self.may_finish.set()

    def begin(self, request: StoreRequest) -> Incoming:
        self.began.set()
        return Incoming(request, self)


@dataclass
class House:
    door: Door
    shelf: Shelf
    events: list[Event] = field(default_factory=list)
    ended: Flag = field(default_factory=Flag)

    @property
    def port(self) -> int:
        return self.door.address[1]

    def hear(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Ended):
            self.ended.set()

    def reasons(self) -> list[str]:
        return [e.because for e in self.events if isinstance(e, Ended | TurnedAway)]

    def opened(self) -> int:
        return sum(isinstance(e, Opened) for e in self.events)


def known_only(call: Call) -> Admission | Rejection:
    return Admission("ct") if call.calling_aet == "CT1" else CALLING_NOT_RECOGNISED


OpenDoor = Callable[..., House]

CT = "1.2.840.10008.5.1.4.1.1.2"


def item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(value)) + value


def request(calling: str = "CT1", abstract: str = CT) -> bytes:
    context = item(0x30, abstract.encode()) + item(0x40, b"1.2.840.10008.1.2.1")
    body = b"\0\1\0\0" + b"CONFRERE".ljust(16) + calling.encode().ljust(16) + bytes(32)
    body += item(0x10, pdu.APPLICATION_CONTEXT.encode()) + item(0x20, b"\1\0\0\0" + context)
    body += item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3"))
    return pdu.HEADER.pack(1, len(body)) + body


def connect(house: House) -> socket.socket:
    return socket.create_connection(("127.0.0.1", house.port), timeout=5)


def receive(sock: socket.socket) -> tuple[int, bytes]:
    head = sock.recv(6, socket.MSG_WAITALL)
    if len(head) < 6:
        return 0, b""
    kind, length = pdu.HEADER.unpack(head)
    return kind, sock.recv(length, socket.MSG_WAITALL)


def associated(house: House) -> socket.socket:
    sock = connect(house)
    sock.sendall(request())
    assert receive(sock)[0] == pdu.ASSOCIATE_AC
    return sock


def store_command(field: int = command.C_STORE_RQ, sop_class: str = CT) -> bytes:
    return command.encode(
        {
            command.COMMAND_FIELD: field,
            command.MESSAGE_ID: 1,
            command.PRIORITY: 0,
            command.AFFECTED_CLASS: sop_class,
            command.AFFECTED_INSTANCE: "1.2.3",
            command.DATA_SET_TYPE: 1,
        }
    )


def store(data: bytes = b"x" * 1000, *, last: bool = True) -> bytes:
    out = pdu.p_data(1, store_command(), command=True, max_pdu=0)
    whole = pdu.p_data(1, data, command=False, max_pdu=0)
    return out + (whole if last else whole[:11] + b"\0" + whole[12:])


def echo(house: House) -> float:
    """Seconds for a whole echo on a new association."""
    begun = time.monotonic()
    with connect(house) as sock:
        sock.sendall(request(abstract="1.2.840.10008.1.1"))
        assert receive(sock)[0] == pdu.ASSOCIATE_AC
        ask = command.encode(
            {
                command.COMMAND_FIELD: command.C_ECHO_RQ,
                command.MESSAGE_ID: 3,
                command.AFFECTED_CLASS: "1.2.840.10008.1.1",
                command.DATA_SET_TYPE: command.NO_DATA_SET,
            }
        )
        sock.sendall(pdu.p_data(1, ask, command=True, max_pdu=0))
        kind, body = receive(sock)
        assert kind == pdu.P_DATA
        assert command.parse(body[6:]).number(command.STATUS) == 0
    return time.monotonic() - begun
