"""Foreign programs of the acceptance tests: DCMTK, python-hl7's sender and listener."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hl7
from hl7.mllp import start_hl7_server

from tests.acceptance.demonstration import Demonstration
from tests.peers import require


def mllp_send(demonstration: Demonstration, message: str, folder: Path) -> str:
    """Send one message with python-hl7's `mllp_send`; return what it printed: the ACK."""
    told = demonstration.told["mllp"]
    file = folder / "message.hl7"
    file.write_bytes(b"\x0b" + message.replace("\n", "\r").encode() + b"\x1c\r")
    command = [sys.executable, "-m", "hl7.client", "-p", str(told["port"]), "--file", str(file)]
    done = subprocess.run([*command, told["host"]], capture_output=True, timeout=30, check=True)
    return done.stdout.decode()


def storescu(demonstration: Demonstration, sender: str, *files: Path) -> None:
    """Send files or folders with DCMTK's storescu; a failed instance fails the test."""
    told = demonstration.told["dicom"]
    command = [
        str(require("storescu")), "-aet", sender, "-aec", told["aet"], "+sd", "+r",
        told["host"], str(told["port"]),
    ]  # fmt: skip
    done = subprocess.run(
        [*command, *map(str, files)], capture_output=True, timeout=60, check=False, text=True,
        env={"TCP_NODELAY": "1", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


class ForeignInbox:
    """What python-hl7's own server received, and acknowledged."""

    def __init__(self) -> None:
        self.messages: list[hl7.Message] = []
        self.port = 0


@contextmanager
def foreign_listener() -> Iterator[ForeignInbox]:
    """Run python-hl7's asyncio MLLP server on a thread."""
    inbox, loop, ready = ForeignInbox(), asyncio.new_event_loop(), threading.Event()

    async def talk(reader: hl7.mllp.HL7StreamReader, writer: hl7.mllp.HL7StreamWriter) -> None:
        try:
            while not writer.is_closing():
                message = await reader.readmessage()
                inbox.messages.append(message)
                writer.writemessage(message.create_ack())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def main() -> None:
        server = await start_hl7_server(talk, host="127.0.0.1", port=0)
        inbox.port = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            await server.serve_forever()

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            pass
        finally:
            loop.close()

    task = loop.create_task(main())
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield inbox
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(10)
