"""SQL of corrections: studies locked, images put into other studies, all counted again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.dialects.postgresql import insert as pg_insert

from confrere.imaging.corrections import Correction, Placed
from confrere.imaging.tables import (
    corrections,
    instances,
    series,
    series_metadata,
    studies,
    study_orders,
)
from confrere.kernel.ids import GroupId, OrderId, StudyId

_CORRECTION = [corrections.c[one.name] for one in fields(Correction)]
_PLACED = [
    instances.c.id,
    instances.c.sop_uid,
    instances.c.sop_class,
    instances.c.number,
    instances.c.series_id,
    series.c.series_uid,
    series.c.modality,
    series.c.description,
    instances.c.hidden,
    instances.c.came_study_uid,
    instances.c.came_series_uid,
    instances.c.received_at,
]


def lock(conn: Connection, ids: Collection[StudyId]) -> dict[StudyId, Any]:
    """Lock studies in the order of their keys, as filing does, and read them whole."""
    rows = conn.execute(
        sa.select(studies)
        .where(studies.c.id.in_(ids))
        .order_by(studies.c.owner_group, studies.c.study_uid)
        .with_for_update()
    )
    return {StudyId(row.id): row for row in rows}


def placed(
    conn: Connection, study: StudyId, ids: Collection[UUID] | None = None
) -> list[Placed]:
    """A study's images, hidden ones too, or those of these that are in it."""
    wanted = [instances.c.study_id == study]
    if ids is not None:
        wanted.append(instances.c.id == sa.any_(sa.literal(list(ids), ARRAY(sa.Uuid))))
    rows = conn.execute(
        sa.select(*_PLACED)
        .join(series, series.c.id == instances.c.series_id)
        .where(*wanted)
        .order_by(series.c.number.nulls_last(), series.c.id, instances.c.number.nulls_last())
    )
    return [Placed(*row) for row in rows]


def change_study(conn: Connection, study: StudyId, values: Mapping[str, Any]) -> None:
    """Write columns of a locked study."""
    conn.execute(sa.update(studies).values(**values).where(studies.c.id == study))


def add_study(conn: Connection, values: Mapping[str, Any]) -> StudyId:
    """Make a study."""
    made = conn.execute(sa.insert(studies).values(**values).returning(studies.c.id))
    return StudyId(made.scalar_one())


def id_of(conn: Connection, owner: GroupId, uid: str) -> StudyId | None:
    """A group's study of this UID."""
    same = sa.and_(studies.c.owner_group == owner, studies.c.study_uid == uid)
    found = conn.execute(sa.select(studies.c.id).where(same)).scalar_one_or_none()
    return StudyId(found) if found else None


def series_in(conn: Connection, study: StudyId, like: UUID, uid: str) -> UUID:
    """The series of this UID in a study; made after another series where it is not there."""
    copied = ("owner_group", "modality", "number", "description", "body_part", "series_date")
    names = [*copied, "series_time", "study_id", "series_uid"]
    source = sa.select(
        *(series.c[name] for name in (*copied, "series_time")),
        sa.literal(study, sa.Uuid()),
        sa.literal(uid, sa.Text()),
    ).where(series.c.id == like)
    conn.execute(pg_insert(series).from_select(names, source).on_conflict_do_nothing())
    found = conn.execute(
        sa.select(series.c.id).where(series.c.study_id == study, series.c.series_uid == uid)
    )
    return UUID(str(found.scalar_one()))


def place(
    conn: Connection, ids: Sequence[UUID], study: StudyId, series_id: UUID,
    came: tuple[str, str] | None, at: datetime,
) -> None:  # fmt: skip
    """Put images into a series; `came` are the study and series UIDs of their bytes."""
    study_uid, series_uid = came or (None, None)
    conn.execute(
        sa.update(instances)
        .values(
            study_id=study, series_id=series_id, came_study_uid=study_uid,
            came_series_uid=series_uid, moved_at=at if came else None,
        )
        .where(instances.c.id == sa.any_(sa.literal(list(ids), ARRAY(sa.Uuid))))
    )  # fmt: skip


