"""The servers that are compared, each in processes of its own on a folder: ours and Orthanc."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from confrere.database.engine import connect, transaction
from confrere.identity import service as identity
from confrere.kernel.ids import GroupId, PeerId, ReaderId
from confrere.kernel.principal import Role
from confrere.main.serve import Database, environment_of
from confrere.network import service as network
from confrere.network.model import Group, Reader
from confrere.network.systems import Peer
from confrere.settings import load

ROOT = Path(__file__).parents[2]
NONE = UUID(int=0)
PATIENCE = 6.0  # seconds to wait for quiet
IDLE = 0.08  # share of the machine that is still quiet


@dataclass(frozen=True, slots=True)
class Server:
    """Where one server listens, and what each instance costs it in syncs."""

    name: str
    dicom: int
    stow: str  # URL of the store service
    token: str
    syncs: str
    folder: Path
    process: int  # the one that takes C-STORE

    def settle(self) -> None:
        """Wait until nobody has anything left to do, so that none disturbs the other's turn."""
        os.sync()
        until = time.monotonic() + PATIENCE
        time.sleep(1.2)  # our spool begins to move after a second of quiet
        while busy(0.2) > IDLE and time.monotonic() < until:
            pass


def busy(seconds: float) -> float:
    """Share of the processors' time that was used in the next moment."""
    before = cpu_times()
    time.sleep(seconds)
    used, whole = (after - then for after, then in zip(cpu_times(), before, strict=True))
    return used / max(1, whole)


def cpu_times() -> tuple[int, int]:
    """Ticks used and all ticks, of all processors (proc(5), stat)."""
    ticks = [int(n) for n in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = ticks[3] + ticks[4]
    return sum(ticks) - idle, sum(ticks)


def free_port() -> int:
    """A port that nothing uses now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def await_port(port: int) -> None:
    """Wait until something listens."""
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"nothing listens on {port}")


@contextmanager
def running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[int]:
    """Run a process, ended by SIGTERM; gives its id."""
    with log.open("ab") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


@contextmanager
def confrere(folder: Path) -> Iterator[Server]:
    """Our doors and web processes, on a private PostgreSQL with its default durability."""
    ports = {f"CONFRERE_{n}_PORT": str(free_port()) for n in ("DICOM", "MLLP", "HTTP")}
    given = {"CONFRERE_HOME": str(folder), "PYTHONPATH": str(ROOT), **ports}
    settings = load(given)
    database = Database(settings)
    with ExitStack() as running_ones:
        database.start()
        running_ones.callback(database.stop)
        token = register(database.urls.system)
        environment = environment_of(settings, database.urls) | given
        doors, _ = [
            running_ones.enter_context(
                running([sys.executable, "-m", f"confrere.{part}"], environment, folder / "log")
            )
            for part in ("doors", "webserver")
        ]
        await_port(settings.dicom_port)
        await_port(settings.http_port)
        time.sleep(1)
        url = f"http://127.0.0.1:{settings.http_port}/dicom-web/studies"
        syncs = (
            "spool segment (fdatasync) before the answer, with a note from which its committed "
            "index row is made again; PostgreSQL's WAL within 0.3 s"
        )
        yield Server("confrere", settings.dicom_port, url, token, syncs, folder, doors)


def register(url: str) -> str:
    """Let the sender in; return a token that may store."""
    engine, now = connect(url, pool=1), datetime.now(UTC)
    with transaction(engine, frozenset()) as conn:
        group = network.add_group(conn, Group(GroupId(NONE), "BEN", "Bench", "America/Chicago"))
        network.register_peer(conn, Peer(PeerId(NONE), group, "dicom", "Bench", "BENCH"))
        network.register_peer(conn, Peer(PeerId(NONE), group, "dicom", "DCMTK", "STORESCU"))
        reader = network.add_reader(
            conn, Reader(ReaderId(NONE), group, "Bench, Ben", "", frozenset())
        )
        user = identity.create_user(
            conn, "bench", "Bench", Role.RADIOLOGIST, group=group, reader=reader, site=None,
            password="green kettle under stairs", now=now,  # noqa: S106
        )  # fmt: skip
        token = identity.create_token(
            conn, user.id, "bench", expires_at=now + timedelta(days=1), now=now,
            random=secrets.token_bytes,
        )  # fmt: skip
    engine.dispose()
    return token


@contextmanager
def orthanc(folder: Path) -> Iterator[Server]:
    """Debian's Orthanc with its default durability (SyncStorageArea) and TCP_NODELAY."""
    dicom, http = free_port(), free_port()
    plugin = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
    settings = {
        "StorageDirectory": str(folder), "IndexDirectory": str(folder),
        "DicomPort": dicom, "HttpPort": http, "AuthenticationEnabled": False,
        "RemoteAccessAllowed": False, "DicomAlwaysAllowStore": True,
        "DicomCheckCalledAet": False, "MaximumPduLength": 131072,
        "Plugins": [plugin] if Path(plugin).exists() else [],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }  # fmt: skip
    path = folder / "orthanc.json"
    path.write_text(json.dumps(settings))
    environment = {**os.environ, "TCP_NODELAY": "1"}
    with running(["Orthanc", str(path)], environment, folder / "log") as process:
        await_port(dicom)
        await_port(http)
        time.sleep(1)
        syncs = (
            "each file (fdatasync, not its folder) before the answer; its SQLite index at "
            "checkpoints only (traced: one sync in 18 instances)"
        )
        url = f"http://127.0.0.1:{http}/dicom-web/studies"
        yield Server("orthanc", dicom, url, "", syncs, folder, process)


def installed() -> list[str]:
    """Names of the servers that can be run here."""
    return ["confrere", *(["orthanc"] if shutil.which("Orthanc") else [])]


STARTERS = {"confrere": confrere, "orthanc": orthanc}
