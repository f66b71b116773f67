"""Keep child processes alive, and end them in order. Knows nothing of what they do.

Children are forked from a supervisor that has imported everything already: a killed child is
back within a fraction of a second, and the code's memory is shared. The supervisor itself
stays single-threaded and opens no connection, so that a fork copies nothing that matters.
"""

import ctypes
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1
GRACE_SECONDS = 10.0
CALM_SECONDS = 30.0  # a child that lived so long starts again at once
QUICK_DEATHS = 3  # so many restarts at once before the pauses grow
LONGEST_PAUSE_SECONDS = 10.0
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
_libc = ctypes.CDLL(None)


@dataclass(slots=True)
class Child:
    """A process to keep alive: `work` runs in it until SIGTERM."""

    name: str
    work: Callable[[], None]
    environment: Mapping[str, str]
    pid: int = 0
    started: float = 0.0
    quick_deaths: int = 0
    not_before: float = 0.0

    def start(self, leave: Callable[[], None]) -> None:
        """Fork it; `leave` gives up, in the child, what is the supervisor's alone."""
        self.started = time.monotonic()
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            self._become(parent, leave)

    def _become(self, parent: int, leave: Callable[[], None]) -> None:
        code = 1
        try:
            os.setsid()  # Ctrl-C reaches the supervisor alone
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            _libc.prctl(PR_SET_NAME, self.name[:15].encode())
            if os.getppid() == parent:
                for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(one, signal.SIG_DFL)
                leave()
                os.environ.update(self.environment)
                self.work()
            code = 0
        except BaseException:
            log.exception("%s failed", self.name)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def ended(self) -> int | None:
        """Reap it if it ended: its exit status, negative for a signal; None while it runs."""
        if self.pid == 0:
            return 0
        found, status = os.waitpid(self.pid, os.WNOHANG)
        if found == 0:
            return None
        self.pid = 0
        return os.waitstatus_to_exitcode(status)


@dataclass(slots=True)
class Supervisor:
    """Starts children, restarts the dead within a second, and ends all when told to.

    `first` keeps what everything else needs (the database): `tend_first` is called at each
    poll and brings it back; it is ended last, by the caller.
    """

    children: list[Child]
    tend_first: Callable[[], None]
    say: Callable[[str], None]
    leave: Callable[[], None]
    stopping: bool = field(default=False)

    def run(self) -> None:
        """Run until a signal or `stop` ends it."""
        previous = {
            one: signal.signal(one, self._on_signal)
            for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        try:
            gc.freeze()  # what is imported stays shared between the processes
            for child in self.children:
                child.start(self.leave)
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
        now = time.monotonic()
        if child.pid:
            code = child.ended()
            if code is None:
                return
            calm = now - child.started > CALM_SECONDS
            child.quick_deaths = 0 if calm else child.quick_deaths + 1
            more = child.quick_deaths - QUICK_DEATHS
            child.not_before = now + (min(2.0**more, LONGEST_PAUSE_SECONDS) if more > 0 else 0)
            log.warning("%s ended with %s; starting it again", child.name, code)
        if now >= child.not_before:
            child.start(self.leave)

    def end(self) -> None:
        """End all children: politely, and after a grace period by force."""
        _signal([c.pid for c in self.children if c.pid], signal.SIGTERM)
        until = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < until and any(c.ended() is None for c in self.children):
            time.sleep(POLL_SECONDS / 2)
        left = [c for c in self.children if c.pid]
        for child in left:
            log.warning("%s does not end; killing it", child.name)
        _signal([c.pid for c in left], signal.SIGKILL)
        for child in left:
            os.waitpid(child.pid, 0)
            child.pid = 0


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
