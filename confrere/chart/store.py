"""SQL of this part, in and out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.chart.model import Allergy, ExamNote, LabValue, Paper
from confrere.chart.tables import allergies, exam_notes, lab_values, papers
from confrere.kernel.ids import GroupId, OrderId, PatientId, SiteId

MOST_VALUES = 50


def save_allergy(
    conn: Connection, owner: GroupId, patient: PatientId, said: Allergy, at: datetime
) -> None:
    """Add an allergy, or bring what is newer of it."""
    made = insert(allergies).values(
        owner_group=owner, patient_id=patient, substance=said.substance, code=said.code,
        severity=said.severity, reaction=said.reaction, source=said.source, said_at=at,
    )  # fmt: skip
    news = {n: made.excluded[n] for n in ("code", "severity", "reaction", "source", "said_at")}
    conn.execute(
        made.on_conflict_do_update(
            index_elements=["owner_group", "patient_id", "substance"], set_=news,
            where=allergies.c.said_at < made.excluded.said_at,
        )
    )  # fmt: skip


def save_lab(
    conn: Connection, owner: GroupId, patient: PatientId, site: SiteId, said: LabValue,
    at: datetime,
) -> None:  # fmt: skip
    """Add a value; the same sample again corrects it."""
    made = insert(lab_values).values(
        owner_group=owner, patient_id=patient, site_id=site, kind=said.kind, code=said.code,
        name=said.name, value=said.value, unit=said.unit, mark=said.mark,
        taken_at=said.taken_at, source=said.source, heard_at=at,
    )  # fmt: skip
    news = {n: made.excluded[n] for n in ("code", "name", "value", "unit", "mark", "heard_at")}
    conn.execute(
        made.on_conflict_do_update(
            index_elements=["owner_group", "patient_id", "kind", "taken_at"], set_=news
        )
    )


def remove_lab(
    conn: Connection, owner: GroupId, patient: PatientId, kind: str, taken_at: datetime
) -> None:
    """Take back a value that the laboratory withdrew."""
    c = lab_values.c
    conn.execute(
        sa.delete(lab_values).where(
            c.owner_group == owner, c.patient_id == patient, c.kind == kind,
            c.taken_at == taken_at,
        )
    )  # fmt: skip


def add_note(conn: Connection, values: dict[str, Any]) -> ExamNote | None:
    """Add a note; None when this very note is there."""
    made = insert(exam_notes).values(**values).on_conflict_do_nothing().returning(exam_notes)
    row = conn.execute(made).first()
    return _note(row) if row else None


def note(conn: Connection, key: UUID) -> ExamNote | None:
    """One note."""
    row = conn.execute(sa.select(exam_notes).where(exam_notes.c.id == key)).first()
    return _note(row) if row else None


def withdraw(conn: Connection, key: UUID, by: str, at: datetime) -> bool:
    """Mark a note as withdrawn; False when it was before."""
    done = (
        sa.update(exam_notes)
        .where(exam_notes.c.id == key, exam_notes.c.withdrawn_at.is_(None))
        .values(withdrawn_at=at, withdrawn_by=by)
        .returning(exam_notes.c.id)
    )
    return conn.execute(done).first() is not None


def add_paper(conn: Connection, values: dict[str, Any]) -> None:
    """Add a paper; the same bytes of the same patient once."""
    conn.execute(insert(papers).values(**values).on_conflict_do_nothing())


def notes_of(conn: Connection, orders: Sequence[OrderId]) -> list[ExamNote]:
    """Notes of these orders that stand, oldest first."""
    c = exam_notes.c
    query = (
        sa.select(exam_notes)
        .where(c.order_id.in_(orders), c.withdrawn_at.is_(None))
        .order_by(c.at, c.id)
    )
    return [_note(row) for row in conn.execute(query)]


def allergies_of(conn: Connection, patients: Sequence[PatientId]) -> list[Allergy]:
    """Allergies of these identities, by substance."""
    query = (
        sa.select(allergies)
        .where(allergies.c.patient_id.in_(patients))
        .order_by(allergies.c.substance)
    )
    return [
        Allergy(r.substance, r.code, r.severity, r.reaction, r.source, r.said_at)
        for r in conn.execute(query)
    ]


def labs_of(conn: Connection, patients: Sequence[PatientId]) -> list[LabValue]:
    """Lab values of these identities, newest first."""
    query = (
        sa.select(lab_values)
        .where(lab_values.c.patient_id.in_(patients))
        .order_by(lab_values.c.taken_at.desc())
        .limit(MOST_VALUES)
    )
    return [
        LabValue(r.kind, r.value, r.unit, r.taken_at, r.code, r.name, r.mark, r.source)
        for r in conn.execute(query)
    ]


def papers_of(conn: Connection, orders: Sequence[OrderId]) -> list[Paper]:
    """Papers of these orders, oldest first."""
    query = (
        sa.select(papers)
        .where(papers.c.order_id.in_(orders))
        .order_by(papers.c.at, papers.c.id)
    )
    return [_paper(row) for row in conn.execute(query)]


def _note(r: Any) -> ExamNote:
    return ExamNote(
        r.id, GroupId(r.owner_group), SiteId(r.site_id), OrderId(r.order_id), r.kind, r.text,
        r.by_name, r.source, r.at, r.withdrawn_at,
    )  # fmt: skip


def _paper(r: Any) -> Paper:
    return Paper(
        r.id, GroupId(r.owner_group), PatientId(r.patient_id),
        OrderId(r.order_id) if r.order_id else None, r.title, r.media_type, r.size,
        bytes(r.digest), r.source, r.at,
    )  # fmt: skip
