"""SQL of this part, in and out."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.database.paging import Condition, any_of, older, within
from confrere.kernel.ids import (
    GroupId,
    ItemId,
    OrderId,
    PatientId,
    ReaderId,
    ReportId,
    SiteId,
    StudyId,
)
from confrere.kernel.periods import Place
from confrere.reading.model import (
    AMENDED,
    DRAFT,
    FINAL,
    PRELIMINARY,
    Report,
    ReportsSought,
    Version,
)
from confrere.reading.tables import report_versions, reports


def open_for_item(conn: Connection, values: dict[str, Any]) -> Report:
    """The report of an item by one group, made when it is not there yet.

    A group's draft is its own: when another group takes the exam over, it begins anew.
    """
    made = insert(reports).values(**values).on_conflict_do_nothing().returning(reports)
    row = conn.execute(made).first()
    if row is None:
        query = sa.select(reports).where(
            reports.c.owner_group == values["owner_group"],
            reports.c.item_id == values["item_id"],
            reports.c.reader_group == values["reader_group"],
        )
        row = conn.execute(query).one()
    return _report(row)


def add(conn: Connection, values: dict[str, Any]) -> Report:
    """Add a report."""
    return _report(conn.execute(sa.insert(reports).values(**values).returning(reports)).one())


def change(
    conn: Connection, report: ReportId, values: dict[str, Any], *when: sa.ColumnElement[bool]
) -> Report | None:
    """Change a report's head if `when` holds."""
    done = (
        sa.update(reports)
        .where(reports.c.id == report, *when)
        .values(**values)
        .returning(reports)
    )
    row = conn.execute(done).first()
    return _report(row) if row else None


def get(conn: Connection, ids: Sequence[ReportId]) -> list[Report]:
    """Reports by id, as far as this connection may see them."""
    return [_report(r) for r in conn.execute(sa.select(reports).where(reports.c.id.in_(ids)))]


def search(
    conn: Connection, conditions: Sequence[sa.ColumnElement[bool]], limit: int, offset: int = 0
) -> list[Report]:
    """Reports, newest first."""
    query = sa.select(reports).where(*conditions).order_by(
        reports.c.updated_at.desc(), reports.c.id
    )  # fmt: skip
    return [_report(row) for row in conn.execute(query.limit(limit).offset(offset))]


def page(
    conn: Connection, sought: ReportsSought, limit: int, after: Place | None
) -> list[Report]:
    """Signed reports that fit, last changed first."""
    c = reports.c
    signed = sa.select(sa.func.max(report_versions.c.signed_at)).where(
        report_versions.c.report_id == c.id
    )
    asked = [
        c.state != DRAFT,
        c.id.in_(sought.ids) if sought.ids is not None else None,
        c.patient_id.in_(sought.patients) if sought.patients is not None else None,
        c.site_id.in_(sought.sites) if sought.sites is not None else None,
        c.author_id.in_(sought.readers) if sought.readers is not None else None,
        any_of(map(_in_state, sought.states)) if sought.states is not None else None,
        within(c.exam_at, sought.exam) if sought.exam is not None else None,
        within(signed.scalar_subquery(), sought.signed) if sought.signed is not None else None,
        within(c.updated_at, sought.updated) if sought.updated is not None else None,
        *(c.order_ids.overlap(sorted(these)) for these in sought.orders),
        older(c.updated_at, c.id, after),
    ]
    query = (
        sa.select(reports)
        .where(*(one for one in asked if one is not None))
        .order_by(c.updated_at.desc(), c.id.desc())
        .limit(limit)
    )
    return [_report(row) for row in conn.execute(query)]


def _in_state(state: str) -> Condition:
    finals = sa.select(sa.func.count()).where(
        report_versions.c.report_id == reports.c.id, report_versions.c.kind != PRELIMINARY
    )
    if state == AMENDED:
        return sa.and_(reports.c.state == FINAL, finals.scalar_subquery() > 1)
    if state == FINAL:
        return sa.and_(reports.c.state == FINAL, finals.scalar_subquery() <= 1)
    return sa.and_(reports.c.state == state)


def patients_at(
    conn: Connection, site: SiteId, patients: Sequence[PatientId]
) -> set[PatientId]:
    """Which of these patients have a signed report at a site."""
    query = sa.select(reports.c.patient_id).where(
        reports.c.patient_id.in_(patients), reports.c.site_id == site, reports.c.state != DRAFT
    )
    return {PatientId(one) for one in conn.execute(query.distinct()).scalars()}


def add_version(conn: Connection, report: Report, values: dict[str, Any]) -> Version:
    """Add the next signed version; two at once cannot both be next."""
    taken = sa.select(sa.func.coalesce(sa.func.max(report_versions.c.number), 0) + 1).where(
        report_versions.c.report_id == report.id
    )
    done = sa.insert(report_versions).values(
        owner_group=report.owner_group, reader_group=report.reader_group,
        report_id=report.id, number=taken.scalar_subquery(), **values,
    ).returning(report_versions)  # fmt: skip
    return _version(conn.execute(done).one())


def versions(conn: Connection, ids: Sequence[ReportId]) -> dict[UUID, list[Version]]:
    """Signed versions of reports, in order."""
    query = (
        sa.select(report_versions)
        .where(report_versions.c.report_id.in_(ids))
        .order_by(report_versions.c.report_id, report_versions.c.number)
    )
    found: dict[UUID, list[Version]] = {one: [] for one in ids}
    for row in conn.execute(query):
        found[row.report_id].append(_version(row))
    return found


def _or(kind: Any, value: UUID | None) -> Any:
    return kind(value) if value is not None else None


def _report(r: Any) -> Report:
    return Report(
        ReportId(r.id), GroupId(r.owner_group), _or(GroupId, r.reader_group),
        _or(ItemId, r.item_id), _or(SiteId, r.site_id), _or(PatientId, r.patient_id),
        _or(StudyId, r.study_id), tuple(OrderId(o) for o in r.order_ids),
        _or(ReaderId, r.author_id), r.author_name, r.origin, r.state, r.title, r.draft,
        r.draft_at, r.version, r.exam_at, r.final_at, r.updated_at, r.backload_id,
    )  # fmt: skip


def _version(r: Any) -> Version:
    return Version(
        ReportId(r.report_id), r.number, r.kind, r.sections, r.text,
        _or(ReaderId, r.signer_id), r.signer_name, r.signed_at, r.provenance,
    )  # fmt: skip
