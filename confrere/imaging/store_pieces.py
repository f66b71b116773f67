"""SQL of exams in pieces: one order in several studies, several orders in one study."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert as pg_insert

from confrere.imaging.model import Study
from confrere.imaging.rows import STUDY, study_of
from confrere.imaging.tables import corrections, pieces_settled, studies, study_orders
from confrere.kernel.ids import GroupId


def tied(conn: Connection, owner: GroupId, since: datetime) -> list[tuple[UUID, Study]]:
    """Order and study of each tie where either has another one, of studies changed lately."""
    shown = (
        sa.select(study_orders.c.order_id, study_orders.c.study_id)
        .join(studies, studies.c.id == study_orders.c.study_id)
        .where(
            study_orders.c.owner_group == owner, studies.c.owner_group == owner,
            studies.c.instance_count > 0, studies.c.last_at >= since,
            studies.c.synthetic.is_(False),
        )
        .cte("shown")
    )  # fmt: skip
    counted = sa.select(
        shown,
        sa.func.count().over(partition_by=shown.c.order_id).label("parts"),
        sa.func.count().over(partition_by=shown.c.study_id).label("orders"),
    ).cte("counted")
    rows = conn.execute(
        sa.select(counted.c.order_id, *STUDY)
        .join(studies, studies.c.id == counted.c.study_id)
        .where(sa.or_(counted.c.parts > 1, counted.c.orders > 1))
        .order_by(studies.c.last_at.desc(), studies.c.id, counted.c.order_id)
    )
    return [(row.order_id, study_of(row, 1)) for row in rows]


def came_after_a_move(conn: Connection, owner: GroupId) -> list[Study]:
    """Studies whose images were all moved away, and to which more came since."""
    moved = sa.exists().where(
        corrections.c.from_study == studies.c.id, corrections.c.kind == "move",
        corrections.c.undone_at.is_(None), corrections.c.at < studies.c.last_at,
        corrections.c.before["all"].as_boolean(),
    )  # fmt: skip
    rows = conn.execute(
        sa.select(*STUDY).where(
            studies.c.owner_group == owner, studies.c.instance_count > 0, moved
        )
    )
    return [study_of(row) for row in rows]


def settled(conn: Connection, owner: GroupId) -> set[UUID]:
    """What a person looked at and left as it is."""
    rows = conn.execute(
        sa.select(pieces_settled.c.subject).where(pieces_settled.c.owner_group == owner)
    )
    return set(rows.scalars())


def settle(conn: Connection, values: Mapping[str, Any]) -> bool:
    """Keep that a person looked; False when somebody did before."""
    done = conn.execute(
        pg_insert(pieces_settled)
        .values(**values)
        .on_conflict_do_nothing()
        .returning(pieces_settled.c.subject)
    )
    return done.first() is not None
