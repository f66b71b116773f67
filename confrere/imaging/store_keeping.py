"""SQL of where images lie, in and out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.imaging.kept import AWAY, COLD, MAIN, REMOVED, Held, Kept, Stored
from confrere.imaging.tables import (
    holder_editions,
    image_editions,
    instances,
    kept_aside,
    series,
    series_metadata,
    studies,
    study_places,
)
from confrere.kernel.ids import GroupId, PatientId, SiteId, StudyId

_PLACE = sa.func.coalesce(study_places.c.place, MAIN)
_USED = sa.func.greatest(study_places.c.used_at, studies.c.last_at)
_KEPT = (
    studies.c.id, studies.c.owner_group, studies.c.site_id, studies.c.patient_id,
    studies.c.study_uid, studies.c.study_date, studies.c.birth_date, studies.c.mrn,
    studies.c.modalities, studies.c.outside, _PLACE.label("place"), _USED.label("used"),
)  # fmt: skip


def _all() -> sa.Select[Any]:
    return sa.select(*_KEPT).outerjoin(study_places, study_places.c.study_id == studies.c.id)


def kept(conn: Connection, ids: Sequence[StudyId]) -> list[Kept]:
    """Studies by id."""
    return [_kept(row) for row in conn.execute(_all().where(studies.c.id.in_(ids)))]


def of_uid(conn: Connection, owner: GroupId, uid: str) -> Kept | None:
    """A group's study by its UID."""
    query = _all().where(studies.c.owner_group == owner, studies.c.study_uid == uid)
    row = conn.execute(query).first()
    return _kept(row) if row else None


def unused(
    conn: Connection, site: SiteId, places: Sequence[str], before: datetime, limit: int,
    after: tuple[datetime, UUID] | None = None,
) -> list[Kept]:  # fmt: skip
    """A site's closed studies at these places that were last of use before then, longest first."""
    query = _all().where(
        studies.c.site_id == site, studies.c.state == "closed", studies.c.instance_count > 0,
        _PLACE.in_(places), before > _USED,
    )  # fmt: skip
    if after is not None:
        query = query.where(sa.tuple_(_USED, studies.c.id) > sa.tuple_(
            sa.literal(after[0], sa.DateTime(timezone=True)), sa.literal(after[1], sa.Uuid)
        ))  # fmt: skip
    return [
        _kept(row) for row in conn.execute(query.order_by(_USED, studies.c.id).limit(limit))
    ]


def older(
    conn: Connection, site: SiteId, before: str, unused_since: datetime, limit: int
) -> list[Kept]:
    """A site's closed studies at the main place, of a day before `before` (DA), unused since."""
    query = _all().where(
        studies.c.site_id == site, studies.c.state == "closed", studies.c.instance_count > 0,
        _PLACE == MAIN, studies.c.study_date != "", studies.c.study_date < before,
        unused_since > _USED,
    )  # fmt: skip
    query = query.order_by(studies.c.study_date, studies.c.id).limit(limit)
    return [_kept(row) for row in conn.execute(query)]


def of_period(
    conn: Connection, site: SiteId, before: str, after: tuple[str, str], limit: int
) -> list[Kept]:
    """A site's studies of days before `before` (DA), oldest first, from behind (day, id) on."""
    place = sa.tuple_(studies.c.study_date, sa.cast(studies.c.id, sa.Text))
    query = _all().where(
        studies.c.site_id == site, studies.c.state == "closed", studies.c.instance_count > 0,
        _PLACE.in_((MAIN, COLD)), studies.c.study_date != "", studies.c.study_date < before,
        place > sa.tuple_(*(sa.literal(one) for one in after)),
    )  # fmt: skip
    query = query.order_by(studies.c.study_date, sa.cast(studies.c.id, sa.Text)).limit(limit)
    return [_kept(row) for row in conn.execute(query)]


def has_later(conn: Connection, one: Kept, modality: str) -> bool:
    """Say whether the same patient has a later study of a modality at the same site."""
    found = sa.exists().where(
        studies.c.owner_group == one.owner_group, studies.c.site_id == one.site,
        studies.c.mrn == one.mrn, studies.c.study_date > one.study_date,
        studies.c.modalities.any(modality), studies.c.mrn != "",
    )  # fmt: skip
    return bool(conn.execute(sa.select(found)).scalar_one())


def away(conn: Connection, limit: int) -> list[Kept]:
    """Studies whose images are not here."""
    query = _all().where(study_places.c.place == AWAY).order_by(studies.c.id).limit(limit)
    return [_kept(row) for row in conn.execute(query)]


def note_use(conn: Connection, study: StudyId, owner: GroupId, at: datetime) -> str:
    """Keep when a study was used; return where it lies."""
    made = insert(study_places).values(study_id=study, owner_group=owner, used_at=at)
    done = made.on_conflict_do_update(index_elements=["study_id"], set_={"used_at": at})
    return str(conn.execute(done.returning(study_places.c.place)).scalar_one())


