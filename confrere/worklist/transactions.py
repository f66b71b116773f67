"""Which transaction of a worklist client holds an exam (PS3.4 annex CC.1.1).

A transaction UID is the client's name for a hold's token; the hold itself is the worklist's,
and a transaction whose hold has ended means nothing any more. A row belongs to the group of
the reader who holds, whosever the exam is.
"""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.kernel.errors import Conflict
from confrere.network.model import Reader
from confrere.worklist.model import Item
from confrere.worklist.tables_transactions import ups_transactions as t


def bind(conn: Connection, held: Item, reader: Reader, uid: str, now: datetime) -> None:
    """Name the hold that a claim gave; Conflict when it has another transaction already."""
    known = _row(conn, held, reader)
    if known and known.hold_token == held.hold_token and known.transaction_uid != uid:
        raise Conflict("this exam is IN PROGRESS under another transaction UID of yours")
    values = {
        "reader_id": reader.id, "transaction_uid": uid, "hold_token": held.hold_token,
        "created_at": now,
    }  # fmt: skip
    made = insert(t).values(owner_group=reader.group, item_id=held.id, **values)
    conn.execute(made.on_conflict_do_update(constraint="pk_ups_transactions", set_=values))


def hold_of(conn: Connection, item: Item, reader: Reader, uid: str) -> UUID | None:
    """The token of the hold that this reader's transaction names; None for any other UID."""
    known = _row(conn, item, reader)
    if known is None or known.reader_id != reader.id or known.transaction_uid != uid:
        return None
    return UUID(str(known.hold_token))


def forget(conn: Connection, item: Item, reader: Reader) -> None:
    """The hold was given back: its transaction is over."""
    conn.execute(sa.delete(t).where(*_key(item, reader)))


def _row(conn: Connection, item: Item, reader: Reader) -> sa.Row[tuple[object, ...]] | None:
    return conn.execute(sa.select(t).where(*_key(item, reader))).first()


def _key(item: Item, reader: Reader) -> tuple[sa.ColumnElement[bool], ...]:
    return t.c.owner_group == reader.group, t.c.item_id == item.id
