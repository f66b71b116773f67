"""Keep child processes alive, and end them in order. Knows nothing of what they do."""

import ctypes
import logging
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1
GRACE_SECONDS = 10.0
CALM_SECONDS = 30.0  # a child that lived so long starts again at once
LONGEST_PAUSE_SECONDS = 10.0
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def die_with_parent() -> None:
    """Ask the kernel to end this child when its parent dies, also by kill -9."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass(slots=True)
class Child:
    """A process to keep alive."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    quick_deaths: int = 0
    not_before: float = 0.0

    def start(self) -> None:
        """Start it; it leaves Ctrl-C to us."""
        self.started = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own commands
            list(self.command),
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - the supervisor has one thread
            start_new_session=True,
        )

    def alive(self) -> bool:
        """Say whether it runs."""
        return self.process is not None and self.process.poll() is None


@dataclass(slots=True)
class Supervisor:
    """Starts children, restarts the dead within a second, and ends all when told to.

    `first` keeps what everything else needs (the database): `tend_first` is called at each
    poll and brings it back; it is ended last, by the caller.
    """

    children: list[Child]
    tend_first: Callable[[], None]
    say: Callable[[str], None]
    stopping: bool = field(default=False)

    def run(self) -> None:
        """Run until a signal or `stop` ends it."""
        previous = {
            one: signal.signal(one, self._on_signal)
            for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        try:
            for child in self.children:
                child.start()
            while not self.stopping:
                self.tend_first()
                for child in self.children:
                    self._tend(child)
                time.sleep(POLL_SECONDS)
        finally:
            self.end()
            for one, handler in previous.items():
                signal.signal(one, handler)

    def stop(self) -> None:
        """Ask the loop to end."""
        self.stopping = True

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if not self.stopping:
            self.say("Stopping: work in hand is finished first ...")
        self.stopping = True

    def _tend(self, child: Child) -> None:
        if child.alive():
            return
        now = time.monotonic()
        if child.process is not None:
            code = child.process.returncode
            calm = now - child.started > CALM_SECONDS
            child.quick_deaths = 0 if calm else child.quick_deaths + 1
            pause = 0.0 if child.quick_deaths <= 2 else 2.0 ** (child.quick_deaths - 2)  # noqa: PLR2004
            child.not_before = now + min(pause, LONGEST_PAUSE_SECONDS)
            log.warning("%s ended with %s; starting it again", child.name, code)
            child.process = None
        if now >= child.not_before:
            child.start()

    def end(self) -> None:
        """End all children: politely, and after a grace period by force."""
        for child in reversed(self.children):
            if child.alive() and child.process:
                child.process.terminate()
        until = time.monotonic() + GRACE_SECONDS
        for child in self.children:
            if child.process is None:
                continue
            try:
                child.process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("%s does not end; killing it", child.name)
                child.process.kill()
                child.process.wait()