def set_place(
    conn: Connection, study: StudyId, owner: GroupId, place: str, why: str, at: datetime
) -> None:
    """Write where a study's images lie from now on."""
    values = {"place": place, "why": why, "changed_at": at}
    made = insert(study_places).values(study_id=study, owner_group=owner, **values)
    conn.execute(made.on_conflict_do_update(index_elements=["study_id"], set_=values))


def lock(conn: Connection, study: StudyId) -> bool:
    """Hold a study's row, so that nothing is filed into it meanwhile; False when it is gone."""
    row = conn.execute(sa.select(studies.c.id).where(studies.c.id == study).with_for_update())
    return row.first() is not None


def stored(conn: Connection, study: StudyId) -> list[Stored]:
    """A study's images."""
    c = instances.c
    query = sa.select(c.id, c.sop_uid, c.digest, c.size).where(c.study_id == study)
    return [
        Stored(r.id, r.sop_uid, r.digest, r.size)
        for r in conn.execute(query.order_by(c.sop_uid))
    ]


def take_other_bytes(conn: Connection, study: StudyId, at: datetime) -> int:
    """Give images that came back in other bytes these bytes, and settle the conflicts."""
    i, k = instances.c, kept_aside.c
    since = sa.select(study_places.c.changed_at).where(study_places.c.study_id == study)
    came = (
        sa.select(
            i.id.label("instance"), k.id.label("aside"), k.digest, k.size, k.transfer_syntax,
            sa.func.row_number().over(partition_by=i.id, order_by=k.at.desc()).label("n"),
        )
        .join(kept_aside, sa.and_(k.owner_group == i.owner_group, k.sop_uid == i.sop_uid))
        .where(i.study_id == study, k.kind == "conflict", k.resolved_at.is_(None),
            k.at >= since.scalar_subquery(),
        )
        .cte("came")
    )  # fmt: skip
    found = conn.execute(sa.select(came).where(came.c.n == 1)).all()
    for row in found:
        conn.execute(sa.update(instances).where(i.id == row.instance).values(
            digest=row.digest, size=row.size, transfer_syntax=row.transfer_syntax,
        ))  # fmt: skip
        conn.execute(sa.update(kept_aside).where(k.id == row.aside).values(
            resolved_at=at, resolution="came back from the site's PACS in other bytes",
        ))  # fmt: skip
    if found:
        theirs = sa.update(series).where(series.c.study_id == study)
        conn.execute(theirs.values(edition=series.c.edition + 1))
    return len(found)


def empty(conn: Connection, study: StudyId) -> None:
    """Remove a study's images from the index; the study's own row stays."""
    own = sa.select(series.c.id).where(series.c.study_id == study)
    conn.execute(sa.delete(series_metadata).where(series_metadata.c.series_id.in_(own)))
    images = sa.select(instances.c.id).where(instances.c.study_id == study)
    for told in (holder_editions, image_editions):
        conn.execute(sa.delete(told).where(told.c.instance_id.in_(images)))
    conn.execute(sa.delete(instances).where(instances.c.study_id == study))
    conn.execute(sa.delete(series).where(series.c.study_id == study))
    done = sa.update(studies).where(studies.c.id == study)
    conn.execute(done.values(series_count=0, instance_count=0))


def held(conn: Connection) -> list[Held]:
    """Count everything by owner, site and place."""
    place = sa.case((_PLACE == REMOVED, MAIN), else_=_PLACE)
    sizes = (
        sa.select(
            instances.c.study_id, sa.func.count().label("images"),
            sa.func.sum(instances.c.size).label("size"),
        )
        .group_by(instances.c.study_id)
        .subquery()
    )  # fmt: skip
    query = (
        sa.select(
            studies.c.owner_group, studies.c.site_id, place, sa.func.count(),
            sa.func.sum(sizes.c.images), sa.func.sum(sizes.c.size),
        )
        .join(sizes, sizes.c.study_id == studies.c.id)
        .outerjoin(study_places, study_places.c.study_id == studies.c.id)
        .group_by(studies.c.owner_group, studies.c.site_id, place)
    )  # fmt: skip
    return [
        Held(GroupId(o), SiteId(s) if s else None, p, n, int(images), int(size))
        for o, s, p, n, images, size in conn.execute(query)
    ]


def _kept(r: Any) -> Kept:
    return Kept(
        StudyId(r.id), GroupId(r.owner_group), SiteId(r.site_id) if r.site_id else None,
        PatientId(r.patient_id) if r.patient_id else None, r.study_uid, r.study_date,
        r.birth_date, r.mrn, tuple(r.modalities), r.outside, r.place, r.used,
    )  # fmt: skip
