"""SQL of who holds copies of a study, of editions, and of what a correction sends."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as pg_insert

from confrere.imaging.corrections import NOTE
from confrere.imaging.editions import SOURCE, Edition, Holder, Image
from confrere.imaging.model import Instance
from confrere.imaging.rows import INSTANCE, instance_of
from confrere.imaging.tables import instances, series, studies
from confrere.imaging.tables_holders import (
    correction_sendings,
    holder_editions,
    image_editions,
    study_holders,
)
from confrere.kernel.ids import GroupId, PeerId, StudyId


def note_holder(
    conn: Connection, owner: GroupId, study: StudyId, peer: PeerId, how: str, at: datetime
) -> None:
    """Keep that a machine has a copy; one that sent it stays its source."""
    made = pg_insert(study_holders).values(
        owner_group=owner, study_id=study, peer_id=peer, how=how, at=at
    )
    c = study_holders.c
    conn.execute(
        made.on_conflict_do_update(
            index_elements=[c.owner_group, c.study_id, c.peer_id],
            set_={
                "how": sa.case((c.how == SOURCE, c.how), else_=made.excluded.how),
                "at": sa.func.greatest(c.at, made.excluded.at),
            },
        )
    )


def holders(conn: Connection, studies_: Collection[StudyId]) -> list[Holder]:
    """Who was seen to have a copy of any of these studies, by the time of it."""
    c = study_holders.c
    rows = conn.execute(sa.select(study_holders).where(c.study_id.in_(studies_)).order_by(c.at))
    return [Holder(PeerId(row.peer_id), row.how, row.at) for row in rows]


def is_touched(conn: Connection, study: StudyId) -> bool:
    """Say whether anything of a study was ever corrected or rejected."""
    c = instances.c
    changed = sa.or_(
        c.coerced.is_not(None), c.hidden.not_in(("", NOTE)), c.came_study_uid.is_not(None)
    )
    told = sa.exists().where(image_editions.c.instance_id == c.id)
    found = sa.exists().where(c.study_id == study, sa.or_(changed, told))
    return bool(conn.execute(sa.select(found)).scalar_one())


def images(conn: Connection, study: StudyId) -> list[Image]:
    """A study's images, rejected ones too, notes not."""
    c = instances.c
    rows = conn.execute(
        sa.select(
            c.id, c.sop_uid, c.sop_class, c.coerced, c.hidden, c.came_study_uid,
            c.came_series_uid, series.c.series_uid, studies.c.study_uid,
        )
        .join(series, series.c.id == c.series_id)
        .join(studies, studies.c.id == c.study_id)
        .where(c.study_id == study, c.hidden != NOTE)
        .order_by(series.c.number.nulls_last(), series.c.id, c.number.nulls_last(), c.id)
    )  # fmt: skip
    return [
        Image(
            row.id, row.sop_uid, row.sop_class, row.came_series_uid or row.series_uid,
            row.came_study_uid or row.study_uid, not row.hidden,
            dict(row.coerced["values"]) if row.coerced else {},
        )
        for row in rows
    ]  # fmt: skip


def studies_named(conn: Connection, owner: GroupId, uids: Collection[str]) -> list[Any]:
    """A group's studies of these UIDs: id, site, who sent them, when and whether from outside."""
    c = studies.c
    wanted = sa.select(c.id, c.site_id, c.calling_aet, c.first_at, c.outside).where(
        c.owner_group == owner, c.study_uid.in_(uids)
    )
    return list(conn.execute(wanted))


def study(conn: Connection, key: StudyId) -> Any:
    """A study's row, or None."""
    return conn.execute(sa.select(studies).where(studies.c.id == key)).one_or_none()


def newest(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, Edition]:
    """The newest edition of each image that has one."""
    c = image_editions.c
    rows = conn.execute(
        sa.select(image_editions).where(c.instance_id == _any(ids)).order_by(c.number)
    )  # an image has few; the newest comes last
    return {row.instance_id: _edition(row) for row in rows}


def add_editions(
    conn: Connection, owner: GroupId, made: Iterable[tuple[UUID, Edition]]
) -> None:
    """Keep new editions."""
    rows = [
        {
            "owner_group": owner, "instance_id": image, "number": e.number, "at": e.at,
            "sop_uid": e.sop_uid, "series_uid": e.series_uid, "study_uid": e.study_uid,
            "shown": e.shown, "says": dict(e.says),
        }
        for image, e in made
    ]  # fmt: skip
    if rows:
        conn.execute(sa.insert(image_editions), rows)


def known(conn: Connection, peer: PeerId, ids: Sequence[UUID]) -> dict[UUID, Edition]:
    """The edition of each image that a machine was told of, of those it was told of any."""
    e, h = image_editions.c, holder_editions.c
    rows = conn.execute(
        sa.select(image_editions)
        .join(
            holder_editions,
            sa.and_(h.instance_id == e.instance_id, h.number == e.number,
                    h.owner_group == e.owner_group),
        )
        .where(h.peer_id == peer, e.instance_id == _any(ids))
    )  # fmt: skip
    return {row.instance_id: _edition(row) for row in rows}


def note_known(
    conn: Connection, owner: GroupId, peer: PeerId, numbers: Mapping[UUID, int]
) -> None:
    """Keep which editions a machine was told of."""
    rows = [
        {"owner_group": owner, "peer_id": peer, "instance_id": image, "number": number}
        for image, number in numbers.items()
    ]
    made = pg_insert(holder_editions)
    c = holder_editions.c
    conn.execute(
        made.on_conflict_do_update(
            index_elements=[c.owner_group, c.peer_id, c.instance_id],
            set_={"number": made.excluded.number},
        ),
        rows,
    )


def add_content(conn: Connection, values: Mapping[str, Any]) -> None:
    """Keep what a sending of a correction carries."""
    conn.execute(sa.insert(correction_sendings).values(**values))


def content(conn: Connection, sending: UUID) -> Any:
    """What a sending of a correction carries: its row, or None."""
    c = correction_sendings.c
    return conn.execute(
        sa.select(correction_sendings).where(c.sending_id == sending)
    ).one_or_none()


def copies(conn: Connection, wanted: Mapping[UUID, int]) -> list[tuple[Instance, Edition]]:
    """These images with these editions of them; without those that a newer one replaced."""
    latest = newest(conn, list(wanted))
    rows = conn.execute(
        sa.select(*INSTANCE)
        .join(series, series.c.id == instances.c.series_id)
        .where(instances.c.id == _any(list(wanted)))
        .order_by(series.c.number.nulls_last(), series.c.id, instances.c.number.nulls_last())
    )
    found = [instance_of(row) for row in rows]
    return [
        (one, latest[one.id])
        for one in found
        if one.id in latest and latest[one.id].number == wanted[one.id]
    ]


def _any(ids: Sequence[UUID]) -> Any:
    return sa.any_(sa.literal(list(ids), ARRAY(sa.Uuid)))


def _edition(row: Any) -> Edition:
    return Edition(
        row.number, row.sop_uid, row.series_uid, row.study_uid, row.shown, row.says, row.at
    )
