"""Debian's Orthanc with its DICOMweb plugin, for comparison."""

import json
import os
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from threading import local as per_thread

from sender import EXPLICIT
from web_house import GIVEN, MODALITIES, NAMES, UID

from confrere.imaging.part10 import part10_prefix

SC = "1.2.840.10008.5.1.4.1.1.7"
PLUGINS = ("/usr/share/orthanc/plugins", "/usr/lib/orthanc/plugins")


@contextmanager
def orthanc() -> Iterator[int]:
    """Orthanc with its defaults, its answers not compressed, on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free, tempfile.TemporaryDirectory() as home:
        port = free.getsockname()[1]
        free.close()
        found = [one for folder in PLUGINS for one in Path(folder).glob("libOrthancDicomWeb*")]
        settings = {
            "StorageDirectory": home, "IndexDirectory": home, "HttpPort": port,
            "DicomServerEnabled": False, "AuthenticationEnabled": False,
            "HttpCompressionEnabled": False, "Plugins": [str(found[0])],
            "DicomWeb": {"Enable": True}, "KeepAlive": True,
        }  # fmt: skip
        (Path(home) / "orthanc.json").write_text(json.dumps(settings))
        process = subprocess.Popen(
            ["Orthanc", str(Path(home) / "orthanc.json")],
            env={**os.environ, "TCP_NODELAY": "1"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _wait(port)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def _wait(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            time.sleep(0.5)
            return


@contextmanager
def filled(count: int) -> Iterator[int]:
    """Orthanc with so many studies of one small object each."""
    with orthanc() as port:
        give(port, (small(n, count) for n in range(1, count + 1)))
        yield port


def give(port: int, files: Iterable[bytes], threads: int = 4) -> None:
    """Store files by its REST API."""
    kept = per_thread()

    def send(file: bytes) -> None:
        link = getattr(kept, "link", None)
        if link is None:
            link = kept.link = HTTPConnection("127.0.0.1", port, timeout=60)
        link.request("POST", "/instances", body=file)
        answer = link.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"Orthanc took no file: {answer.status}")

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(send, files):
            pass


def small(n: int, count: int) -> bytes:
    """One study without pixels, with what its row has in our index."""
    p = n // 3
    day = time.strftime("%Y%m%d", time.gmtime(1451606400 + n * 3650 * 86400 // count))
    values = (
        (8, 0x16, b"UI", SC), (8, 0x18, b"UI", f"{UID}.{n}.1.1"), (8, 0x20, b"DA", day),
        (8, 0x30, b"TM", "101500"), (8, 0x50, b"SH", f"A{n:09d}"),
        (8, 0x60, b"CS", MODALITIES[n % 6]), (8, 0x90, b"PN", f"Ref^Doctor {n % 300}"),
        (8, 0x1030, b"LO", f"CT CHEST {n % 50}"),
        (0x10, 0x10, b"PN", f"{NAMES[p % 20]}{p % 1000}^{GIVEN[p % 10]}"),
        (0x10, 0x20, b"LO", f"P{p:08d}"), (0x10, 0x40, b"CS", "MF"[p % 2]),
        (0x20, 0xD, b"UI", f"{UID}.{n}"), (0x20, 0xE, b"UI", f"{UID}.{n}.1"),
        (0x20, 0x10, b"SH", str(n)),
    )  # fmt: skip
    data = b"".join(_short(*one) for one in values)
    return part10_prefix(SC, f"{UID}.{n}.1.1", EXPLICIT, "") + data


def _short(group: int, element: int, vr: bytes, text: str) -> bytes:
    value = text.encode()
    value += (b"\0" if vr == b"UI" else b" ") * (len(value) % 2)
    return struct.pack("<HH2sH", group, element, vr, len(value)) + value
