"""The running PostgreSQL: how to reach it, what its pid file says, and what a killed one leaves behind."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from confrere.database.local_account import LocalServerError

_PROC = Path("/proc")
_STATUS_LINE = 7
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server that runs: its data and the folder with its socket."""

    data: Path
    socket_dir: Path

    def url(self, role: str, database: str = "confrere") -> str:
        """Give a libpq URL; the port is named because PGPORT may be set for another server."""
        return f"postgresql://{role}@/{database}?host={quote(str(self.socket_dir))}&port=5432"


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The server's first process, as its `postmaster.pid` describes it."""

    pid: int
    socket_dir: Path
    ready: bool


def find_postmaster(data: Path) -> Postmaster | None:
    """Find the live server on `data`, or None; a pid that another program got since is not one."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None
    if not _is_ours(pid, data):
        return None
    full = len(lines) > _STATUS_LINE
    return Postmaster(
        pid,
        Path(lines[4]) if full else Path(),
        ready=full and lines[_STATUS_LINE].strip() == "ready",
    )


def drop_stale_files(data: Path, socket: Path) -> None:
    """Drop what a killed server left; nothing may run on `data`.

    PostgreSQL would refuse to start when the pid in such a file meanwhile belongs to another
    program, or to a dead server that nobody waited for.
    """
    for stale in (data / "postmaster.pid", socket.with_name(socket.name + ".lock"), socket):
        stale.unlink(missing_ok=True)


def end_orphans(data: Path) -> None:
    """End backends whose server was killed: a busy one does not notice by itself.

    PostgreSQL would refuse to start while one still holds the dead server's shared memory.
    """
    for sign, seconds in ((signal.SIGQUIT, 1.0), (signal.SIGKILL, 5.0)):
        orphans = list(_backends(data))
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
        if not orphans or _gone(data, seconds):
            break
    else:
        raise LocalServerError(
            f"processes of a killed PostgreSQL still use {data} and cannot be ended: "
            "restart the machine"
        )


def end(postmaster: Postmaster, data: Path, timeout_seconds: float) -> None:
    """Shut down fast (sessions are cut, everything is written), at last by force."""
    for sign, seconds in (
        (signal.SIGINT, timeout_seconds),
        (signal.SIGQUIT, 5.0),
        (signal.SIGKILL, 5.0),
    ):
        try:
            os.kill(postmaster.pid, sign)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not _is_ours(postmaster.pid, data):
                return
            time.sleep(_POLL_SECONDS)
    raise LocalServerError(f"PostgreSQL (process {postmaster.pid}) does not stop")


def _gone(data: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(_backends(data)):
            return True
        time.sleep(_POLL_SECONDS)
    return False


def _backends(data: Path) -> Iterator[int]:
    if _PROC.is_dir():
        for entry in _PROC.iterdir():
            if entry.name.isdecimal() and _is_ours(int(entry.name), data):
                yield int(entry.name)


def _is_ours(pid: int, data: Path) -> bool:
    """Whether `pid` is a PostgreSQL process on `data`: they all work in that folder."""
    if not _PROC.is_dir():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True
    try:  # a process that has ended but was not waited for has neither link
        program = (_PROC / str(pid) / "exe").readlink().name.removesuffix(" (deleted)")
        return program == "postgres" and (_PROC / str(pid) / "cwd").readlink() == data.resolve()
    except OSError:
        return False
