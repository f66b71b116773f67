"""Start everything, keep it running, and stop it cleanly, the database included."""

import fcntl
import logging
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confrere import dispatcher, doors, migrations, webserver, worker
from confrere.database import local, local_roles
from confrere.database.engine import connect
from confrere.files.opening import open_blobs
from confrere.kernel.errors import Unavailable
from confrere.main.ports import require_free
from confrere.main.supervisor import Child, Supervisor
from confrere.main.urls import Urls, of_private, of_settings
from confrere.settings import ENVIRONMENT, Settings

log = logging.getLogger(__name__)

PARTS: tuple[tuple[str, Callable[[], None]], ...] = (
    ("doors", doors.main),
    ("dispatcher", dispatcher.main),
    ("worker", worker.main),
    ("web", webserver.main),
)


class Database:
    """The database of one home: private and tended by us, or somebody else's."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.urls = Urls("", "", "")

    def start(self) -> None:
        """Bring it up, with roles and an up-to-date schema."""
        if self._settings.database_url:
            self.urls = of_settings(self._settings)
        else:
            home = self._settings.home
            self._process = local.spawn(home, take_over=True)
            server = local.wait_ready(home, process=self._process)
            local_roles.ensure_roles(server)
            self.urls = of_private(server)
        migrate(self.urls)

    def tend(self) -> None:
        """Bring the private server back when it died."""
        if self._process is not None and self._process.poll() is not None:
            log.warning("PostgreSQL ended; starting it again")
            self._process = local.spawn(self._settings.home, take_over=True)
            local.wait_ready(self._settings.home, process=self._process)

    def stop(self) -> None:
        """Stop the private server cleanly."""
        if self._process is not None:
            local.stop(self._settings.home)


def migrate(urls: Urls) -> tuple[str, str]:
    """Bring the schema up to date as the owner role; return (before, after)."""
    engine = connect(urls.owner, pool=1)
    try:
        with engine.begin() as conn:
            return migrations.upgrade(conn)
    finally:
        engine.dispose()


@contextmanager
def sole_use(home: Path) -> Iterator[Callable[[], None]]:
    """Let one supervisor at a time work on a home; raises Unavailable when another does.

    Gives what a forked child calls to leave the lock to the supervisor alone.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / "supervisor.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Unavailable(
                f"Confrere already runs on {home}: stop it, or set CONFRERE_HOME to another folder"
            ) from None
        yield lock.close


def environment_of(settings: Settings, urls: Urls) -> dict[str, str]:
    """What a child process needs in its environment to have the same settings."""
    values = dict(os.environ)
    for name, variable in ENVIRONMENT.items():
        values[variable] = str(getattr(settings, name))
    return values | {
        "DATABASE_URL": urls.app,
        "DATABASE_SYSTEM_URL": urls.system,
        "DATABASE_OWNER_URL": urls.owner,
    }


@dataclass(frozen=True, slots=True)
class Extra:
    """A further child, such as the demo's traffic."""

    name: str
    work: Callable[[], None]


def serve(
    settings: Settings,
    say: Callable[[str], None],
    *,
    prepare: Callable[[Urls], Sequence[Extra]] = lambda _: (),
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Run the house until Ctrl-C.

    `prepare` runs once the schema is up to date and before any door opens; it may name more
    children. `ready` is called when the web page answers.
    """
    with sole_use(settings.home) as leave:
        require_free(settings, say)
        database = Database(settings)
        started = time.monotonic()
        try:
            database.start()
            say(f"Database ready ({time.monotonic() - started:.1f} s)")
            open_blobs(settings).sweep()
            extras = prepare(database.urls)
            environment = environment_of(settings, database.urls)
            children = [Child(name, work, environment) for name, work in PARTS]
            children += [Child(extra.name, extra.work, environment) for extra in extras]
            watcher = _Ready(settings, database, ready)
            Supervisor(children, watcher.tend, say, leave).run()
        finally:
            database.stop()
            say("Stopped.")


class _Ready:
    """Tends the database, and tells once when the web page answers."""

    def __init__(
        self, settings: Settings, database: Database, ready: Callable[[], None]
    ) -> None:
        self._where = (settings.http_host, settings.http_port)
        self._database, self._ready = database, ready
        self._told = False

    def tend(self) -> None:
        """Called at each poll of the supervisor."""
        self._database.tend()
        if not self._told and answers(*self._where):
            self._told = True
            self._ready()


def answers(host: str, port: int) -> bool:
    """Say whether something listens there."""
    try:
        with socket.create_connection((host, port), 0.2):
            return True
    except OSError:
        return False
