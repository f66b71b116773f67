"""SQL of rejection notes: what they name is hidden, and shown again."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.dialects.postgresql import insert as pg_insert

from confrere.imaging.corrections import EXPIRED, NOTE, Rejection
from confrere.imaging.model import Instance
from confrere.imaging.rows import INSTANCE, instance_of
from confrere.imaging.tables import instances, rejections, studies
from confrere.kernel.ids import GroupId, StudyId

_REJECTION = [rejections.c[one.name] for one in fields(Rejection)]


def notes_unread(conn: Connection, study: StudyId, sop_class: str) -> list[Instance]:
    """Objects of a class in a study of which no rejection is kept."""
    known = sa.exists().where(
        rejections.c.owner_group == instances.c.owner_group,
        rejections.c.note_uid == instances.c.sop_uid,
    )
    rows = conn.execute(
        sa.select(*INSTANCE).where(
            instances.c.study_id == study, instances.c.sop_class == sop_class, ~known
        )
    )
    return [instance_of(row) for row in rows]


def add(conn: Connection, values: Mapping[str, Any]) -> Rejection | None:
    """Keep a rejection; None when its note is known."""
    row = conn.execute(
        pg_insert(rejections).values(**values).on_conflict_do_nothing().returning(*_REJECTION)
    ).one_or_none()
    return _rejection(row) if row else None


def get(conn: Connection, key: UUID) -> Rejection | None:
    """Read one and lock it."""
    row = conn.execute(
        sa.select(*_REJECTION).where(rejections.c.id == key).with_for_update()
    ).one_or_none()
    return _rejection(row) if row else None


def naming(conn: Connection, owner: GroupId, sop_uids: Sequence[str]) -> list[Rejection]:
    """The rejections that name any of these, newest first."""
    rows = conn.execute(
        sa.select(*_REJECTION)
        .where(
            rejections.c.owner_group == owner,
            rejections.c.sop_uids.overlap(sa.cast(list(sop_uids), ARRAY(sa.Text))),
        )
        .order_by(rejections.c.at.desc(), rejections.c.id)
    )
    return [_rejection(row) for row in rows]


def mark_restored(conn: Connection, key: UUID, by: str, why: str, at: datetime) -> None:
    """Note that a person showed the images again."""
    conn.execute(
        sa.update(rejections)
        .values(restored_at=at, restored_by=by, restored_reason=why)
        .where(rejections.c.id == key)
    )


def studies_of(conn: Connection, owner: GroupId, sop_uids: Sequence[str]) -> list[StudyId]:
    """The studies that these images are in."""
    rows = conn.execute(
        sa.select(instances.c.study_id)
        .distinct()
        .where(instances.c.owner_group == owner, instances.c.sop_uid.in_(sop_uids))
    )
    return [StudyId(key) for key in rows.scalars()]


def hide(conn: Connection, study: StudyId) -> int:
    """Hide each image of a locked study by the newest rejection in force; say how many changed.

    What expired and is sent again is welcome (IHE RAD TF-1 34.4).
    """
    code = (
        sa.select(rejections.c.code)
        .where(
            rejections.c.owner_group == instances.c.owner_group,
            rejections.c.sop_uids.contains(array([instances.c.sop_uid])),
            rejections.c.restored_at.is_(None),
            sa.or_(rejections.c.code != EXPIRED, instances.c.received_at <= rejections.c.at),
        )
        .order_by(rejections.c.at.desc())
        .limit(1)
        .scalar_subquery()
    )
    wanted = sa.func.coalesce(code, "")
    changed = conn.execute(
        sa.update(instances)
        .values(hidden=wanted)
        .where(
            instances.c.study_id == study,
            instances.c.hidden != NOTE,
            instances.c.hidden.is_distinct_from(wanted),
        )
        .returning(instances.c.id)
    )
    return len(changed.all())


def hide_note(conn: Connection, key: UUID) -> None:
    """Hide a rejection note itself."""
    conn.execute(sa.update(instances).values(hidden=NOTE).where(instances.c.id == key))


def touched(conn: Connection, study: StudyId) -> bool:
    """Say whether any rejection in force may concern a study's images."""
    theirs = sa.select(instances.c.sop_uid).where(instances.c.study_id == study)
    owner = sa.select(studies.c.owner_group).where(studies.c.id == study).scalar_subquery()
    found = sa.exists().where(
        rejections.c.owner_group == owner,
        rejections.c.restored_at.is_(None),
        rejections.c.sop_uids.overlap(sa.func.array(theirs.scalar_subquery())),
    )
    return bool(conn.execute(sa.select(found)).scalar_one())


def shown_since(conn: Connection, study: StudyId, at: datetime) -> bool:
    """Say whether a study has images that are shown and came then or later."""
    found = sa.exists().where(
        instances.c.study_id == study, instances.c.hidden == "", instances.c.received_at >= at
    )
    return bool(conn.execute(sa.select(found)).scalar_one())


def stored(conn: Connection, ids: Sequence[UUID]) -> list[Instance]:
    """Images by id."""
    rows = conn.execute(sa.select(*INSTANCE).where(instances.c.id.in_(ids)))
    return [instance_of(row) for row in rows]


def note(conn: Connection, owner: GroupId, uid: str) -> Instance | None:
    """A note that came, as the object that it is."""
    row = conn.execute(
        sa.select(*INSTANCE).where(instances.c.owner_group == owner, instances.c.sop_uid == uid)
    ).one_or_none()
    return instance_of(row) if row else None


def _rejection(row: Any) -> Rejection:
    values = dict(zip((one.name for one in fields(Rejection)), row, strict=True))
    return Rejection(**{**values, "sop_uids": tuple(values["sop_uids"])})
