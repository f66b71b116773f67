"""SQL of this part, in and out."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

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
from confrere.reading.model import Report, Version
from confrere.reading.tables import report_versions, reports


def open_for_item(conn: Connection, values: dict[str, Any]) -> Report:
    """The report of an item, made when it is not there yet."""
    made = insert(reports).values(**values).on_conflict_do_nothing().returning(reports)
    row = conn.execute(made).first()
    if row is None:
        query = sa.select(reports).where(
            reports.c.owner_group == values["owner_group"],
            reports.c.item_id == values["item_id"],
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
        r.draft_at, r.version, r.exam_at, r.final_at, r.updated_at,
    )  # fmt: skip


def _version(r: Any) -> Version:
    return Version(
        ReportId(r.report_id), r.number, r.kind, r.sections, r.text,
        _or(ReaderId, r.signer_id), r.signer_name, r.signed_at,
    )  # fmt: skip
