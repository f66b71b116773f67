"""Every DIMSE service of the door over what lies in memory, and one association with it."""

import io
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from confrere.dimse import status, syntaxes
from confrere.dimse.association import Association, House
from confrere.dimse.commitment import CommitmentService, Wanted
from confrere.dimse.events import Ended, Opened, TurnedAway
from confrere.dimse.identifier import Identifier, Value
from confrere.dimse.key_matching import asked_of, fits
from confrere.dimse.limits import Limits
from confrere.dimse.performed import PerformedService, read_change, read_step
from confrere.dimse.query import FindService, Matched
from confrere.dimse.retrieve import SubOperation, Transfer, get_service, move_service
from confrere.dimse.service import Admission, Outcome, Request, Service, SubStore
from confrere.dimse.store import EchoService, StoreRequest, StoreService
from confrere.dimse.supported import PROVIDED
from confrere.dimse.wire import Wire

CT = "1.2.840.10008.5.1.4.1.1.2"
ITEMS: tuple[Identifier, ...] = tuple(
    {0x00100010: Value("PN", f"Doe^Jane{n}"), 0x00100020: Value("LO", f"M{n}")}
    for n in range(3)
)


@dataclass
class Shelf:
    """Counts what begins and what ends: a data set that does only one of them is lost or leaks."""

    begun: int = 0
    ended: int = 0

    def begin(self, request: StoreRequest) -> "Shelf":
        assert request.sop_class
        self.begun += 1
        return self

    def write(self, view: memoryview) -> None:
        assert len(view)

    def finish(self) -> Outcome:
        self.ended += 1
        return Outcome(status.SUCCESS)

    def abort(self) -> None:
        self.ended += 1


class Memory:
    """Finder, retriever, archive and book at once."""

    aet = "CONFRERE"

    def find(self, request: Request, keys: Identifier) -> Iterator[Matched]:
        assert request.call.calling_aet
        for item in ITEMS:
            if fits(item, keys):
                yield Matched(asked_of(item, keys))

    def retrieve(self, request: Request, keys: Identifier) -> Transfer:
        assert keys is not None
        talk = request.talk
        assert talk is not None
        contexts = talk.contexts

        def store() -> int:
            if not contexts:
                return status.NOT_NEGOTIATED
            wanted = SubStore(contexts[0], contexts[0].abstract_syntax, "1.2.3")
            return talk.store(wanted, io.BytesIO(b"\x08\0\x16\0UI\x02\x001\0"))

        return Transfer(2, iter([SubOperation(f"1.2.{n}", store) for n in range(2)]))

    def keep(self, request: Request, wanted: Wanted) -> Wanted:
        assert request.talk is not None
        return wanted

    def judge(self, kept: Wanted) -> Mapping[str, int]:
        return {kept.references[0][1]: 0x0112}

    def told(self, kept: Wanted) -> None:
        assert kept.references

    def later(self, kept: Wanted) -> None:
        assert kept.references

    def create(self, request: Request, step_uid: str, values: Identifier) -> None:
        assert request.call.calling_aet
        read_step(step_uid, values, "Asia/Tokyo")

    def change(self, request: Request, step_uid: str, values: Identifier) -> None:
        assert request.call.calling_aet
        assert step_uid
        read_change(values, "Asia/Tokyo")


MEMORY = Memory()


def services(shelf: Shelf) -> tuple[Service, ...]:
    """All that the door provides."""
    return (
        EchoService(), StoreService(shelf, deflated=True),
        FindService("find", frozenset(PROVIDED["find"].classes), MEMORY),
        FindService("worklist", frozenset(PROVIDED["worklist"].classes), MEMORY),
        move_service(MEMORY), get_service(MEMORY),
        CommitmentService(MEMORY), PerformedService(MEMORY),
    )  # fmt: skip


SERVICES = services(Shelf())
NOW = timedelta(seconds=2)


@dataclass
class Line:
    """A connected pair of sockets, made once for many associations."""

    listener: socket.socket = field(
        default_factory=lambda: socket.create_server(("127.0.0.1", 0), backlog=1)
    )

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """A new connection: our end and the peer's."""
        peer = socket.create_connection(self.listener.getsockname())
        ours, _ = self.listener.accept()
        # a reset instead of a port that waits for a minute
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return ours, peer


LINE = Line()


def converse(sent: bytes) -> tuple[str, Shelf]:
    """Send these bytes on a connection; say why its association ended, and what was stored."""
    shelf, ended = Shelf(), list[str]()

    def observe(event: Opened | TurnedAway | Ended) -> None:
        if isinstance(event, Ended):
            ended.append(event.because)

    limits = Limits(idle=NOW, pdu_wait=NOW, time_to_request=NOW, send_wait=NOW, linger=NOW)
    house = House("CONFRERE", limits, lambda _call: Admission(), services(shelf), observe)
    ours, peer = LINE.pair()
    with peer:
        peer.sendall(sent[: 256 * 1024])
        peer.shutdown(socket.SHUT_WR)
        Association(Wire(ours), "127.0.0.1", 1, house).run(lambda _association: True)
    return "".join(ended), shelf


def proposal(*contexts: str, roles: tuple[str, ...] = (), calling: str = "CT1") -> bytes:
    """An A-ASSOCIATE-RQ for these abstract syntaxes, each as explicit little endian."""

    def item(kind: int, value: bytes) -> bytes:
        return struct.pack(">BxH", kind, len(value)) + value

    body = b"\0\1\0\0" + b"CONFRERE".ljust(16) + calling.encode().ljust(16) + bytes(32)
    body += item(0x10, b"1.2.840.10008.3.1.1.1")
    for number, uid in enumerate(contexts):
        inner = item(0x30, uid.encode()) + item(0x40, syntaxes.EXPLICIT_LE.encode())
        body += item(0x20, bytes((2 * number + 1, 0, 0, 0)) + inner)
    said = item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3")
    for uid in roles:
        said += item(0x54, struct.pack(">H", len(uid)) + uid.encode() + b"\1\1")
    body += item(0x50, said)
    return struct.pack(">BxI", 1, len(body)) + body
