"""A bare C-STORE sender: no DICOM toolkit, so that it is not what is measured."""

import multiprocessing
import os
import socket
import struct
import subprocess
import tempfile
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path
from uuid import uuid4

from confrere.dimse import command, pdu
from confrere.imaging.part10 import part10_prefix

CLASSES = {
    "ct": "1.2.840.10008.5.1.4.1.1.2",
    "mr": "1.2.840.10008.5.1.4.1.1.4",
    "cr": "1.2.840.10008.5.1.4.1.1.1",
}
SIDES = {"ct": 512, "mr": 256, "cr": 2240}  # 528 KB, 132 KB, 10 MB
EXPLICIT = "1.2.840.10008.1.2.1"


def instance(kind: str, study: int, number: int) -> tuple[str, bytes]:
    """SOP instance UID and data set of one made-up image, explicit little endian."""
    uid, side = f"1.2.826.0.1.{study}.1.{number}", SIDES[kind]

    def short(group: int, element: int, vr: bytes, value: bytes) -> bytes:
        value += (b"\0" if vr == b"UI" else b" ") * (len(value) % 2)
        return struct.pack("<HH2sH", group, element, vr, len(value)) + value

    us = struct.Struct("<H").pack
    size = side * side * 2
    data = b"".join(
        (
            short(8, 0x16, b"UI", CLASSES[kind].encode()),
            short(8, 0x18, b"UI", uid.encode()),
            short(8, 0x20, b"DA", b"20260101"),
            short(8, 0x60, b"CS", kind.upper().encode()),
            short(0x10, 0x10, b"PN", b"Bench^%d" % study),
            short(0x10, 0x20, b"LO", b"B%d" % study),
            short(0x20, 0x0D, b"UI", b"1.2.826.0.1.%d" % study),
            short(0x20, 0x0E, b"UI", b"1.2.826.0.1.%d.1" % study),
            short(0x20, 0x13, b"IS", b"%d" % number),
            short(0x28, 2, b"US", us(1)),
            short(0x28, 4, b"CS", b"MONOCHROME2"),
            short(0x28, 0x10, b"US", us(side)),
            short(0x28, 0x11, b"US", us(side)),
            short(0x28, 0x100, b"US", us(16)),
            short(0x28, 0x101, b"US", us(12)),
            short(0x28, 0x102, b"US", us(11)),
            short(0x28, 0x103, b"US", us(0)),
            struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, size),
            (os.urandom(4096) * (size // 4096 + 1))[:size],
        )
    )
    return uid, data


def item(kind: int, value: bytes) -> bytes:
    """One item of an A-ASSOCIATE-RQ."""
    return pdu.ITEM.pack(kind, len(value)) + value


def receive(sock: socket.socket) -> tuple[int, bytes]:
    """One PDU."""
    kind, length = pdu.HEADER.unpack(sock.recv(6, socket.MSG_WAITALL))
    return kind, sock.recv(length, socket.MSG_WAITALL)


def associate(port: int, kind: str, source: str = "127.0.0.1") -> tuple[socket.socket, int]:
    """Open an association; return its socket and the longest PDU to send."""
    sock = socket.create_connection(("127.0.0.1", port), source_address=(source, 0))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    context = item(0x30, CLASSES[kind].encode()) + item(0x40, EXPLICIT.encode())
    body = b"\0\1\0\0" + b"CONFRERE".ljust(16) + b"BENCH".ljust(16) + bytes(32)
    body += item(0x10, pdu.APPLICATION_CONTEXT.encode()) + item(0x20, b"\1\0\0\0" + context)
    body += item(0x50, item(0x51, struct.pack(">I", 131072)) + item(0x52, b"1.2.3"))
    sock.sendall(pdu.HEADER.pack(1, len(body)) + body)
    answered, accepted = receive(sock)
    if answered != pdu.ASSOCIATE_AC:
        raise SystemExit(f"association refused: PDU {answered}")
    user = next(value for k, value in pdu.items(accepted, 68) if k == 0x50)
    limit = next(value for k, value in pdu.items(user) if k == 0x51)
    return sock, min(int.from_bytes(limit, "big") or 131072, 131072)


def send(
    port: int,
    kind: str,
    study: int,
    count: int,
    barrier: Barrier,
    *,
    results: "multiprocessing.Queue[tuple[float, float]]",
) -> None:
    """Send `count` instances on one association; put (begun, ended) into `results`."""
    made = [instance(kind, study, n) for n in range(count)]
    ready = []
    sock, limit = associate(port, kind)
    for number, (uid, data) in enumerate(made):
        asked = command.encode(
            {
                command.COMMAND_FIELD: command.C_STORE_RQ,
                command.MESSAGE_ID: number % 65536,
                command.PRIORITY: 0,
                command.AFFECTED_CLASS: CLASSES[kind],
                command.AFFECTED_INSTANCE: uid,
                command.DATA_SET_TYPE: 1,
            }
        )
        ready.append(
            pdu.p_data(1, asked, command=True, max_pdu=limit)
            + pdu.p_data(1, data, command=False, max_pdu=limit)
        )
    barrier.wait()
    begun = time.perf_counter()
    for message in ready:
        sock.sendall(message)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        _, body = receive(sock)
        if status := command.parse(body[6:]).number(command.STATUS):
            raise SystemExit(f"store refused: {status:04X}")
    results.put((begun, time.perf_counter()))
    sock.sendall(pdu.HEADER.pack(pdu.RELEASE_RQ, 4) + bytes(4))
    receive(sock)


def rate(port: int, kind: str, associations: int, instances: int) -> float:
    """Instances per second over all associations."""
    barrier = multiprocessing.Barrier(associations)
    results: multiprocessing.Queue[tuple[float, float]] = multiprocessing.Queue()
    study = uuid4().int % 10**9
    senders = [
        multiprocessing.Process(
            target=send,
            args=(port, kind, study + n, instances // associations, barrier),
            kwargs={"results": results},
        )
        for n in range(associations)
    ]
    for sender in senders:
        sender.start()
    spans = [results.get(timeout=120) for _ in senders]
    for sender in senders:
        sender.join()
    sent = instances // associations * associations
    return sent / (max(end for _, end in spans) - min(begun for begun, _ in spans))


def storescu_rate(port: int, kind: str, associations: int, instances: int) -> float:
    """Instances per second of DCMTK's storescu, one process an association, start-up included."""
    study = uuid4().int % 10**9
    with tempfile.TemporaryDirectory() as folder:
        for n in range(associations):
            (Path(folder) / str(n)).mkdir()
            for number in range(instances // associations):
                uid, data = instance(kind, study + n, number)
                prefix = part10_prefix(CLASSES[kind], uid, EXPLICIT, "BENCH")
                (Path(folder) / str(n) / f"{number}.dcm").write_bytes(prefix + data)
        begun = time.perf_counter()
        senders = [
            subprocess.Popen(
                ["storescu", "-aec", "CONFRERE", "127.0.0.1", str(port), "+sd", f"{folder}/{n}"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            for n in range(associations)
        ]  # fmt: skip
        if any(sender.wait() for sender in senders):
            raise SystemExit("storescu failed")
        return instances // associations * associations / (time.perf_counter() - begun)
