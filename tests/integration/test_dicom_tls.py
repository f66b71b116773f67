"""The DICOM door by TLS: new protocols only, and a certificate that belongs to its AE title."""

import gc
import hashlib
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from pynetdicom import AE

from confrere.database.engine import transaction
from confrere.kernel.errors import Invalid
from confrere.network import service as network
from confrere.settings import Settings, check
from confrere.wiring.dicom_tls import server_context
from tests.integration.device_house import Devices, device_house
from tests.peers import needs, require

# pynetdicom leaves a socket open after a handshake that failed
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ECHO = "1.2.840.10008.1.1"


@dataclass(frozen=True)
class Paper:
    certificate: Path
    key: Path
    fingerprint: str


def paper(folder: Path, name: str, holds_for: str = "IP:127.0.0.1") -> Paper:
    """A certificate that signs itself."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    words = (
        "req -x509 -newkey rsa:2048 -nodes -days 2 "
        f"-subj /CN={name} -addext subjectAltName={holds_for}"
    ).split()
    subprocess.run(
        [require("openssl"), *words, "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    return Paper(certificate, key, hashlib.sha256(der).hexdigest())


@dataclass(frozen=True)
class Papers:
    devices: Devices
    door: Paper
    scanner: Paper
    other: Paper
    stranger: Paper


@pytest.fixture(scope="module")
def papers(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Papers]:
    home = tmp_path_factory.mktemp("tls")
    door, scanner, other, stranger = (
        paper(home, name) for name in ("door", "scanner", "other", "stranger")
    )
    clients = home / "clients.pem"
    clients.write_bytes(scanner.certificate.read_bytes() + other.certificate.read_bytes())
    settings = {
        "dicom_tls_certificate": str(door.certificate), "dicom_tls_key": str(door.key),
        "dicom_tls_clients": str(clients),
    }  # fmt: skip
    with device_house(postgres_socket, template, home, **settings) as devices:
        with transaction(devices.house.system, frozenset()) as conn:
            known = network.peer(conn, devices.world.dicom)
            network.register_peer(
                conn,
                replace(
                    known, name="Bound", aet="BOUND", site=devices.world.site,
                    certificate=scanner.fingerprint,
                ),
            )  # fmt: skip
        yield Papers(devices, door, scanner, other, stranger)


@pytest.fixture(autouse=True)
def sockets_end_here(papers: Papers) -> Iterator[None]:
    """Collect what broken handshakes leave, before another test is blamed for it."""
    yield
    gc.collect()


def comes_in(
    papers: Papers, shown: Paper | None, aet: str = "BOUND", port: str = "tls"
) -> bool:
    ae = AE(ae_title=aet)
    ae.acse_timeout = ae.network_timeout = ae.connection_timeout = 5
    ae.add_requested_context(ECHO)
    tls = None
    if port == "tls":
        context = ssl.create_default_context(cafile=str(papers.door.certificate))
        if shown:
            context.load_cert_chain(shown.certificate, shown.key)
        tls = (context, "127.0.0.1")
    link = ae.associate(
        "127.0.0.1", papers.devices.ports[port], ae_title="CONFRERE", tls_args=tls
    )
    if not link.is_established:
        del link, ae
        gc.collect()  # here, and not in a test that follows
        return False
    came = link.send_c_echo().Status == 0
    link.release()
    return bool(came)


def test_a_certificate_comes_in_under_its_own_title_only(papers: Papers) -> None:
    assert comes_in(papers, papers.scanner)
    assert not comes_in(papers, papers.other)  # trusted, but another machine's
    assert not comes_in(papers, papers.stranger)
    assert not comes_in(papers, None)
    assert not comes_in(papers, None, port="dicom")  # never in the clear
    assert comes_in(papers, papers.other, aet="CT_ONE")  # on this machine, no certificate asked


def test_old_protocols_and_weak_ciphers_are_refused(papers: Papers) -> None:
    def shakes(most: ssl.TLSVersion, ciphers: str) -> str | None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(papers.door.certificate)
        context.load_cert_chain(papers.scanner.certificate, papers.scanner.key)
        context.set_ciphers(ciphers)
        context.minimum_version, context.maximum_version = (
            ssl.TLSVersion.MINIMUM_SUPPORTED,
            most,
        )
        with (
            socket.create_connection(("127.0.0.1", papers.devices.ports["tls"])) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            return secure.version()

    assert shakes(ssl.TLSVersion.TLSv1_2, "ECDHE+AESGCM") == "TLSv1.2"
    assert shakes(ssl.TLSVersion.TLSv1_3, "ECDHE+AESGCM") == "TLSv1.3"
    with pytest.raises(ssl.SSLError):
        shakes(ssl.TLSVersion.TLSv1_2, "AES128-SHA:@SECLEVEL=0")  # no forward secrecy
    with pytest.warns(DeprecationWarning, match="TLS"), pytest.raises((ssl.SSLError, OSError)):
        shakes(ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0")


@needs("echoscu")
def test_dcmtk_comes_in_with_its_certificate_and_not_with_anothers(papers: Papers) -> None:
    def echo(shown: Paper) -> int:
        command = [
            require("echoscu"), "-aet", "BOUND", "-aec", "CONFRERE", "+tls", shown.key,
            shown.certificate, "+cf", papers.door.certificate, "127.0.0.1",
            str(papers.devices.ports["tls"]),
        ]  # fmt: skip
        return subprocess.run(command, check=False, capture_output=True, timeout=20).returncode

    assert echo(papers.scanner) == 0
    assert echo(papers.other) != 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "dicom_tls_certificate"),
        ({"dicom_tls_certificate": "c.pem"}, "dicom_tls_key"),
        (
            {"tls_certificate": "c", "tls_key": "k", "dicom_tls_host": "10.8.0.5"},
            "dicom_tls_clients",
        ),
    ],
)
def test_settings_that_would_be_unsafe_are_refused(changes: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as wrong:
        check(Settings(dicom_tls_port=2762, **changes))  # type: ignore[arg-type]
    assert wrong.value.field == field


def test_a_certificate_that_is_not_there_names_its_setting(tmp_path: Path) -> None:
    missing = Settings(
        dicom_tls_certificate=str(tmp_path / "no.pem"), dicom_tls_key=str(tmp_path / "no.key")
    )
    with pytest.raises(Invalid) as wrong:
        server_context(missing)
    assert wrong.value.field == "dicom_tls_certificate"
