"""SQL of whose a study is and which orders it answers."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as pg_insert

from confrere.imaging.model import Study
from confrere.imaging.rows import NEWEST, STUDY, study_of
from confrere.imaging.tables import studies, study_orders
from confrere.kernel.ids import GroupId, OrderId, PatientId, SiteId, StudyId


def study(conn: Connection, key: StudyId) -> Study | None:
    """Read one study."""
    row = conn.execute(sa.select(*STUDY).where(studies.c.id == key)).one_or_none()
    return study_of(row) if row else None


def of_uid(conn: Connection, owner: GroupId, uid: str) -> Study | None:
    """Read a group's study by its UID."""
    wanted = sa.and_(studies.c.owner_group == owner, studies.c.study_uid == uid)
    row = conn.execute(sa.select(*STUDY).where(wanted)).one_or_none()
    return study_of(row) if row else None


def set_patient(conn: Connection, key: StudyId, patient: PatientId) -> bool:
    """Write whose study it is; False when it is not there."""
    done = conn.execute(
        sa.update(studies)
        .values(patient_id=patient)
        .where(studies.c.id == key)
        .returning(studies.c.id)
    )
    return done.first() is not None


def set_site(conn: Connection, key: StudyId, site: SiteId) -> bool:
    """Write the site of a study that has none; False when it has one or is not there."""
    done = conn.execute(
        sa.update(studies)
        .values(site_id=site)
        .where(studies.c.id == key, studies.c.site_id.is_(None))
        .returning(studies.c.id)
    )
    return done.first() is not None


def without_site(conn: Connection, owner: GroupId, limit: int) -> list[Study]:
    """Return a group's studies that have no site, newest first."""
    wanted = sa.and_(studies.c.owner_group == owner, studies.c.site_id.is_(None))
    query = sa.select(*STUDY).where(wanted).order_by(studies.c.last_at.desc(), studies.c.id)
    return [study_of(row) for row in conn.execute(query.limit(limit))]


def add_order(conn: Connection, key: StudyId, order: OrderId, how: str, at: datetime) -> bool:
    """Tie study and order under the study's owner; False when tied or no such study."""
    names = ["owner_group", "study_id", "order_id", "how", "at"]
    source = sa.select(
        studies.c.owner_group,
        studies.c.id,
        sa.literal(order, sa.Uuid()),
        sa.literal(how, sa.Text()),
        sa.literal(at, sa.DateTime(timezone=True)),
    ).where(studies.c.id == key)
    statement = pg_insert(study_orders).from_select(names, source).on_conflict_do_nothing()
    done = conn.execute(statement.returning(study_orders.c.order_id))
    return done.first() is not None


def orders_of(conn: Connection, key: StudyId) -> list[OrderId]:
    """Return the orders of a study, oldest tie first."""
    found = conn.execute(
        sa.select(study_orders.c.order_id)
        .where(study_orders.c.study_id == key)
        .order_by(study_orders.c.at, study_orders.c.order_id)
    )
    return [OrderId(key) for key in found.scalars()]


def studies_of_order(conn: Connection, order: OrderId) -> list[Study]:
    """Return an order's studies, newest first."""
    ties = sa.select(study_orders.c.study_id).where(study_orders.c.order_id == order)
    return _studies(conn, studies.c.id.in_(ties))


def studies_of_patients(conn: Connection, patients: Collection[PatientId]) -> list[Study]:
    """Return these patients' studies, newest first."""
    keys = sa.literal(sorted(patients), ARRAY(sa.Uuid))
    theirs = studies.c.patient_id == sa.any_(keys)
    return _studies(conn, sa.and_(theirs, studies.c.instance_count > 0))


def _studies(conn: Connection, wanted: Any) -> list[Study]:
    rows = conn.execute(sa.select(*STUDY).where(wanted).order_by(*NEWEST))
    return [study_of(row) for row in rows]


def of_site(
    conn: Connection, site: SiteId, since: datetime, until: datetime, limit: int
) -> list[Study]:
    """Return a site's studies whose first image came in a period, newest first."""
    found = conn.execute(
        sa.select(*STUDY)
        .where(
            studies.c.site_id == site, studies.c.first_at >= since, studies.c.first_at < until
        )
        .order_by(studies.c.first_at.desc())
        .limit(limit)
    )
    return [study_of(row) for row in found]


def unattached(
    conn: Connection, owner: GroupId, accession: str, study_uid: str, mrn: str
) -> list[Study]:
    """Return a group's studies that no order is tied to, by UID, accession or patient number."""
    tied = sa.select(study_orders.c.study_id).where(study_orders.c.owner_group == owner)
    same = [studies.c.study_uid == study_uid] if study_uid else []
    same += [studies.c.accession == accession] if accession else []
    same += [sa.and_(studies.c.mrn == mrn, studies.c.accession == "")] if mrn else []
    if not same:
        return []
    found = conn.execute(
        sa.select(*STUDY)
        .where(studies.c.owner_group == owner, sa.or_(*same), studies.c.id.not_in(tied))
        .order_by(studies.c.first_at)
        .limit(50)
    )
    return [study_of(row) for row in found]
