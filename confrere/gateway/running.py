"""Run the gateway: one process, its doors, its senders, its status page."""

import fcntl
import logging
import os
import random
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from confrere.files.folder import BlobStore
from confrere.gateway.config import Config, load
from confrere.gateway.doors import Bell, Sink, open_dicom, open_mllp
from confrere.gateway.exchange import Exchange
from confrere.gateway.line import Line, Link
from confrere.gateway.people import People
from confrere.gateway.pictures import Pictures
from confrere.gateway.queue import Queue
from confrere.gateway.reading_page import Pages
from confrere.gateway.reading_room import ReadingRoom
from confrere.gateway.record import Record
from confrere.gateway.room import Room
from confrere.gateway.sending import Sending
from confrere.gateway.serving import ReadingServer
from confrere.gateway.status_page import StatusPage
from confrere.identity.away import pepper_of
from confrere.kernel.errors import Invalid, Refused, Unavailable

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=8)
TIDY_SECONDS = 60.0


def own_version() -> str:
    """The version of this program."""
    try:
        return version("confrere")
    except PackageNotFoundError:
        return "from source"


def enrol(home: Path, code: str) -> tuple[str, str]:
    """Give the one-time code to the centre and keep the token; return (name, site)."""
    config = load(home)
    link = Link(config.centre, config.ca, "")
    try:
        told = link.enrol(code, own_version())
    except Refused:
        raise Refused(
            "the centre does not take this code: it was used, has lapsed, or has a typing error"
        ) from None
    finally:
        link.close()
    _keep_secret(config.token_file, str(told["token"]))
    return str(told["name"]), str(told["site"])


def run(home: Path, say: Callable[[str], None]) -> None:
    """Run until SIGTERM or Ctrl-C; raises Invalid or Unavailable when it can't start."""
    os.umask(0o077)  # what lies here is patients'
    config = load(home)
    token = _secret(config.token_file)
    if not token:
        raise Invalid("this gateway is not enrolled: run `confrere gateway enrol`", "token")
    if not _secret(config.status_token_file):
        _keep_secret(config.status_token_file, secrets.token_urlsafe(24))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        stack.enter_context(_sole_use(config.home))
        house = _House(config, token)
        stack.callback(house.close)
        house.open(stack)
        say(f"Gateway {config.aet} takes DICOM on {config.host}:{config.dicom_port} and HL7 on "
            f"{config.host}:{config.mllp_port}; its page is on "
            f"http://{config.status_host}:{config.status_port}/, readers read on "
            f"{reading_address(config)} while the centre cannot be reached")  # fmt: skip
        house.tend(stop)
    say("Stopped.")


