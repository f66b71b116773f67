"""Exams that were read, or begun, here and at the site. Nothing is lost: a person settles each.

Whichever final report came first closed the exam. The caller owns the transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from confrere.kernel.errors import Conflict
from confrere.kernel.ids import GroupId
from confrere.reading import service, store_doubles
from confrere.reading.model import DoubleRead, Report
from confrere.worklist.model import READ, Item, State

SECOND, WHILE_READ = "second report", "while read here"


def find(conn: Connection, before: Sequence[Item], came: Report, now: datetime) -> None:
    """Keep what a final report of the site met: a signed report here, or a read under way.

    `before` are the exam's items as they were when the report came. Our own report that the
    site's system sends back is none.
    """
    for item in before:
        if item.kind != READ or item.state in (State.CANCELLED, State.EXTERNAL):
            continue
        here = service.of_item(conn, item.id)
        signed = item.state is State.FINAL
        begun = item.held_by is not None or (here is not None and any(here.draft.values()))
        if not (signed or begun) or (here is not None and _is_same_text(conn, here, came)):
            continue
        store_doubles.add(conn, {
            "owner_group": item.owner_group, "site_id": item.site, "item_id": item.id,
            "here": here.id if here else None, "elsewhere": came.id,
            "kind": SECOND if signed else WHILE_READ, "at": now,
            "holder": here.author_name if here else item.held_name,
        })  # fmt: skip


def _is_same_text(conn: Connection, here: Report, came: Report) -> bool:
    texts = service.versions(conn, [here.id, came.id])
    ours = {_plain(one.text) for one in texts[here.id]}
    theirs = texts[came.id]
    return bool(theirs) and _plain(theirs[-1].text) in ours


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def unsettled(conn: Connection, owner: GroupId) -> list[DoubleRead]:
    """A group's exams that somebody must compare, newest first."""
    return store_doubles.unsettled(conn, owner)


def settle(conn: Connection, key: UUID, words: str, by: str, now: datetime) -> None:
    """Close one with what was found and done; Conflict when it is closed already."""
    if not store_doubles.settle(conn, key, words, by, now):
        raise Conflict("this was settled already; reload the list")
