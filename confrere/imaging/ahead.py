"""A database connection that sends statements before it waits for them.

While the server works on them, the caller syncs the blobs that they name; only then are they
committed. So a row is never durable before its bytes, and the two take hardly longer than one.
"""

import select
from collections.abc import Sequence

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus

PATIENCE = 30.0  # seconds for an answer of the server
Statement = tuple[bytes, Sequence[bytes | None]]  # name of a prepared one, text parameters
_FINE = frozenset({
    ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK, ExecStatus.PIPELINE_SYNC,
})  # fmt: skip


class Misfit(Exception):
    """The server did not do what was asked, and nothing of it."""


class Ahead:
    """One connection in pipeline mode; used by one thread at a time.

    After any exception but Misfit it is of no more use: close it. What was not committed then
    never happened.
    """

    def __init__(self, raw: psycopg.Connection[tuple[object, ...]]) -> None:
        self._pg = raw.pgconn

    def prepare(self, name: bytes, sql: bytes) -> None:
        """Prepare a statement; before the first `send` only."""
        result = self._pg.prepare(name, sql)
        if result.status != ExecStatus.COMMAND_OK:
            raise psycopg.OperationalError(f"cannot prepare {name.decode()}")

    def send(self, statements: Sequence[Statement]) -> None:
        """Hand statements to the server, which begins at once; nothing is committed yet."""
        pg = self._pg
        pg.enter_pipeline_mode()
        for name, values in statements:
            pg.send_query_prepared(name, values)
        self._flush()

    def commit(self, count: int) -> None:
        """Commit the `count` statements sent, all or none.

        Raises Misfit when the server refused them (nothing happened, the connection is well), or
        psycopg.Error when it is not known.
        """
        pg = self._pg
        pg.pipeline_sync()
        self._flush()
        refused = False
        ended = 0
        while ended <= count:  # an answer to each, and one to the sync
            while pg.is_busy():
                self._wait(select.POLLIN)
                pg.consume_input()
            result = pg.get_result()
            if result is None:
                continue
            ended += 1
            refused = refused or result.status not in _FINE
        pg.exit_pipeline_mode()
        if pg.transaction_status != TransactionStatus.IDLE:
            raise psycopg.OperationalError("the connection is lost")
        if refused:
            raise Misfit

    def _flush(self) -> None:
        while self._pg.flush():
            self._wait(select.POLLOUT)

    def _wait(self, event: int) -> None:
        watched = select.poll()
        watched.register(self._pg.socket, event)
        if not watched.poll(PATIENCE * 1000):
            raise psycopg.OperationalError("the database does not answer")
