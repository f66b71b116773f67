"""Threats T03, T04 and T06 and slow clients at the web's doors: refused, memory flat, web up."""

import contextlib
import gzip
import json
import os
import socket
import time
import zlib
from pathlib import Path

import pytest

from confrere.imaging.part10 import part10_prefix
from tests.acceptance import processes
from tests.acceptance.house import House
from tests.acceptance.senders import CT

pytestmark = pytest.mark.usefixtures("unharmed")

DEFLATED = "1.2.840.10008.1.2.1.99"
STOW = 'multipart/related; type="application/dicom"; boundary=XX'
HEAD = b"--XX\r\nContent-Type: application/dicom\r\n\r\n"
MEGABYTE = 1 << 20


def resident(house: House) -> int:
    """Memory of the web and its children."""
    web = house.child("web")
    pages = [
        int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        for pid in (web, *processes.descendants(web))
    ]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE")


def stored(house: House, content: bytes, **headers: str) -> tuple[int, str]:
    """Post to STOW-RS; the status and what is said."""
    with house.http("lakeshore radiologist", **({"content-type": STOW} | headers)) as web:
        answer = web.post("/dicom-web/studies", content=content, timeout=30)
    return answer.status_code, answer.text


def zeros(count: int) -> bytes:
    """So many zeros, deflated: one block after which the packer forgets all, again and again."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    block = packer.compress(bytes(16 * MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * (count // (16 * MEGABYTE)) + packer.flush()


def test_a_deflate_bomb_is_refused_in_time_and_leaves_no_file(house: House) -> None:
    file = part10_prefix(CT, "1.2.3", DEFLATED, "EVIL") + zeros(3 << 30)
    before, begun, beside = resident(house), time.monotonic(), set(Path("/tmp").iterdir())
    status, said = stored(house, HEAD + file + b"\r\n--XX--\r\n")
    assert status == 409
    (failed,) = json.loads(said)["00081198"]["Value"]
    assert failed["00081197"]["Value"] == [0xC000]
    assert time.monotonic() - begun < 10
    assert resident(house) - before < 256 * MEGABYTE
    assert not {p for p in set(Path("/tmp").iterdir()) - beside if p.name.startswith("tmp")}


@pytest.mark.parametrize(
    ("content", "headers", "expected"),
    [
        (gzip.compress(bytes(64 * MEGABYTE)), {"content-encoding": "gzip"}, {400, 415}),
        (HEAD[:4] + b"X: " + b"y" * 100_000 + b"\r\n\r\n", {}, {400}),
        (b"--XX\r\n" + b"A: b\r\n" * 100_000, {}, {400}),
        ((b"--XX\r\n\r\nx\r\n") * 10_001 + b"--XX--\r\n", {}, {413}),
        (HEAD, {"content-type": STOW.replace("XX", "../../x" * 20)}, {400}),
        (b"\0" * MEGABYTE, {}, {400}),
    ],
    ids=["gzip", "long header", "100000 headers", "10001 parts", "boundary", "zeros"],
)
def test_a_bomb_of_a_request_is_refused_with_flat_memory(
    house: House, content: bytes, headers: dict[str, str], expected: set[int]
) -> None:
    before = resident(house)
    status, said = stored(house, content, **headers)
    assert status in expected, said[:300]
    assert resident(house) - before < 64 * MEGABYTE


def test_a_declared_length_beyond_the_limit_is_refused_at_once(house: House) -> None:
    said = raw(house, f"POST /dicom-web/studies HTTP/1.1\r\nContent-Length: {100 << 30}\r\n")
    assert said.split(b" ", 2)[1] == b"413"


def raw(house: House, begin: str) -> bytes:
    """Ask as a radiologist, in very words; the whole answer."""
    token = house.tokens["lakeshore radiologist"]
    with socket.create_connection(("127.0.0.1", house.ports["http"]), 5) as line:
        line.sendall(
            f"{begin}Host: x\r\nAuthorization: Bearer {token}\r\nContent-Type: {STOW}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        said = b""
        while more := line.recv(65536):
            said += more
    return said


def test_100_slow_clients_hold_nobody_up(house: House) -> None:
    token = house.tokens["lakeshore radiologist"]
    begins = (
        b"",
        b"GET /login HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        f"POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: {STOW}\r\nContent-Length: 9999999999\r\n\r\n".encode()
        + HEAD,
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nusername=",
    )
    before, hung = resident(house), []
    try:
        for number in range(100):
            line = socket.create_connection(("127.0.0.1", house.ports["http"]), 5)
            line.sendall(begins[number % 4])
            hung.append(line)
        for _ in range(3):
            for line in hung:
                with contextlib.suppress(OSError):
                    line.sendall(b"a")
            begun = time.monotonic()
            assert house.web_answers()
            assert time.monotonic() - begun < 2
        assert resident(house) - before < 64 * MEGABYTE
    finally:
        for line in hung:
            line.close()


@pytest.mark.parametrize(
    "path",
    [
        "/dicom-web/studies/..%2f..%2fetc%2fpasswd", "/dicom-web/studies/1.2/../../../etc/passwd",
        "/dicom-web/studies/1%00.2/metadata", "/static/..%2f..%2fpyproject.toml",
        "/static/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/.git/config",
        "/dicom-web/studies/" + "1" * 65,
    ],
)  # fmt: skip
def test_a_path_in_a_uid_is_not_found(house: House, path: str) -> None:
    said = raw(house, f"GET {path} HTTP/1.1\r\n")
    assert 400 <= int(said.split(b" ", 2)[1]) < 500
    assert b"root:" not in said
