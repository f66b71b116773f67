"""A private PostgreSQL for a laptop, a demo or the tests: a Unix socket, no network.

Two ways to run it. `start` leaves a detached server that outlives us until `stop`. `spawn`
makes it our own child, so that a supervisor sees it die; it is not tied to our death by a
signal: PostgreSQL should shut down in its own order, and one that was left behind is joined by
the next `start` or taken over by the next `spawn`.

Under `home`: `postgres/` (data and `server.log`), `postgres-run/` (the socket),
`postgres.lock`; and `postgres.json`, which says where the data is when the account that runs
the server cannot reach `home` (see `local_account`).
"""

import contextlib
import fcntl
import logging
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from confrere.database import local_process
from confrere.database.local_account import (
    SOCKET_NAME,
    Account,
    LocalServerError,
    choose_account,
    data_folder,
    forget_data,
    place_data,
    socket_folder,
)
from confrere.database.local_process import LocalServer
from confrere.database.local_programs import Programs, find_programs
from confrere.database.local_roles import BOOT_ROLE, ensure_roles
from confrere.database.local_settings import SETTINGS, TEST_OPTIONS

__all__ = [
    "BOOT_ROLE",
    "TEST_OPTIONS",
    "LocalServer",
    "LocalServerError",
    "ensure_roles",
    "erase",
    "running",
    "spawn",
    "start",
    "status",
    "stop",
    "wait_ready",
]

_LARGEST_LOG = 10_000_000  # bytes
_READY_SECONDS = 60.0
_STOP_SECONDS = 30.0
_BUILTIN_LOCALE_SINCE = 17

_log = logging.getLogger(__name__)


def start(home: Path, options: Mapping[str, str] | None = None) -> LocalServer:
    """Start the server of `home` detached from us, or join the one that runs.

    `options` are PostgreSQL settings; a server that runs already keeps its own.
    """
    with _alone(home):
        if status(home):
            return wait_ready(home)
        command, account, data = _prepare(home, options or {})
        pg_ctl = str(Path(command[0]).with_name("pg_ctl"))
        log = data / "server.log"
        flags = shlex.join(command[3:])
        begin = [pg_ctl, "-D", str(data), "-l", str(log), "-w", "-s", "-o", flags, "start"]
        if account.run([*begin, "-t", f"{_READY_SECONDS:.0f}"], detaches=True).returncode:
            raise _no_start(data)
        return wait_ready(home)


def spawn(
    home: Path, options: Mapping[str, str] | None = None, *, take_over: bool = False
) -> subprocess.Popen[bytes]:
    """Start the server of `home` as our child, in a session of its own (Ctrl-C passes it by).

    One that runs already is an error, unless we `take_over`: then it is stopped first. Only
    whoever alone supervises this home may do that.
    """
    with _alone(home):
        if left := local_process.find_postmaster(data_folder(home)):
            if not take_over:
                raise LocalServerError(
                    f"PostgreSQL already runs on {home} (process {left.pid}): stop it first"
                )
            local_process.end(left, data_folder(home), _STOP_SECONDS)
        command, account, data = _prepare(home, options or {})
        with (data / "server.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - a list, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **account.keywords(),
            )
        # until it is on record, another start would take it for an orphan
        while process.poll() is None and not local_process.find_postmaster(data):
            time.sleep(0.005)
        return process


def wait_ready(
    home: Path,
    timeout_seconds: float = _READY_SECONDS,
    process: subprocess.Popen[bytes] | None = None,
) -> LocalServer:
    """Wait until the server accepts connections (after a crash: until it has recovered)."""
    data = data_folder(home)
    started = time.monotonic()
    while True:
        found = local_process.find_postmaster(data)
        if found and found.ready:
            return LocalServer(data, found.socket_dir)
        waited = time.monotonic() - started
        died = process.poll() is not None if process else found is None and waited > 1.0
        if died or waited > timeout_seconds:
            raise _no_start(data)
        time.sleep(0.01)


def status(home: Path) -> LocalServer | None:
    """Find the server that runs on `home`, ready or not, or None."""
    data = data_folder(home.absolute())
    found = local_process.find_postmaster(data)
    return LocalServer(data, found.socket_dir) if found else None


