"""Take the next exam of a list: one step, and no two readers get the same."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from confrere.kernel.errors import Refused
from confrere.network.model import Directory, Reader
from confrere.worklist import store
from confrere.worklist.claims import claim
from confrere.worklist.model import Item


def claim_first(
    conn: Connection, candidates: Iterable[Item], reader: Reader, directory: Directory,
    now: datetime, lease: timedelta,
) -> Item | None:  # fmt: skip
    """Take the first of these exams that nobody else is taking at this moment; None of none.

    Needs no dispatcher: readers who ask at once get different exams, and nobody waits
    (FOR UPDATE SKIP LOCKED). What a rule refuses is passed over.
    """
    for item in candidates:
        free = store.lock_free(conn, item.id, reader.id, now)
        if free is None:
            continue
        try:
            with conn.begin_nested():
                return claim(conn, free, reader, directory, now, lease, in_turn=True)
        except Refused:
            continue
    return None
