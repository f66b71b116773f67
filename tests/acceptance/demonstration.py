"""The demonstration collaborative, run for real in a folder of its own, for acceptance tests."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from confrere.database import local
from confrere.database.engine import connect

ROOT = Path(__file__).resolve().parents[2]
EXAMS = "4000"  # of synthetic history: enough for charts, quick to draw


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@dataclass(frozen=True)
class Demonstration:
    """A running demonstration: where it is, and how to get in."""

    home: Path
    told: dict[str, Any]
    system: Engine

    @property
    def address(self) -> str:
        return str(self.told["http"])

    def user(self, username: str) -> dict[str, str]:
        return next(one for one in self.told["users"] if one["username"] == username)

    def client(self, username: str) -> httpx.Client:
        """An HTTP client with a user's token."""
        headers = {"Authorization": f"Bearer {self.user(username)['token']}"}
        return httpx.Client(base_url=self.address, headers=headers, timeout=30)


def wait_for(
    what: Callable[[], Any], said: str, seconds: float = 30.0, pause: float = 0.2
) -> Any:
    """Wait until `what` gives something true, and return it."""
    until = time.monotonic() + seconds
    while True:
        if found := what():
            return found
        assert time.monotonic() < until, f"{said}: not within {seconds} s"
        time.sleep(pause)


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    """`confrere demo --no-traffic`, up and answering."""
    home = tmp_path_factory.mktemp("demo")
    ports = [str(free_port()) for _ in range(3)]
    command = [
        sys.executable, "-m", "confrere", "demo", "--home", str(home), "--no-traffic",
        "--http-port", ports[0], "--dicom-port", ports[1], "--mllp-port", ports[2],
        "--history", EXAMS,
    ]  # fmt: skip
    with (home / "out.log").open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            start_new_session=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    try:
        log = home / "out.log"
        wait_for(
            lambda: b"Three things to try" in log.read_bytes() or process.poll() is not None,
            "the demonstration starts", 90,
        )  # fmt: skip
        assert process.poll() is None, log.read_text()[-2000:]
        told = json.loads((home / "demo.json").read_text())
        server = local.status(home)
        assert server
        system = connect(server.url("confrere_system"), pool=2)
        yield Demonstration(home, told, system)
        system.dispose()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        local.erase(home)
    assert process.returncode == 0