def stop(home: Path) -> bool:
    """Stop the server of `home`; sessions are cut, nothing committed is lost. False: none ran."""
    if not home.exists():
        return False
    with _alone(home):
        data = data_folder(home.absolute())
        found = local_process.find_postmaster(data)
        if found:
            local_process.end(found, data, _STOP_SECONDS)
        local_process.end_orphans(data)
        return found is not None


def erase(home: Path) -> None:
    """Stop the server of `home` and delete its data for good."""
    home = home.absolute()
    found = status(home)
    stop(home)
    data = data_folder(home)
    left = [data, data.parent / "postgres-run", *([found.socket_dir] if found else [])]
    for folder in left if data.parent == home else [*left, data.parent]:
        shutil.rmtree(folder, ignore_errors=True)
    forget_data(home)


@contextlib.contextmanager
def running(home: Path, options: Mapping[str, str] | None = None) -> Iterator[LocalServer]:
    """Start or join the server of `home`; stop it at the end if it did not run before."""
    joined = status(home) is not None
    try:
        yield start(home, options)
    finally:
        if not joined:
            stop(home)


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Let one start or stop at a time work on `home`, across processes."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / "postgres.lock").open("w")
    except OSError as error:
        raise LocalServerError(
            f"{home} cannot be written ({error.strerror}): set CONFRERE_HOME to a folder of yours"
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _prepare(home: Path, options: Mapping[str, str]) -> tuple[list[str], Account, Path]:
    """Everything before the start; returns the server's command, its account and the data."""
    home = home.absolute()
    account = choose_account(data_folder(home))
    data = place_data(home, account)
    if account.lent():
        _log.info("root: PostgreSQL runs as %s, its data in %s", account.name, data)
    version = data / "PG_VERSION"
    programs = find_programs(account, int(version.read_text()) if version.exists() else None)
    run = socket_folder(home, data, account)
    if not version.exists():
        _initialise(data, programs, account, sync=options.get("fsync") != "off")
    local_process.end_orphans(data)
    local_process.drop_stale_files(data, run / SOCKET_NAME)
    _write(data / "confrere.conf", SETTINGS, account)
    log = data / "server.log"
    if not log.exists() or log.stat().st_size > _LARGEST_LOG:
        _write(log, "", account)
    fixed = {
        "listen_addresses": "",
        "unix_socket_directories": f'"{run}"',
        "unix_socket_permissions": "0700",
        "port": "5432",
    }
    flags = [f"--{name}={value}" for name, value in (dict(options) | fixed).items()]
    return [programs.path("postgres"), "-D", str(data), *flags], account, data


def _initialise(data: Path, programs: Programs, account: Account, *, sync: bool) -> None:
    """Make the data folder whole or not at all: initdb beside it, then one rename."""
    fresh = data.with_name(data.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    account.own(fresh)
    command = [programs.path("initdb"), "-D", str(fresh), "-U", BOOT_ROLE, "-E", "UTF8"]
    command += ["-A", "trust", "--locale=C.UTF-8", "--data-checksums", "--no-instructions"]
    if programs.major >= _BUILTIN_LOCALE_SINCE:
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command += [] if sync else ["--no-sync"]
    done = account.run(command)
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip()
        raise LocalServerError(f"initdb failed in {fresh}: {told}")
    # trust: the folder of the socket is 0700, and nothing listens elsewhere
    (fresh / "pg_hba.conf").write_text("local all all trust\n")
    (fresh / "postgresql.conf").write_text(
        "include 'confrere.conf'  # written at each start\n# settings below win\n"
    )
    fresh.rename(data)


def _write(path: Path, text: str, account: Account) -> None:
    path.write_text(text)
    if account.lent():
        shutil.chown(path, account.uid, account.gid)


def _no_start(data: Path) -> LocalServerError:
    ends = "(no log)"
    with contextlib.suppress(OSError):
        ends = "\n".join((data / "server.log").read_text(errors="replace").splitlines()[-5:])
    return LocalServerError(f"PostgreSQL does not start on {data}. Its log ends:\n{ends}")
