"""One commit for what waits at the same moment: the cost of a sync is shared."""

import logging
import threading
from collections.abc import Sequence

from sqlalchemy import Connection, Engine

from confrere.database.engine import transaction
from confrere.files.crash import crash_point
from confrere.files.folder import BlobStore
from confrere.imaging import filing_known
from confrere.imaging.ahead import Ahead, Misfit
from confrere.imaging.filing_known import Known, Place
from confrere.imaging.model import Arrival, Filed, Outcome
from confrere.imaging.service import file_instances
from confrere.kernel.errors import Unavailable

log = logging.getLogger(__name__)

BATCH = 64
SETTLING = 0.25  # seconds after which what is committed is made durable in the database too


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

    On the busy path the server begins while the spool syncs, and commits without waiting for its
    log: the spool's notes hold what that would lose (see `filing_again`). Soon after, and
    whenever the connection broke, `settle` makes sure of it.
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
        self._connection: Connection | None = None  # of `_ahead`
        self._ahead: Ahead | None = None
        self._unsettled: list[Arrival] = []
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._settler = threading.Thread(target=self._keep_settling, daemon=True)
        self._settler.start()
        if blobs is not None:
            blobs.before_moving(self.settle)

    def submit(self, arrival: Arrival, mark: int = 0) -> Filed:
        """Block until the batch that holds `arrival` is durable and listed: blob, then row.

        `mark` tells how far the blob store is to be synced first; 0: it is, and not by the spool.
        Raises what filing this one
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

    def settle(self) -> None:
        """Make what is filed durable in the database itself; raises what hinders that."""
        with self._turn:
            if not self._unsettled:
                return
            try:
                if self._ahead is not None:
                    self._ahead.send([filing_known.FLUSH])
                    self._ahead.commit(1)
                    self._unsettled.clear()
                    return
            except Exception:  # noqa: BLE001 - the connection broke: so may have the server
                self._close_ahead()
            self._file_unsettled()

    def close(self) -> None:
        """Refuse what comes from now on; what waits already is filed."""
        with self._turn:
            while self._waiting:
                self._serve()
            self._closed = True
        self._stopping.set()
        self._wake.set()
        self._settler.join()
        try:
            self.settle()
        except Exception:
            log.exception("the spool will file again what is not durable in the database")
        with self._turn:
            self._close_ahead()

    def _serve(self) -> None:
        batch = self._waiting[: self._most]
        del self._waiting[: len(batch)]
        for one, answer in zip(batch, self._file(batch), strict=True):
            one.answer = answer

    def _file(self, batch: list[_Waiting]) -> Sequence[Filed | Exception]:
        if self._closed:
            message = "this server is stopping; send again when it is back"
            return [Unavailable(message) for _ in batch]
        arrivals = [one.arrival for one in batch]
        noted = all(one.mark for one in batch)  # what is not in the spool has no note there
        places = self._send_known(arrivals) if noted else None
        try:
            if self._blobs is not None:
                self._blobs.sync(max(one.mark for one in batch))
        except Exception as error:  # noqa: BLE001 - everyone who waits must hear of it
            self._close_ahead()
            return [error for _ in batch]
        if places is not None and self._commit_known(arrivals, places):
            answers: Sequence[Filed | Exception] = filing_known.answers(places)
        else:
            answers = file_batch(self._engine, arrivals, self._known)
        crash_point("index.committed")
        return answers

    def _send_known(self, arrivals: Sequence[Arrival]) -> list[Place] | None:
        """Let the server begin on the busy path where it fits; None where it does not."""
        places = self._known.places(arrivals)
        if places is None:
            return None
        try:
            if self._ahead is None:
                self._ahead = self._open_ahead()
            self._ahead.send(filing_known.statements(arrivals, places))
        except Exception:  # noqa: BLE001 - the general path tells whose fault it was
            self._known.forget(arrivals)
            self._close_ahead()
            return None
        return places

    def _commit_known(self, arrivals: Sequence[Arrival], places: list[Place]) -> bool:
        """Commit what `_send_known` sent; False when it does not fit, or may not have.

        The general path then finds out what is filed already.
        """
        try:
            if self._ahead is not None:
                self._ahead.commit(len(set(places)))
        except Misfit:
            self._known.forget(arrivals)
            return False
        except Exception:  # noqa: BLE001
            self._known.forget(arrivals)
            self._close_ahead()
            return False
        self._unsettled += arrivals
        self._wake.set()
        return True

    def _open_ahead(self) -> Ahead:
        self._connection = self._engine.connect()
        raw = self._connection.connection.driver_connection
        if raw is None:
            raise Unavailable("the database is not there")
        ahead = Ahead(raw)
        filing_known.prepare(ahead)
        return ahead

    def _close_ahead(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()  # never pooled again: it may be left in pipeline mode
            self._connection.close()
        self._connection = self._ahead = None

    def _keep_settling(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            self._wake.clear()
            self._stopping.wait(SETTLING)
            try:
                self.settle()
            except Exception as error:  # noqa: BLE001 - tried again, and the spool keeps it all
                log.warning("what was filed is not durable yet: %s", type(error).__name__)
                self._wake.set()

    def _file_unsettled(self) -> None:
        """File again, durably, what a broken connection may have cost."""
        for answer in file_batch(self._engine, self._unsettled):
            if isinstance(answer, Exception):
                raise answer
        self._unsettled.clear()


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
            news = zip(arrivals, filed, strict=True)
            known.learn(conn, [one for one, to in news if to.outcome is Outcome.NEW])
        return filed