def coerce(
    conn: Connection, study: StudyId, coercion: Mapping[str, Any] | None,
    series_id: UUID | None = None,
) -> None:  # fmt: skip
    """Write what is said of a study's own images, or of those moved into one of its series."""
    ours = instances.c.came_study_uid.is_(None)
    which = ours if series_id is None else sa.and_(~ours, instances.c.series_id == series_id)
    conn.execute(
        sa.update(instances)
        .values(coerced=dict(coercion) if coercion else None)
        .where(instances.c.study_id == study, which)
    )


def series_moved_into(conn: Connection, study: StudyId) -> list[tuple[UUID, str]]:
    """Id and UID of the series that hold images which came in another study."""
    rows = conn.execute(
        sa.select(series.c.id, series.c.series_uid)
        .where(
            series.c.study_id == study,
            sa.exists().where(
                instances.c.series_id == series.c.id, instances.c.came_study_uid.is_not(None)
            ),
        )
    )  # fmt: skip
    return [(row.id, row.series_uid) for row in rows]


def recount(conn: Connection, ids: Sequence[StudyId]) -> None:
    """Count what is shown of locked studies again; metadata made before is made anew."""
    shown = (
        sa.select(sa.func.count())
        .where(instances.c.series_id == series.c.id, instances.c.hidden == "")
        .scalar_subquery()
    )
    conn.execute(
        sa.update(series)
        .values(instance_count=shown, edition=series.c.edition + 1)
        .where(series.c.study_id.in_(ids))
    )
    theirs = sa.and_(series.c.study_id == studies.c.id, series.c.instance_count > 0)
    modalities = sa.func.array_agg(
        aggregate_order_by(series.c.modality.distinct(), series.c.modality)
    ).filter(series.c.modality != "")
    whole = sa.func.coalesce
    conn.execute(
        sa.update(studies)
        .values(
            instance_count=_of(whole(sa.func.sum(series.c.instance_count), 0), theirs),
            series_count=_of(sa.func.count(), theirs),
            modalities=whole(_of(modalities, theirs), studies.c.modalities),
        )
        .where(studies.c.id.in_(ids))
    )
    conn.execute(
        sa.delete(series_metadata).where(
            series_metadata.c.series_id.in_(
                sa.select(series.c.id).where(series.c.study_id.in_(ids))
            )
        )
    )


def _of(what: Any, theirs: Any) -> Any:
    return sa.select(what).select_from(series).where(theirs).scalar_subquery()


def ties(conn: Connection, study: StudyId) -> list[dict[str, str]]:
    """A study's ties to orders, as JSON keeps them."""
    rows = conn.execute(
        sa.select(study_orders)
        .where(study_orders.c.study_id == study)
        .order_by(study_orders.c.at)
    )
    return [
        {"order": str(row.order_id), "how": row.how, "at": row.at.isoformat()} for row in rows
    ]


def untie(conn: Connection, study: StudyId) -> list[OrderId]:
    """Cut a study's ties to its orders; return them."""
    cut = conn.execute(
        sa.delete(study_orders)
        .where(study_orders.c.study_id == study)
        .returning(study_orders.c.order_id)
    )
    return [OrderId(key) for key in cut.scalars()]


def add(conn: Connection, values: Mapping[str, Any]) -> Correction:
    """Keep a correction."""
    row = conn.execute(sa.insert(corrections).values(**values).returning(*_CORRECTION)).one()
    return Correction(*row)


def get(conn: Connection, key: UUID) -> Correction | None:
    """Read one and lock it."""
    row = conn.execute(
        sa.select(*_CORRECTION).where(corrections.c.id == key).with_for_update()
    ).one_or_none()
    return Correction(*row) if row else None


def of_study(conn: Connection, study: StudyId) -> list[Correction]:
    """A study's corrections, newest first."""
    rows = conn.execute(
        sa.select(*_CORRECTION)
        .where(sa.or_(corrections.c.from_study == study, corrections.c.to_study == study))
        .order_by(corrections.c.at.desc(), corrections.c.id)
    )
    return [Correction(*row) for row in rows]


def mark_undone(conn: Connection, key: UUID, by: str, why: str, at: datetime) -> None:
    """Note that one was undone."""
    conn.execute(
        sa.update(corrections)
        .values(undone_at=at, undone_by=by, undone_reason=why)
        .where(corrections.c.id == key)
    )
