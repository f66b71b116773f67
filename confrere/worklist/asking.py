"""What a reader is asked in the middle of a read."""

from sqlalchemy import Connection

from confrere.kernel.ids import ReaderId
from confrere.worklist import store
from confrere.worklist.model import PUT_ASIDE, Item
from confrere.worklist.tables import items


def asked_aside(conn: Connection, reader: ReaderId) -> list[Item]:
    """Exams that a reader is asked to read before going on with what they hold."""
    mine = (items.c.offered_to == reader, items.c.held_by.is_(None))
    return store.open_items(conn, *mine, items.c.flags.contains([PUT_ASIDE]))
