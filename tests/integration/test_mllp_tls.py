"""MLLP over TLS: the peer is known by its certificate, not by what MSH claims."""

import contextlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from confrere.hl7.acknowledge import Stamp
from confrere.hl7.door import Decision, respond
from confrere.hl7.mllp import Limits, Listener, Peer
from confrere.hl7.sender import Sender
from confrere.kernel.errors import Unavailable
from tests.peers import require

MESSAGE = b"MSH|^~\\&|RIS|NORTH|CONFRERE|POOL|20260314||ADT^A08|1|P|2.5.1\rPID|1||7^^^NORTH\r"
SECOND = timedelta(seconds=1)


def stamp() -> Stamp:
    return Stamp(datetime.now(UTC), "ACK1")


@contextlib.contextmanager
def listening(certificate: Path, limits: Limits) -> Iterator[tuple[Listener, list[Peer]]]:
    peers: list[Peer] = []

    def receive(raw: bytes, peer: Peer) -> bytes:
        peers.append(peer)
        return respond(raw, lambda _e, _r: Decision(), stamp)

    tls = context(ssl.PROTOCOL_TLS_SERVER, certificate)
    listener = Listener(
        "127.0.0.1", 0, limits, admit=lambda _a: True, receive=receive, stamp=stamp, tls=tls
    )
    listener.start()
    try:
        yield listener, peers
    finally:
        listener.stop(SECOND)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    file = folder / "both.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        f"-subj /CN=ris -addext subjectAltName=DNS:ris -keyout {file} -out {folder}/cert.pem"
    )
    require("openssl")
    subprocess.run(command.split(), check=True, capture_output=True, timeout=30)
    with file.open("ab") as both:
        both.write((folder / "cert.pem").read_bytes())
    return file


def context(kind: ssl._SSLMethod, certificate: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(kind)
    made.load_cert_chain(certificate)
    made.load_verify_locations(certificate)
    made.verify_mode = ssl.CERT_REQUIRED
    return made


def test_over_tls_the_peer_is_known_by_its_certificate(certificate: Path) -> None:
    sender = Sender(context(ssl.PROTOCOL_TLS_CLIENT, certificate))
    with listening(certificate, Limits()) as (listener, peers):
        answer = sender.send(*listener.address, MESSAGE, 5 * SECOND, tls_name="ris")
        assert answer.code == "AA"
        assert ssl.DER_cert_to_PEM_cert(peers[0].certificate) in certificate.read_text()
        with pytest.raises(Unavailable):
            sender.send(*listener.address, MESSAGE, 5 * SECOND, tls_name="other")
        with pytest.raises(Unavailable):
            Sender().send(*listener.address, MESSAGE, 2 * SECOND)
        assert len(peers) == 1


def test_a_peer_without_a_certificate_is_not_heard(certificate: Path) -> None:
    bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bare.load_verify_locations(certificate)
    with listening(certificate, Limits()) as (listener, peers):
        with pytest.raises(Unavailable):
            Sender(bare).send(*listener.address, MESSAGE, 5 * SECOND, tls_name="ris")
        assert peers == []


def test_a_tls_handshake_that_never_comes_is_cut(certificate: Path) -> None:
    with (
        listening(certificate, Limits(frame=timedelta(seconds=0.2))) as (listener, _),
        socket.create_connection(listener.address, timeout=5) as peer,
    ):
        assert peer.recv(100) == b""


def test_stopping_keeps_the_last_answer_encrypted(certificate: Path) -> None:
    sender = Sender(context(ssl.PROTOCOL_TLS_CLIENT, certificate))
    stopper: list[threading.Thread] = []

    def receive(raw: bytes, _peer: Peer) -> bytes:
        stopper.append(threading.Thread(target=listener.stop, args=(5 * SECOND,)))
        stopper[0].start()
        time.sleep(0.2)
        return respond(raw, lambda _e, _r: Decision(), stamp)

    tls = context(ssl.PROTOCOL_TLS_SERVER, certificate)
    listener = Listener(
        "127.0.0.1", 0, Limits(), admit=lambda _a: True, receive=receive, stamp=stamp, tls=tls
    )
    listener.start()
    assert sender.send(*listener.address, MESSAGE, 5 * SECOND, tls_name="ris").code == "AA"
    stopper[0].join()
