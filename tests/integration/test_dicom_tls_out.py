"""Machines are called by TLS: only the one whose certificate is registered, never in the clear."""

import gc
import ssl
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from time import sleep
from typing import Any

import pytest
import sqlalchemy as sa
from pynetdicom import AE, AllStoragePresentationContexts, evt

from confrere.database.engine import transaction
from confrere.delivery import sendings
from confrere.delivery.model import SENT, WAITING
from confrere.dimse import client
from confrere.kernel.errors import Invalid, Unavailable
from confrere.kernel.ids import StudyId
from confrere.network import service as network
from confrere.network.systems import Peer
from confrere.wiring import sending_out
from confrere.wiring.dicom_out import remote_of
from tests.acceptance.processes import free_ports
from tests.integration.device_house import Devices, device_house
from tests.integration.test_dicom_tls import Paper, paper
from tests.peers import needs, require

# pynetdicom leaves a socket open after a handshake that failed
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
WAIT = timedelta(seconds=5)


@dataclass(frozen=True)
class Papers:
    devices: Devices
    door: Paper
    archive: Paper
    port: int


@pytest.fixture(scope="module")
def papers(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Papers]:
    home = tmp_path_factory.mktemp("out")
    door, archive = paper(home, "door"), paper(home, "archive")
    settings = {"dicom_tls_certificate": str(door.certificate), "dicom_tls_key": str(door.key)}
    with device_house(postgres_socket, template, home, **settings) as devices:
        yield Papers(devices, door, archive, free_ports("archive")["archive"])


def registered(papers: Papers, **more: Any) -> Peer:
    """The scanner, as it would be with these fields."""
    with transaction(papers.devices.house.system, frozenset()) as conn:
        known = network.peer(conn, papers.devices.scanner)
        values = {
            "tls": True,
            "port": papers.port,
            "tls_fingerprint": papers.archive.fingerprint,
        }
        network.change_peer(conn, replace(known, **{**values, **more}))
        return network.peer(conn, papers.devices.scanner)


def echo(papers: Papers, peer: Peer, **settings: Any) -> timedelta:
    chosen = replace(papers.devices.house.settings, **settings)
    try:
        return client.echo(remote_of(peer, chosen, WAIT))
    finally:
        gc.collect()  # the socket of a failed handshake, here and not in a test that follows


@contextmanager
def dcmtk(papers: Papers) -> Iterator[None]:
    """DCMTK's storescp by TLS; it takes only who shows the door's certificate."""
    words = [
        require("storescp"), "+tls", papers.archive.key, papers.archive.certificate,
        "+cf", papers.door.certificate, "-rc", "--ignore", str(papers.port),
    ]  # fmt: skip
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        sleep(0.4)
        assert process.poll() is None
        yield
    finally:
        process.terminate()
        process.wait(10)


@needs("storescp", "openssl")
def test_an_echo_by_tls_shows_our_certificate_and_takes_only_the_registered_one(
    papers: Papers,
) -> None:
    with dcmtk(papers):
        assert echo(papers, registered(papers)) > timedelta()
        other = registered(papers, tls_fingerprint=papers.door.fingerprint)
        with pytest.raises(Unavailable, match="look at the port, at its certificate"):
            echo(papers, other)
        by_authority = registered(papers, tls_fingerprint="")
        trusted = str(papers.archive.certificate)
        assert echo(papers, by_authority, dicom_tls_servers=trusted) > timedelta()
        with pytest.raises(Unavailable):
            echo(papers, by_authority, dicom_tls_servers=str(papers.door.certificate))
        with pytest.raises(Invalid, match="CONFRERE_DICOM_TLS_SERVERS"):
            echo(papers, by_authority)
        with pytest.raises(Unavailable):  # it proves nothing to a machine that asks who calls
            echo(papers, registered(papers), dicom_tls_certificate="", dicom_tls_key="")


def test_a_machine_called_by_tls_is_never_called_in_the_clear(papers: Papers) -> None:
    ae = AE(ae_title="CT_ONE")
    ae.add_supported_context("1.2.840.10008.1.1")
    ae.network_timeout = ae.acse_timeout = 2
    server = ae.start_server(("127.0.0.1", papers.port), block=False)
    try:
        with pytest.raises(Unavailable, match="no TLS with CT_ONE"):
            echo(papers, registered(papers))
    finally:
        server.shutdown()


def test_a_study_goes_out_by_tls(papers: Papers) -> None:
    devices = papers.devices
    filed = devices.filed(41)
    came: Counter[str] = Counter()

    def store(event: Any) -> int:
        came[str(event.request.AffectedSOPInstanceUID)] += 1
        return 0

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(papers.archive.certificate, papers.archive.key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(papers.door.certificate)
    ae = AE(ae_title="CT_ONE")
    for one in AllStoragePresentationContexts:
        ae.add_supported_context(str(one.abstract_syntax))
    peer = registered(papers)
    server = ae.start_server(
        ("127.0.0.1", papers.port), block=False, ssl_context=context,
        evt_handlers=[(evt.EVT_C_STORE, store)],
    )  # fmt: skip
    try:
        with transaction(devices.house.system, frozenset()) as conn:
            study = conn.execute(
                sa.text("select study_id from instances where sop_uid = :u"),
                {"u": filed[0][1]},
            ).scalar_one()
            asked = sendings.ask(
                conn, devices.world.owner, devices.world.site, StudyId(study), peer.id, "Pat",
                devices.house.now(),
            )  # fmt: skip
        sending_out.run(devices.house, asked)
    finally:
        server.shutdown()
    with transaction(devices.house.system, frozenset()) as conn:
        assert sendings.get(conn, asked).state == SENT
    assert came == Counter({uid: 1 for _, uid, _ in filed})


def test_a_machine_whose_certificate_nobody_named_is_told_so_and_tried_again(
    papers: Papers,
) -> None:
    devices = papers.devices
    peer = registered(papers, tls_fingerprint="")
    filed = devices.filed(42)
    with transaction(devices.house.system, frozenset()) as conn:
        study = conn.execute(
            sa.text("select study_id from instances where sop_uid = :u"), {"u": filed[0][1]}
        ).scalar_one()
        asked = sendings.ask(
            conn, devices.world.owner, devices.world.site, StudyId(study), peer.id, "Pat",
            devices.house.now(),
        )  # fmt: skip
    sending_out.run(devices.house, asked)
    with transaction(devices.house.system, frozenset()) as conn:
        found = sendings.get(conn, asked)
    assert (found.state, found.attempts) == (WAITING, 1)
    assert "register its fingerprint" in found.last_error
