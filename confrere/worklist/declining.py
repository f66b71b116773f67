"""Decline an exam, with a reason: it goes to another reader at once."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.kernel.errors import Invalid
from confrere.network.model import Directory, Reader
from confrere.worklist import claims, store
from confrere.worklist.model import Item
from confrere.worklist.tables import items

REASONS = {
    "competence": "outside my competence",
    "conflict": "I know the patient, or ordered it",
    "technical": "the images are not good enough to read",
    "busy": "I cannot finish it in time",
    "leaving": "my shift ends",
    "other": "another reason",
}
SILENCE = "no answer"  # not a reader's own word: an offer passed them by
LONGEST_NOTE = 300


def decline(
    conn: Connection, item: Item, reader: Reader, reason: str, note: str, now: datetime,
    token: UUID | None = None,
) -> Item:  # fmt: skip
    """Give back an exam that was offered to or is held by a reader; returns it waiting.

    One conditional update: whoever is too late is told who has the exam (Conflict). The
    reason is for the reader and their own group only. Raises Invalid for an unknown reason, or
    another reason without words.
    """
    if reason not in REASONS:
        raise Invalid(f"Choose a reason: {', '.join(REASONS)}.", "reason")
    said = note.strip()[:LONGEST_NOTE]
    if reason == "other" and not said:
        raise Invalid("Say in a few words why.", "note")
    mine = (
        sa.and_(items.c.held_by == reader.id, items.c.hold_token == token)
        if token
        else sa.and_(items.c.offered_to == reader.id, items.c.held_by.is_(None))
    )
    given = claims.give_back(conn, item.id, now, mine)
    _keep(conn, item, reader, reason, said, now)
    return given


def note_silence(conn: Connection, item: Item, directory: Directory, now: datetime) -> None:
    """Keep that the reader an exam was offered to did not take it up."""
    reader = directory.readers.get(item.offered_to) if item.offered_to else None
    if reader is not None:
        _keep(conn, item, reader, SILENCE, "", now)


def _keep(
    conn: Connection, item: Item, reader: Reader, reason: str, note: str, now: datetime
) -> None:
    store.add_decline(conn, {
        "item_id": item.id, "reader_id": reader.id, "reader_group": reader.group,
        "reason": reason, "note": note, "wrvu": item.wrvu, "minutes": item.minutes, "at": now,
    })  # fmt: skip
