"""A TLS handshake that is broken off leaves no socket behind."""

import os
import socket
import ssl
import struct
from datetime import timedelta

import pytest

from confrere.dimse.wire import Closed, Wire

RESET = struct.pack("ii", 1, 0)  # l_onoff, l_linger: close by RST


def accepted() -> tuple[socket.socket, socket.socket]:
    """A connected pair: the caller's end and the door's."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        caller = socket.create_connection(door.getsockname())
        return caller, door.accept()[0]


@pytest.mark.parametrize("before_it_begins", [True, False])
def test_a_handshake_broken_off_closes_its_socket_at_once(before_it_begins: bool) -> None:
    caller, sock = accepted()
    wire, number = Wire(sock), sock.fileno()
    if before_it_begins:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    else:
        caller.sendall(b"\x16\x03\x01\x02")  # the head of a ClientHello, and no more
    caller.close()
    with pytest.raises(Closed, match="TLS handshake failed") as broken:
        wire.secure(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), timedelta(seconds=2))
    wire.close(b"", timedelta(seconds=0.1))
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)
    assert broken.value  # the error and its traceback are still held: nothing was collected
