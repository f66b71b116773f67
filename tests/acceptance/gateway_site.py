"""A hospital with a gateway: the real process, and a line to the centre that can be cut."""

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confrere.hl7.acknowledge import Acknowledgement
from confrere.hl7.sender import Sender
from tests.acceptance.house import ROOT, end_with_us
from tests.acceptance.processes import free_ports, listens, wait_for
from tests.acceptance.senders import SECOND

CT, ER = "LAKE_CT", "LAKE_ER"


class FaultyLine:
    """A TCP line from the hospital to the centre; `cut` breaks what flows, mid-byte.

    With `bytes_per_second`, it is that narrow towards the centre.
    """

    def __init__(self, to_port: int, bytes_per_second: int = 0) -> None:
        self._to, self._rate = to_port, bytes_per_second
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=32)
        self.port = int(self._listener.getsockname()[1])
        self._open: set[socket.socket] = set()
        self._up = threading.Event()
        self._up.set()
        self.carried = 0  # bytes towards the centre
        self.cut_at = 0  # cut by itself when it has carried so many
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection and refuse new ones."""
        self._up.clear()
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let it carry again."""
        self._up.set()

    def close(self) -> None:
        """Take the line down for good."""
        self.cut()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self._up.is_set():
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._to), 5)
            except OSError:
                near.close()
                continue
            self._open |= {near, far}
            for source, sink, counts in ((near, far, True), (far, near, False)):
                threading.Thread(
                    target=self._carry, args=(source, sink, counts), daemon=True
                ).start()

    def _carry(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        pause = threading.Event()
        with contextlib.suppress(OSError):
            while piece := source.recv(64 << 10):
                sink.sendall(piece)
                if counts:
                    self.carried += len(piece)
                    if self.cut_at and self.carried > self.cut_at:
                        self.cut_at = 0
                        self.cut()
                    if self._rate:
                        pause.wait(len(piece) / self._rate)
        for one in (source, sink):
            self._open.discard(one)
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


class Hospital:
    """A gateway's folder, ports and process. `LAKE_ER` is the CT whose images are all STAT."""

    def __init__(self, home: Path, centre: str, **settings: int | str) -> None:
        self.home, self.ports = home, free_ports("dicom", "mllp", "status", "reading")
        self.process: subprocess.Popen[bytes] | None = None
        home.mkdir(parents=True, exist_ok=True)
        lines = {
            "centre": centre, "dicom_port": self.ports["dicom"], "aet": "CONFRERE",
            "mllp_port": self.ports["mllp"], "status_port": self.ports["status"],
            "reading_port": self.ports["reading"], "downtime_seconds": 1,
            "free_gigabytes": 0, "connections": 1, **settings,
        }  # fmt: skip
        text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())
        text += f'[[senders]]\naet = "{CT}"\n[[senders]]\naet = "{ER}"\nstat = true\n'
        text += '[[senders]]\naddress = "127.0.0.1"\n'
        (home / "gateway.toml").write_text(text, encoding="utf-8")

    @property
    def log(self) -> Path:
        """What the process prints."""
        return self.home.parent / f"{self.home.name}.log"

    def said(self) -> str:
        """The end of what was printed."""
        return self.log.read_text(errors="replace")[-3000:]

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command on this folder."""
        return subprocess.run(
            [sys.executable, "-m", "confrere", "gateway", *words, "--home", str(self.home)],
            check=False, env=self._environment(), capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def start(self) -> None:
        """Start it, and wait until it takes images."""
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "confrere", "gateway", "run", "--home",
                    str(self.home),
                ],
                env=self._environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                preexec_fn=end_with_us,  # noqa: PLW1509 - one call of libc, no lock
            )  # fmt: skip
        wait_for(lambda: all(map(listens, self.ports.values())), 30, self.said)

    def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """End it as systemd does; return its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def listens(self) -> bool:
        """Say whether its DICOM door takes connections; it was killed a moment ago."""
        try:
            socket.create_connection(("127.0.0.1", self.ports["dicom"]), 1).close()
        except OSError:
            return False
        return True

    def send_hl7(self, raw: bytes) -> Acknowledgement:
        """Send one message to it."""
        return Sender().send("127.0.0.1", self.ports["mllp"], raw, 10 * SECOND)

    def status(self) -> dict[str, Any]:
        """What its status page tells, as JSON."""
        token = (self.home / "keys" / "status.token").read_text(encoding="utf-8")
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.ports['status']}/status.json",
            headers={"authorization": f"Bearer {token}"},
        )
        with urllib.request.urlopen(asked, timeout=5) as answer:  # noqa: S310 - loopback
            told: dict[str, Any] = json.loads(answer.read())
        return told

    def waiting(self) -> int:
        """How many images and messages wait there."""
        told = self.status()
        return sum(told["images"].values()) + int(told["messages"])

    def _environment(self) -> dict[str, str]:
        kept = {n: v for n, v in os.environ.items() if not n.startswith("CONFRERE_")}
        if kept.pop("PYTHONDONTWRITEBYTECODE", ""):
            kept["PYTHONPYCACHEPREFIX"] = str(self.home.parent / "compiled")
        return kept | {"PYTHONPATH": str(ROOT)}


@contextmanager
def line_to(port: int, bytes_per_second: int = 0) -> Iterator[FaultyLine]:
    """A line for as long as the context lasts."""
    made = FaultyLine(port, bytes_per_second)
    try:
        yield made
    finally:
        made.close()
