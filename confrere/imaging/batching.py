"""One commit for what waits at the same moment: the cost of a sync is shared."""

import threading
from collections.abc import Sequence

from sqlalchemy import Connection, Engine

from confrere.database.engine import transaction
from confrere.files.crash import crash_point
from confrere.files.folder import BlobStore
from confrere.imaging.filing_known import Known, Straight
from confrere.imaging.model import Arrival, Filed
from confrere.imaging.service import file_instances
from confrere.kernel.errors import Unavailable

BATCH = 64


class _Waiting:
    """One arrival, until it has its answer."""

    __slots__ = ("answer", "arrival", "mark")

    def __init__(self, arrival: Arrival, mark: int) -> None:
        self.arrival, self.mark = arrival, mark
        self.answer: Filed | Exception | None = None


class GroupCommit:
    """Files arrivals of many associations in shared transactions.

    Whoever comes while nobody files does it at once, on its own thread; who comes meanwhile
    waits, and the first of these files for all of them.
    """

    def __init__(
        self, engine: Engine, blobs: BlobStore | None = None, *, most: int = BATCH
    ) -> None:
        self._engine, self._blobs = engine, blobs
        self._most = most
        self._waiting: list[_Waiting] = []
        self._turn = threading.Lock()
        self._closed = False
        self._known = Known()
        self._straight: Connection | None = None  # commits each statement by itself

    def submit(self, arrival: Arrival, mark: int = 0) -> Filed:
        """Block until the batch that holds `arrival` is durable: blob, then row.

        `mark` tells how far the blob store is to be synced first. Raises what filing this one
        raised; a neighbour's failure is not shared. Raises Unavailable after `close`.
        """
        mine = _Waiting(arrival, mark)
        self._waiting.append(mine)  # atomic, and taken out under the lock only
        with self._turn:
            while mine.answer is None:
                self._serve()
        if isinstance(mine.answer, Filed):
            return mine.answer
        raise mine.answer

    def close(self) -> None:
        """Refuse what comes from now on; what waits already is filed."""
        with self._turn:
            while self._waiting:
                self._serve()
            self._closed = True
            self._close_straight()

    def _serve(self) -> None:
        batch = self._waiting[: self._most]
        del self._waiting[: len(batch)]
        for one, answer in zip(batch, self._file(batch), strict=True):
            one.answer = answer

    def _file(self, batch: list[_Waiting]) -> Sequence[Filed | Exception]:
        if self._closed:
            message = "this server is stopping; send again when it is back"
            return [Unavailable(message) for _ in batch]
        try:
            if self._blobs is not None:
                self._blobs.sync(max(one.mark for one in batch))
        except Exception as error:  # noqa: BLE001 - everyone who waits must hear of it
            return [error for _ in batch]
        arrivals = [one.arrival for one in batch]
        answers = self._file_known(arrivals) or file_batch(self._engine, arrivals, self._known)
        crash_point("index.committed")
        return answers

    def _file_known(self, arrivals: Sequence[Arrival]) -> list[Filed] | None:
        """Take the busy path where it fits; None where it does not."""
        try:
            if self._straight is None:
                opened = self._engine.connect()
                self._straight = opened.execution_options(isolation_level="AUTOCOMMIT")
            raw: Straight | None = self._straight.connection.driver_connection
            return self._known.file(raw, arrivals) if raw is not None else None
        except Exception:  # noqa: BLE001 - the general path tells whose fault it was
            self._known.forget(arrivals)
            self._close_straight(broken=True)
            return None

    def _close_straight(self, *, broken: bool = False) -> None:
        if self._straight is not None:
            if broken:
                self._straight.invalidate()
            self._straight.close()
            self._straight = None


def file_batch(
    engine: Engine, arrivals: Sequence[Arrival], known: Known | None = None
) -> Sequence[Filed | Exception]:
    """File all in one transaction, or one by one when that fails; answer for each.

    `known` learns where they went.
    """
    try:
        return _file(engine, arrivals, known)
    except Exception as failure:  # noqa: BLE001 - whatever it was, it belongs to one of them
        if len(arrivals) == 1:
            return [failure]
        return [file_batch(engine, [arrival])[0] for arrival in arrivals]


def _file(engine: Engine, arrivals: Sequence[Arrival], known: Known | None) -> list[Filed]:
    with transaction(engine, frozenset(one.owner_group for one in arrivals)) as conn:
        filed = file_instances(conn, arrivals)
        if known is not None:
            known.learn(conn, arrivals)
        return filed
