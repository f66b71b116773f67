"""A peer that takes our answer slowly: cut when the time for one answer is over, by TLS as well."""

import contextlib
import socket
import ssl
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from confrere.dimse.wire import Late, Wire
from tests.integration.test_dicom_tls import paper
from tests.peers import needs

WAIT = timedelta(seconds=0.5)


def pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    for end, option in ((ours, socket.SO_SNDBUF), (peer, socket.SO_RCVBUF)):
        end.setsockopt(socket.SOL_SOCKET, option, 65536)
    return ours, peer


def sip(peer: socket.socket, over: threading.Event) -> None:
    """Take a little now and then, so that each single write goes on."""
    with contextlib.suppress(OSError):
        while not over.wait(0.02) and peer.recv(16384):
            pass


@needs("openssl")
@pytest.mark.parametrize("secured", [False, True])
def test_one_answer_that_is_sipped_is_cut_in_time(tmp_path: Path, secured: bool) -> None:
    ours, peer = pair()
    wire, over = Wire(ours), threading.Event()
    if secured:
        door = paper(tmp_path, "door")
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(door.certificate, door.key)
        shaking = threading.Thread(target=wire.secure, args=(server, timedelta(seconds=5)))
        shaking.start()
        client = ssl.create_default_context(cafile=str(door.certificate))
        peer = client.wrap_socket(peer, server_hostname="127.0.0.1")
        shaking.join(5)
    reader = threading.Thread(target=sip, args=(peer, over))
    reader.start()
    begun = time.monotonic()
    try:
        with pytest.raises(Late):
            wire.send(bytes(4 << 20), WAIT)
        assert time.monotonic() - begun < 2 * WAIT.total_seconds() + 0.5
    finally:
        over.set()
        peer.close()
        wire.close(b"", timedelta(0))
        reader.join(5)
