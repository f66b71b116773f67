"""A reader's hanging wishes, kept by person: one for each modality and body part."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.kernel.errors import Conflict
from confrere.kernel.ids import GroupId
from confrere.reading.hanging import Hanging, Window, check
from confrere.reading.tables import hangings as t

MOST = 60


def of_user(conn: Connection, user: UUID) -> list[Hanging]:
    """A person's wishes, by modality and body part."""
    query = sa.select(t).where(t.c.user_id == user).order_by(t.c.modality, t.c.region)
    return [
        Hanging(
            r.id, r.modality, r.region, r.layout, r.first,
            tuple(Window(**one) for one in r.windows),
        )
        for r in conn.execute(query)
    ]  # fmt: skip


def keep(conn: Connection, owner: GroupId, user: UUID, wish: Hanging, now: datetime) -> None:
    """Keep a wish; the one for the same modality and body part is replaced.

    Raises Invalid for what can't be hung, Conflict when there are too many.
    """
    check(wish)
    known = {(one.modality, one.region) for one in of_user(conn, user)}
    if (wish.modality, wish.region) not in known and len(known) >= MOST:
        raise Conflict(f"you have {MOST} hanging protocols; remove one first")
    values = {
        "layout": wish.layout,
        "first": wish.first,
        "windows": [asdict(one) for one in wish.windows],
        "updated_at": now,
    }
    made = insert(t).values(
        id=wish.id, owner_group=owner, user_id=user, modality=wish.modality,
        region=wish.region, **values,
    )  # fmt: skip
    conn.execute(made.on_conflict_do_update(constraint="uq_hangings_place", set_=values))


def remove(conn: Connection, user: UUID, wish: UUID) -> None:
    """Remove a wish of the person's own; nothing happens where there is none."""
    conn.execute(sa.delete(t).where(t.c.user_id == user, t.c.id == wish))
