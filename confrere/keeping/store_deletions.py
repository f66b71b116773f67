"""SQL of removals: lists, their lines, certificates."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.keeping.model import (
    APPROVED,
    PROPOSED,
    Certificate,
    Deletion,
    Line,
)
from confrere.keeping.tables import deletion_items, deletion_lists, removal_certificates
from confrere.kernel.ids import GroupId, PatientId, SiteId, StudyId, UserId

SHOWN = 200


def add(conn: Connection, values: dict[str, Any], lines: Iterable[dict[str, Any]]) -> Deletion:
    """Keep a list with its lines."""
    made = conn.execute(
        sa.insert(deletion_lists).values(**values).returning(deletion_lists)
    ).one()
    conn.execute(
        sa.insert(deletion_items),
        [{"owner_group": made.owner_group, "list_id": made.id, **one} for one in lines],
    )
    return _deletion(made)


def get(conn: Connection, key: UUID) -> Deletion | None:
    """Read one and lock it."""
    query = sa.select(deletion_lists).where(deletion_lists.c.id == key).with_for_update()
    row = conn.execute(query).first()
    return _deletion(row) if row else None


def change(conn: Connection, key: UUID, values: dict[str, Any]) -> None:
    """Write how a list stands."""
    conn.execute(sa.update(deletion_lists).where(deletion_lists.c.id == key).values(**values))


def listed(conn: Connection, owners: Collection[GroupId]) -> list[Deletion]:
    """Lists, newest first."""
    c = deletion_lists.c
    query = sa.select(deletion_lists).where(c.owner_group.in_(owners))
    return [
        _deletion(r) for r in conn.execute(query.order_by(c.proposed_at.desc()).limit(SHOWN))
    ]


def due(conn: Connection, now: datetime) -> list[Deletion]:
    """Approved lists whose waiting time is over."""
    c = deletion_lists.c
    query = sa.select(deletion_lists).where(c.state == APPROVED, c.waits_until <= now)
    return [_deletion(r) for r in conn.execute(query.order_by(c.waits_until))]


def lines(conn: Connection, key: UUID, state: str | None = None) -> list[Line]:
    """The lines of a list, first due first."""
    c = deletion_items.c
    query = sa.select(deletion_items).where(c.list_id == key)
    if state is not None:
        query = query.where(c.state == state)
    return [
        Line(
            r.id, StudyId(r.study_id), r.rule, r.words, r.source, r.due_on, r.images, r.bytes,
            r.state, r.why,
        )
        for r in conn.execute(query.order_by(c.due_on, c.id))
    ]  # fmt: skip


def on_open_lists(conn: Connection, studies: Sequence[StudyId]) -> set[StudyId]:
    """Which of these studies are on a list that is still open."""
    i, d = deletion_items.c, deletion_lists.c
    query = (
        sa.select(i.study_id)
        .join(deletion_lists, d.id == i.list_id)
        .where(i.study_id.in_(studies), d.state.in_((PROPOSED, APPROVED)))
    )
    return {StudyId(one) for one in conn.execute(query).scalars()}


def settle(conn: Connection, line: UUID, state: str, why: str) -> None:
    """Write what became of a line."""
    c = deletion_items.c
    conn.execute(sa.update(deletion_items).where(c.id == line).values(state=state, why=why))


def certify(conn: Connection, one: Certificate) -> None:
    """Keep a certificate; nothing changes it any more."""
    values = asdict(one)
    for name, column in (
        ("site", "site_id"), ("deletion", "list_id"), ("study", "study_id"),
        ("patient", "patient_id"), ("size", "bytes"),
    ):  # fmt: skip
        values[column] = values.pop(name)
    values["modalities"] = list(one.modalities)
    conn.execute(sa.insert(removal_certificates).values(**values))


def certificates(conn: Connection, key: UUID) -> list[Certificate]:
    """The certificates of a list."""
    c = removal_certificates.c
    query = sa.select(removal_certificates).where(c.list_id == key)
    return [_certificate(r) for r in conn.execute(query.order_by(c.removed_at, c.study_uid))]


def _deletion(r: Any) -> Deletion:
    return Deletion(
        r.id, GroupId(r.owner_group), SiteId(r.site_id), r.state, r.reason, r.proposed_by,
        UserId(r.proposed_by_user), r.proposed_at, r.decided_by, r.decided_at,
        r.decided_because, r.waits_until, r.executed_at,
    )  # fmt: skip


def _certificate(r: Any) -> Certificate:
    return Certificate(
        GroupId(r.owner_group), SiteId(r.site_id), r.list_id, StudyId(r.study_id), r.study_uid,
        r.study_date, tuple(r.modalities), PatientId(r.patient_id) if r.patient_id else None,
        r.images, r.bytes, r.content_hash, r.rule, r.words, r.source, r.due_on, r.proposed_by,
        r.approved_by, r.removed_at,
    )  # fmt: skip
