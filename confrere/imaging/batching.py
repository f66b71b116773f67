"""One commit for what waits at the same moment: the cost of a sync is shared."""

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future

from sqlalchemy import Engine

from confrere.database.engine import transaction
from confrere.imaging.model import Arrival, Filed
from confrere.imaging.service import file_instances
from confrere.kernel.errors import Unavailable

BATCH = 64
Waiting = tuple[Arrival, Future[Filed]]


class GroupCommit:
    """Files arrivals of many associations in shared transactions, on a thread of its own."""

    def __init__(self, engine: Engine, *, most: int = BATCH) -> None:
        self._engine = engine
        self._most = most
        self._waiting: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="filing", daemon=True)
        self._thread.start()

    def submit(self, arrival: Arrival) -> Filed:
        """Block until the batch that holds `arrival` is committed.

        Raises what filing this one raised; a neighbour's failure is not shared. Raises
        Unavailable after `close`.
        """
        answer: Future[Filed] = Future()
        with self._gate:
            if self._closed:
                raise Unavailable("this server is stopping; send again when it is back")
            self._waiting.put((arrival, answer))
        return answer.result()

    def close(self) -> None:
        """Finish what waits and stop."""
        with self._gate:
            self._closed = True
            self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, last = self._collect(first)
            outcomes = file_batch(self._engine, [arrival for arrival, _ in batch])
            for (_, answer), outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, Filed):
                    answer.set_result(outcome)
                else:
                    answer.set_exception(outcome)
            if last:
                return

    def _collect(self, first: Waiting) -> tuple[list[Waiting], bool]:
        batch = [first]
        while len(batch) < self._most:
            try:
                more = self._waiting.get_nowait()
            except queue.Empty:
                break
            if more is None:
                return batch, True
            batch.append(more)
        return batch, False


def file_batch(engine: Engine, arrivals: Sequence[Arrival]) -> list[Filed | Exception]:
    """File all in one transaction, or one by one when that fails; answer for each."""
    try:
        return list(_file(engine, arrivals))
    except Exception as failure:  # noqa: BLE001 - whatever it was, it belongs to one of them
        if len(arrivals) == 1:
            return [failure]
        return [file_batch(engine, [arrival])[0] for arrival in arrivals]


def _file(engine: Engine, arrivals: Sequence[Arrival]) -> list[Filed]:
    with transaction(engine, frozenset(one.owner_group for one in arrivals)) as conn:
        return file_instances(conn, arrivals)