class _House:
    """What the gateway consists of."""

    def __init__(self, config: Config, token: str) -> None:
        self._config, self._token = config, token
        self._blobs = BlobStore(config.home / "blobs")
        self.queue = Queue(config.home / "queue.sqlite", self._blobs)
        self._is_chain_broken = False
        self._line = Line(random.SystemRandom().random)
        self._room = Room(config, self.queue)
        self._bell = Bell()
        self._record = Record(config.home / "reading.sqlite", _audit_key(config))
        self._exchange = Exchange(self._record, self._accession_of)
        self._people = People(self._record, pepper_of(token), config.reading_days, time.time)
        self._sending = Sending(
            self.queue, self._blobs, self._line, self._bell, self._link, config.connections
        )

    def open(self, stack: ExitStack) -> None:
        """Clear what a crash left, then open the doors and begin to send."""
        self._blobs.sweep()
        if dropped := self.queue.sweep():
            log.warning("dropped %d files that were never acknowledged", dropped)
        config = self._config
        sink = Sink(config, self._blobs, self.queue, self._room, self._bell.ring)
        self._sending.start()
        stack.callback(self._sending.stop, GRACE.total_seconds())
        dicom = open_dicom(sink)
        stack.callback(dicom.stop, GRACE)
        mllp = open_mllp(config, self.queue, self._room, self._bell.ring)
        stack.callback(mllp.stop, GRACE)
        page = StatusPage(
            config.status_host,
            config.status_port,
            _secret(config.status_token_file),
            self._told,
        )
        page.start()
        stack.callback(page.stop)
        self._open_reading(stack)

    def close(self) -> None:
        """Close the records."""
        self.queue.close()
        self._record.close()

    def _open_reading(self, stack: ExitStack) -> None:
        """Open the pages on which readers read in downtime."""
        config = self._config
        room = ReadingRoom(
            self.queue, self._record, Pictures(self._blobs), self._line.down_seconds,
            config.downtime_seconds, time.time,
        )  # fmt: skip
        pages = Pages(room, self._people, self._record, secure=bool(config.reading_certificate))
        server = ReadingServer(config, pages)
        server.start()
        stack.callback(server.stop)

    def tend(self, stop: threading.Event) -> None:
        """Tell the centre how things are, and tidy up, until told to stop."""
        link, tidied = self._link(), 0.0
        while not stop.wait(self._config.call_seconds if self._sign(link) else 1.0):
            if time.monotonic() - tidied > TIDY_SECONDS:
                self._room.tidy()
                self._record.tidy(int(self._record.said("audited_to") or 0))
                self._is_chain_broken = bool(self._record.first_bad())
                tidied = time.monotonic()
        link.close()

    def _sign(self, link: Link) -> bool:
        if self._line.wait():
            return False
        try:
            link.sign(own_version(), self._told())
        except Refused as error:
            self._record.forget_said()  # revoked: nobody signs in here any more
            self._line.failed(str(error))
            return False
        except Unavailable as error:
            self._line.failed(str(error))
            return False
        self._line.worked()
        try:
            self._exchange.run(link)
        except (Unavailable, Refused) as error:
            log.warning("downtime reads are not handed over yet: %s", error)
        # whatever became of it, images and messages must not wait for it
        self._line.settle()
        self._bell.ring()
        return True

    def _told(self) -> dict[str, Any]:
        """How things are: counts and states, no patient data."""
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self._line.since))
        return {
            **self.queue.counts(),
            "aet": self._config.aet,
            "line": "down" if self._line.trouble else "up",
            "line_since": since,
            "trouble": self._line.trouble,
            "alerts": [*self._room.alerts(), *self._reading_alerts()],
            "reading": reading_address(self._config),
            "readers": self._people.count(),
            "reads": self._record.unsent_count(),
            "free_bytes": self._room.free(),
            "version": own_version(),
        }

    def _reading_alerts(self) -> list[str]:
        found = []
        if refused := self._record.refused_count():
            found.append(
                f"{refused} reports signed in downtime were refused by the centre and are kept here"
            )
        if self._is_chain_broken:
            found.append("the record of who read here was changed: keep this disk as it is")
        return found

    def _accession_of(self, uid: str) -> str:
        known = self.queue.study(uid)
        return known.accession if known else ""

    def _link(self) -> Link:
        return Link(self._config.centre, self._config.ca, self._token)


def reading_address(config: Config) -> str:
    """Where readers read in downtime."""
    scheme = "https" if config.reading_certificate else "http"
    return f"{scheme}://{config.reading_host}:{config.reading_port}/"


@contextmanager
def _sole_use(home: Path) -> Iterator[None]:
    with (home / "gateway.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Unavailable(f"a gateway already runs on {home}: stop it first") from None
        yield


def _audit_key(config: Config) -> bytes:
    """The key of the chain of events, made at the first start."""
    if not _secret(config.audit_key_file):
        _keep_secret(config.audit_key_file, secrets.token_hex(32))
    return bytes.fromhex(_secret(config.audit_key_file))


def _secret(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def _keep_secret(path: Path, secret: str) -> None:
    """Write it whole, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(secret)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)
