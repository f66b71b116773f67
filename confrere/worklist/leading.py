"""SQL of who leads: a fencing token for the dispatcher.

The advisory lock chooses a leader; a leader whose connection broke, or that slept, may not
know that another has taken over. Each leader raises the number and shows it in each round.
"""

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.kernel.errors import Conflict
from confrere.worklist.tables import dispatch_epochs as t


def lead(conn: Connection) -> int:
    """Begin to lead; waits for a round of the one before to end. Returns the number to show."""
    made = sa.update(t).values(number=t.c.number + 1).returning(t.c.number)
    return int(conn.execute(made).scalar_one())


def still_leads(conn: Connection, number: int) -> None:
    """Hold the lead for this transaction; Conflict when another has taken over."""
    now = conn.execute(sa.select(t.c.number).with_for_update()).scalar_one()
    if now != number:
        raise Conflict("another dispatcher leads by now")
