"""A second thread for work that needs no interpreter: hashing and writing beside receiving."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any


class Task:
    """Work given to the helper; `wait` for it exactly once."""

    __slots__ = ("_arguments", "_done", "_error", "_work")

    def __init__(self, work: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        self._work, self._arguments = work, arguments
        self._done = threading.Lock()
        self._done.acquire()
        self._error: BaseException | None = None

    @property
    def ended(self) -> bool:
        """Whether `wait` would return at once."""
        return not self._done.locked()

    def run(self) -> None:
        """Do it; what it raises is raised by `wait`."""
        try:
            self._work(*self._arguments)
        except BaseException as error:  # noqa: BLE001 - told to who waits
            self._error = error
        finally:
            self._done.release()

    def wait(self) -> None:
        """Return when it is done; raises what it raised."""
        self._done.acquire()
        if self._error is not None:
            raise self._error


class Helper:
    """One thread that does one thing at a time; who finds it busy does the work alone."""

    def __init__(self) -> None:
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._busy = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self, work: Callable[..., object], *arguments: Any) -> Task | None:
        """Let the thread begin; None when it is busy."""
        if not self._busy.acquire(blocking=False):
            return None
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="helper", daemon=True)
            self._thread.start()
        task = Task(work, arguments)
        self._tasks.put(task)
        return task

    def close(self) -> None:
        """End the thread after what it does now."""
        self._tasks.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            self._busy.release()  # before the waiter wakes, so that it finds the thread free
            task.run()
