"""SQL of this part, in and out."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.kernel.ids import GroupId, OrderId, PatientId, SiteId
from confrere.orders.model import Order, OrderContent, Procedure
from confrere.orders.tables import orders, procedures

KEPT_WHEN_EMPTY = (
    "placer_number", "filler_number", "procedure_code", "procedure_text", "clinical_question",
    "notes", "allergies", "diagnoses", "patient_class", "location", "referrer_name",
    "referrer_id", "study_uid", "ordered_at", "exam_complete_at",
)  # fmt: skip


def save(
    conn: Connection, owner: GroupId, site: SiteId, patient: PatientId,
    content: OrderContent, derived: dict[str, Any], at: datetime,
) -> Order:  # fmt: skip
    """Add an order, or bring what is new; what a later message leaves out is kept."""
    said = asdict(content)
    said.pop("requested_priority")
    said["diagnoses"] = list(content.diagnoses)
    made = insert(orders).values(
        owner_group=owner, site_id=site, patient_id=patient, updated_at=at, **said, **derived
    )
    news = {
        name: made.excluded[name] for name in (*derived, "patient_id", "status", "updated_at")
    }
    news |= {name: made.excluded[name] for name in KEPT_WHEN_EMPTY if said[name]}
    done = made.on_conflict_do_update(
        index_elements=["owner_group", "site_id", "accession"], set_=news
    ).returning(orders)
    return _order(conn.execute(done).one())


def get(conn: Connection, ids: Sequence[OrderId]) -> list[Order]:
    """Orders by id, as far as this connection may see them."""
    rows = conn.execute(sa.select(orders).where(orders.c.id.in_(ids)))
    return [_order(row) for row in rows]


def by_accession(
    conn: Connection, owner: GroupId, accession: str, site: SiteId | None
) -> list[Order]:
    """Orders under an accession number, of one site or of all the group's sites."""
    query = sa.select(orders).where(
        orders.c.owner_group == owner, orders.c.accession == accession
    )
    if site is not None:
        query = query.where(orders.c.site_id == site)
    return [_order(row) for row in conn.execute(query)]


def by_study_uid(conn: Connection, owner: GroupId, study_uid: str) -> list[Order]:
    """Orders that name this study."""
    query = sa.select(orders).where(
        orders.c.owner_group == owner, orders.c.study_uid == study_uid
    )
    return [_order(row) for row in conn.execute(query)]


def set_values(conn: Connection, ids: Sequence[OrderId], values: dict[str, Any]) -> None:
    """Change fields of orders."""
    conn.execute(sa.update(orders).where(orders.c.id.in_(ids)).values(**values))


def search(
    conn: Connection, conditions: Sequence[sa.ColumnElement[bool]], limit: int, offset: int = 0
) -> list[Order]:
    """Orders newest first."""
    query = sa.select(orders).where(*conditions).order_by(
        orders.c.updated_at.desc(), orders.c.id
    )  # fmt: skip
    return [_order(row) for row in conn.execute(query.limit(limit).offset(offset))]


def procedure(conn: Connection, owner: GroupId, site: SiteId, code: str) -> Procedure | None:
    """What a site's code means, if the site's map has it."""
    query = sa.select(procedures).where(
        procedures.c.owner_group == owner,
        procedures.c.site_id == site,
        procedures.c.code == code,
    )
    row = conn.execute(query).first()
    return _procedure(row) if row else None


def all_procedures(conn: Connection, owner: GroupId) -> list[Procedure]:
    """A group's procedure maps."""
    query = sa.select(procedures).where(procedures.c.owner_group == owner)
    return [_procedure(row) for row in conn.execute(query.order_by("site_id", "code"))]


def save_procedures(conn: Connection, lines: Sequence[Procedure]) -> None:
    """Add or replace lines of procedure maps."""
    rows = [
        {n: v for n, v in asdict(one).items() if n != "site"} | {"site_id": one.site}
        for one in lines
    ]
    if rows:
        made = insert(procedures)
        kept = ("owner_group", "site_id", "code")
        news = {n: made.excluded[n] for n in rows[0] if n not in kept}
        conn.execute(made.on_conflict_do_update(index_elements=list(kept), set_=news), rows)


def _procedure(r: Any) -> Procedure:
    return Procedure(
        GroupId(r.owner_group), SiteId(r.site_id), r.code, r.text, r.modality, r.body_region,
        r.subspecialty, r.advanced, r.minutes, r.wrvu,
    )  # fmt: skip


def _order(r: Any) -> Order:
    content = OrderContent(
        r.accession, r.placer_number, r.filler_number, r.procedure_code, r.procedure_text, "",
        r.clinical_question, r.notes, r.allergies, tuple(r.diagnoses), r.patient_class,
        r.location, r.referrer_name, r.referrer_id, r.study_uid, r.status, r.ordered_at,
        r.exam_complete_at,
    )  # fmt: skip
    return Order(
        OrderId(r.id), GroupId(r.owner_group), SiteId(r.site_id), PatientId(r.patient_id),
        content, r.modality, r.body_region, r.subspecialty, r.mapped, r.priority,
        r.clock_source, r.synthetic, r.updated_at,
    )  # fmt: skip
