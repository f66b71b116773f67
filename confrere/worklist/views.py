"""Views of the worklist that a person saved: a list, a search, filters and an order by name."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.kernel.errors import Conflict, Invalid
from confrere.kernel.ids import GroupId
from confrere.worklist.tables import views as t

MOST, LONGEST_NAME, LONGEST = 12, 40, 200


@dataclass(frozen=True, slots=True)
class View:
    """What a view shows; empty filters show all."""

    name: str
    list: str = "all"
    search: str = ""
    modality: str = ""
    site_name: str = ""
    sort: str = "order"


def of_user(conn: Connection, user: UUID) -> list[View]:
    """A person's views, in the order in which they were made."""
    query = sa.select(t).where(t.c.user_id == user).order_by(t.c.created_at, t.c.name)
    return [
        View(r.name, r.list, r.search, r.modality, r.site_name, r.sort)
        for r in conn.execute(query)
    ]


def save(conn: Connection, owner: GroupId, user: UUID, view: View, now: datetime) -> None:
    """Save a view; one of the same name is replaced.

    Raises Invalid for a name or filter of the wrong length, Conflict when there are too many.
    """
    if not 0 < len(view.name) <= LONGEST_NAME:
        raise Invalid(f"name the view in 1 to {LONGEST_NAME} characters", "name")
    if any(len(part) > LONGEST for part in asdict(view).values()):
        raise Invalid(f"a filter has at most {LONGEST} characters", "search")
    known = {one.name for one in of_user(conn, user)}
    if view.name not in known and len(known) >= MOST:
        raise Conflict(f"you have {MOST} views; remove one first")
    values = asdict(view)
    made = insert(t).values(owner_group=owner, user_id=user, created_at=now, **values)
    conn.execute(made.on_conflict_do_update(constraint="uq_views_user_id_name", set_=values))


def remove(conn: Connection, user: UUID, name: str) -> None:
    """Remove a view; nothing happens where there is none of that name."""
    conn.execute(sa.delete(t).where(t.c.user_id == user, t.c.name == name))
