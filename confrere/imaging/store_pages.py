"""SQL of studies by when they changed, and of what belongs to many studies at once."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import ARRAY

from confrere.database.paging import Condition, any_of, older, within
from confrere.imaging.model import Series, StudiesSought, Study, StudyNumber
from confrere.imaging.rows import SERIES, STUDY, series_of, study_of
from confrere.imaging.tables import series, studies, study_orders
from confrere.kernel.ids import OrderId, PatientId, SiteId, StudyId
from confrere.kernel.periods import Place, Span

CHANGED = sa.func.greatest(studies.c.last_at, studies.c.closed_at)  # skips a NULL


def page(
    conn: Connection, sought: StudiesSought, limit: int, after: Place | None
) -> list[Study]:
    """Studies that fit, last changed first."""
    c = studies.c
    asked = [
        c.instance_count > 0,
        c.id.in_(sought.ids) if sought.ids is not None else None,
        c.patient_id.in_(sought.patients) if sought.patients is not None else None,
        c.site_id.in_(sought.sites) if sought.sites is not None else None,
        any_of(map(_started, sought.started)) if sought.started is not None else None,
        within(CHANGED, sought.updated) if sought.updated is not None else None,
        *(any_of(map(_numbered, numbers)) for numbers in sought.numbers),
        *(c.modalities.overlap(sa.cast(sorted(m), ARRAY(sa.Text))) for m in sought.modalities),
        *(c.id.in_(_answering(these)) for these in sought.orders),
        older(CHANGED, c.id, after),
    ]
    query = (
        sa.select(*STUDY)
        .where(*(one for one in asked if one is not None))
        .order_by(CHANGED.desc(), c.id.desc())
        .limit(limit)
    )
    return [study_of(row) for row in conn.execute(query)]


def studies_by_id(conn: Connection, ids: Sequence[StudyId]) -> list[Study]:
    """Studies by id, as far as this connection may see them."""
    rows = conn.execute(sa.select(*STUDY).where(studies.c.id.in_(ids)))
    return [study_of(row) for row in rows]


def series_of_studies(conn: Connection, ids: Sequence[StudyId]) -> dict[StudyId, list[Series]]:
    """The series of each study, by number."""
    query = (
        sa.select(*SERIES)
        .where(series.c.study_id.in_(ids), series.c.instance_count > 0)
        .order_by(series.c.number.nulls_last(), series.c.id)
    )
    found: dict[StudyId, list[Series]] = defaultdict(list)
    for row in conn.execute(query):
        one = series_of(row)
        found[one.study_id].append(one)
    return found


def orders_of_studies(conn: Connection, ids: Sequence[StudyId]) -> dict[StudyId, list[OrderId]]:
    """The orders that each study answers, oldest tie first."""
    query = (
        sa.select(study_orders.c.study_id, study_orders.c.order_id)
        .where(study_orders.c.study_id.in_(ids))
        .order_by(study_orders.c.at, study_orders.c.order_id)
    )
    found: dict[StudyId, list[OrderId]] = defaultdict(list)
    for study, order in conn.execute(query):
        found[StudyId(study)].append(OrderId(order))
    return found


def patients_at(
    conn: Connection, site: SiteId, patients: Sequence[PatientId]
) -> set[PatientId]:
    """Which of these patients have a study at a site."""
    query = sa.select(studies.c.patient_id).where(
        studies.c.patient_id.in_(patients), studies.c.site_id == site
    )
    return {PatientId(one) for one in conn.execute(query.distinct()).scalars()}


def _answering(orders: frozenset[OrderId]) -> sa.Select[tuple[object]]:
    return sa.select(study_orders.c.study_id).where(study_orders.c.order_id.in_(orders))


def _numbered(number: StudyNumber) -> Condition:
    column = studies.c[number.kind]
    return sa.and_(
        column != "" if number.value is None else column == number.value,
        sa.true() if number.site is None else studies.c.site_id == number.site,
    )


def _started(span: Span) -> Condition:
    day = studies.c.study_date.collate("C")
    by_day = [
        studies.c.acquired_at.is_(None),
        day != "",
        *([day >= f"{span.starts:%Y%m%d}"] if span.starts else []),
        *([_before(day, span.ends)] if span.ends else []),
    ]
    return sa.or_(within(studies.c.acquired_at, [span]), sa.and_(*by_day))


def _before(day: Any, end: date) -> Condition:
    """Say that a day begins before an end, which may lie within that day."""
    at_midnight = not isinstance(end, datetime) or end.time() == end.time().min
    text = f"{end:%Y%m%d}"
    return sa.and_(day < text if at_midnight else day <= text)
