"""Sending over MLLP: what counts as delivered, and every other answer named."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import hl7.mllp
import pytest

from confrere.hl7.framing import wrap
from confrere.hl7.sender import Sender
from confrere.kernel.errors import Invalid, Unavailable

MESSAGE = (
    b"MSH|^~\\&|RIS|NORTH|CONFRERE|POOL|20260314||ADT^A08^ADT_A01|%s|P|2.5.1\r"
    b"EVN|A08|20260314\rPID|1||7^^^NORTH||N\xc3\x9a\xc3\x91EZ^JANE\rPV1|1|O\r"
)
SECOND = timedelta(seconds=1)


def test_our_sender_delivers_to_python_hl7s_server() -> None:
    received: list[str] = []

    async def serve(ready: "asyncio.Future[int]", until: asyncio.Event) -> None:
        async def converse(reader: Any, writer: Any) -> None:
            message = await reader.readmessage()
            received.append(str(message.segment("PID")[5]))
            writer.writemessage(message.create_ack())
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        server = await hl7.mllp.start_hl7_server(
            converse, host="127.0.0.1", port=0, encoding="utf-8"
        )
        async with server:
            ready.set_result(server.sockets[0].getsockname()[1])
            await until.wait()

    async def scene() -> Any:
        ready, until = asyncio.get_running_loop().create_future(), asyncio.Event()
        serving = asyncio.create_task(serve(ready, until))
        port = await ready
        sending = (Sender().send, "127.0.0.1", port, MESSAGE % b"77", 5 * SECOND)
        answer = await asyncio.to_thread(*sending)
        until.set()
        await serving
        return answer

    answer = asyncio.run(scene())
    assert (answer.code, answer.control_id, answer.accepted) == ("AA", "77", True)
    assert received == ["NÚÑEZ^JANE"]


@contextlib.contextmanager
def answering(answer: bytes | None) -> Iterator[tuple[str, int]]:
    """Be a receiver that reads once and gives `answer`, or hangs when there is none."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                if answer is None:
                    time.sleep(0.6)
                else:
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()
        thread.join()


ACK = b"MSH|^~\\&|||||20260314||ACK|X|P|2.5.1\rMSA|%s|%s|said\r"


@pytest.mark.parametrize(
    ("answer", "error", "field"),
    [
        (wrap(ACK % (b"AA", b"8")), Invalid, "MSA-2"),
        (wrap(ACK % (b"OK", b"7")), Invalid, "MSA-1"),
        (wrap(b"rubbish"), Invalid, "MSH"),
        (b"HTTP/1.1 400 Bad Request\r\n" * 100, Invalid, "MSA"),
        (b"\x0b" + b"x" * 100_000, Invalid, "MSA"),
        (b"", Unavailable, ""),
        (b"\x0bMSH|half", Unavailable, ""),
        (None, Unavailable, ""),
    ],
)
def test_an_answer_that_is_not_this_messages_is_an_error(
    answer: bytes | None, error: type[Exception], field: str
) -> None:
    with answering(answer) as (host, port), pytest.raises(error) as raised:
        Sender().send(host, port, MESSAGE % b"7", timedelta(seconds=0.5))
    assert getattr(raised.value, "field", "") == field


def test_a_rejection_is_returned_with_its_words() -> None:
    with answering(wrap(ACK % (b"AR", b"7"))) as (host, port):
        answer = Sender().send(host, port, MESSAGE % b"7", SECOND)
    assert (answer.code, answer.text, answer.accepted) == ("AR", "said", False)


@pytest.mark.parametrize(
    ("host", "raw", "field"),
    [
        ("localhost", MESSAGE % b"1", "host"),
        ("127.0.0.1", MESSAGE % b"", "MSH-10"),
        ("127.0.0.1", MESSAGE % b"1" + b"NTE|1||\x1c\r", "MSH"),
    ],
)
def test_what_must_not_be_sent_is_not_sent(host: str, raw: bytes, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        Sender().send(host, 1, raw, SECOND)
    assert refused.value.field == field


def test_nobody_listening_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Unavailable):
        Sender().send("127.0.0.1", port, MESSAGE % b"1", SECOND)
