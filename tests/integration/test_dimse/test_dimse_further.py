"""Further services and TLS at the same door."""

import contextlib
import socket
import ssl
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from dimse_house import House, OpenDoor, connect, echo, receive, request
from pydicom import Dataset
from pynetdicom import AE
from pynetdicom.dsutils import encode

from confrere.dimse import pdu
from confrere.dimse.service import Answer, Outcome, Receiver, Request
from tests.peers import require

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"


@dataclass
class Finding:
    """Answers with as many matches as asked for in the identifier's PatientID."""

    identifier: bytearray = field(default_factory=bytearray)

    def write(self, view: memoryview) -> None:
        self.identifier += view

    def finish(self, answer: Answer) -> None:
        for number in range(self.identifier.count(b"*")):
            match = Dataset()
            match.PatientID = str(number) * 1000
            found = encode(match, is_implicit_vr=True, is_little_endian=True)
            answer(Outcome(0xFF00), found)
        answer(Outcome(0))

    def abort(self) -> None:
        raise AssertionError


class FindService:
    """A C-FIND provider, as a later part of the house will bring it."""

    name = "find"
    fields = frozenset({0x0020})

    def accepts(self, abstract_syntax: str) -> bool:
        return abstract_syntax == STUDY_ROOT_FIND

    def choose(self, transfer_syntaxes: tuple[str, ...]) -> str | None:
        return next(iter(transfer_syntaxes), None)

    def open(self, request: Request) -> Receiver:
        assert request.admission.peer == "ct"
        return Finding()


@pytest.mark.filterwarnings("ignore:The value length:UserWarning")
def test_a_further_service_answers_many_times_with_data_sets(open_door: OpenDoor) -> None:
    house = open_door(further=(FindService(),))
    ae = AE(ae_title="CT1")
    ae.maximum_pdu_size = 512  # so that answers are cut into several PDUs
    ae.add_requested_context(STUDY_ROOT_FIND, "1.2.840.10008.1.2")
    link = ae.associate("127.0.0.1", house.port, ae_title="CONFRERE")
    query = Dataset()
    query.PatientID, query.QueryRetrieveLevel = "***", "STUDY"
    answers = list(link.send_c_find(query, STUDY_ROOT_FIND))
    link.release()
    assert [status.Status for status, _ in answers] == [0xFF00] * 3 + [0]
    assert [match.PatientID[0] for _, match in answers if match is not None] == ["0", "1", "2"]


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    require("openssl")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            key,
            "-out",
            cert,
            "-subj",
            "/CN=localhost",
            "-days",
            "2",
        ],
        check=True,
        capture_output=True,
    )
    return key, cert


@pytest.fixture
def safe(open_door: OpenDoor, certificate: tuple[Path, Path]) -> House:
    key, cert = certificate
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return open_door(tls=context)


def test_an_association_over_tls_is_accepted(
    safe: House, certificate: tuple[Path, Path]
) -> None:
    client = ssl.create_default_context(cafile=str(certificate[1]))
    with connect(safe) as plain, client.wrap_socket(plain, server_hostname="localhost") as sock:
        sock.sendall(request())
        head = sock.recv(6)
        assert pdu.HEADER.unpack(head)[0] == pdu.ASSOCIATE_AC


def test_a_plain_peer_at_a_tls_door_is_turned_away(safe: House) -> None:
    with connect(safe) as sock:
        sock.sendall(request())
        with contextlib.suppress(OSError):  # the door may have hung up already
            sock.shutdown(socket.SHUT_WR)
        assert receive(sock)[0] != pdu.ASSOCIATE_AC
    assert safe.ended.wait(3)
    assert safe.opened() == 0


def test_echo_is_quick(open_door: OpenDoor) -> None:
    assert min(echo(open_door()) for _ in range(3)) < 0.2
