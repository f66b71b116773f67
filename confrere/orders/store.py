"""SQL of this part, in and out."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.database.paging import Condition, any_of, older, within
from confrere.kernel.ids import GroupId, OrderId, PatientId, SiteId
from confrere.kernel.periods import Place
from confrere.orders.model import (
    BACKLOADED,
    CANCELLED,
    REPORTED,
    Coverage,
    Number,
    Order,
    OrderContent,
    OrdersSought,
    Procedure,
    ToldTime,
    Unmapped,
)
from confrere.orders.tables import orders, procedures, told_times

OVER = (REPORTED, CANCELLED)
KEPT_WHEN_EMPTY = (
    "placer_number", "filler_number", "procedure_code", "procedure_text", "clinical_question",
    "notes", "allergies", "diagnoses", "patient_class", "location", "referrer_name",
    "referrer_id", "study_uid", "ordered_at", "exam_complete_at", "payer_class",
)  # fmt: skip


def lock_accession(conn: Connection, owner: GroupId, accession: str) -> None:
    """Let one transaction at a time place or change an order."""
    conn.execute(
        sa.text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"order:{owner}:{accession}"},
    )


def save(
    conn: Connection, owner: GroupId, site: SiteId, patient: PatientId,
    content: OrderContent, derived: dict[str, Any], at: datetime,
) -> Order:  # fmt: skip
    """Add an order, or bring what is new; what a later message leaves out is kept."""
    said = asdict(content)
    for name in ("requested_priority", "said_at", "said_by", "heard_at"):
        said.pop(name)
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


def keep_study_uid(conn: Connection, order_id: OrderId, study_uid: str) -> None:
    """Give an order a study UID unless it has one."""
    unnamed = (orders.c.id == order_id) & (orders.c.study_uid == "")
    conn.execute(sa.update(orders).where(unnamed).values(study_uid=study_uid))


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


def page(
    conn: Connection, sought: OrdersSought, limit: int, after: Place | None
) -> list[Order]:
    """Orders that fit, last changed first."""
    c = orders.c
    asked = [
        c.id.in_(sought.ids) if sought.ids is not None else None,
        c.patient_id.in_(sought.patients) if sought.patients is not None else None,
        c.site_id.in_(sought.sites) if sought.sites is not None else None,
        c.status.in_(sought.statuses) if sought.statuses is not None else None,
        c.priority.in_(sought.priorities) if sought.priorities is not None else None,
        within(c.ordered_at, sought.ordered) if sought.ordered is not None else None,
        within(c.updated_at, sought.updated) if sought.updated is not None else None,
        *(any_of(_numbered(one) for one in numbers) for numbers in sought.numbers),
        older(c.updated_at, c.id, after),
    ]
    query = (
        sa.select(orders)
        .where(*(one for one in asked if one is not None))
        .order_by(c.updated_at.desc(), c.id.desc())
        .limit(limit)
    )
    return [_order(row) for row in conn.execute(query)]


def _numbered(number: Number) -> Condition:
    column = orders.c[number.kind]
    return sa.and_(
        column != "" if number.value is None else column == number.value,
        sa.true() if number.site is None else orders.c.site_id == number.site,
    )


def patients_at(
    conn: Connection, site: SiteId, patients: Sequence[PatientId]
) -> set[PatientId]:
    """Which of these patients have an order at a site."""
    query = sa.select(orders.c.patient_id).where(
        orders.c.patient_id.in_(patients), orders.c.site_id == site
    )
    return {PatientId(one) for one in conn.execute(query.distinct()).scalars()}


def add_time(conn: Connection, order: Order, told: ToldTime) -> None:
    """Keep a told time, once an order and step."""
    made = insert(told_times).values(
        owner_group=order.owner_group, site_id=order.site, order_id=told.order,
        what=told.what, said_at=told.said_at, heard_at=told.heard_at,
    )  # fmt: skip
    conn.execute(made.on_conflict_do_nothing())


def times_of(
    conn: Connection, site: SiteId, since: datetime, until: datetime
) -> list[ToldTime]:
    """Told times of a site that we heard of in a period."""
    c = told_times.c
    query = sa.select(told_times).where(
        c.site_id == site, c.heard_at >= since, c.heard_at < until
    )
    return [
        ToldTime(OrderId(r.order_id), r.what, r.said_at, r.heard_at)
        for r in conn.execute(query)
    ]


def of_site(
    conn: Connection, site: SiteId, since: datetime, until: datetime, limit: int
) -> list[Order]:
    """A site's orders of a period, newest first."""
    c = orders.c
    when = sa.func.coalesce(c.exam_complete_at, c.ordered_at, c.updated_at)
    query = sa.select(orders).where(
        c.site_id == site, when >= since, when < until, c.clock_source != BACKLOADED
    )
    return [_order(row) for row in conn.execute(query.order_by(when.desc()).limit(limit))]


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
        {n: v for n, v in asdict(one).items() if n != "site"}
        | {"site_id": one.site, "certificates": list(one.certificates)}
        for one in lines
    ]
    if rows:
        made = insert(procedures)
        kept = ("owner_group", "site_id", "code")
        news = {n: made.excluded[n] for n in rows[0] if n not in kept}
        conn.execute(made.on_conflict_do_update(index_elements=list(kept), set_=news), rows)


def unmapped(conn: Connection, owner: GroupId) -> list[Unmapped]:
    """Codes of open orders that no line of a map types, most frequent first."""
    c, number = orders.c, sa.func.count()
    query = (
        sa.select(c.site_id, c.procedure_code, sa.func.max(c.procedure_text), number,
                  sa.func.min(c.updated_at), sa.func.array_agg(c.id)[1])
        .where(c.owner_group == owner, c.mapped.is_(False), c.status.not_in(OVER))
        .group_by(c.site_id, c.procedure_code)
        .order_by(number.desc(), c.site_id, c.procedure_code)
    )  # fmt: skip
    return [
        Unmapped(SiteId(r[0]), r[1], r[2], r[3], r[4], OrderId(r[5]))
        for r in conn.execute(query)
    ]


def open_of_code(
    conn: Connection, line: Procedure, *, unmapped_only: bool
) -> list[tuple[OrderId, PatientId, datetime | None]]:
    """Open orders of a line's code, whose, and when they were placed."""
    c = orders.c
    query = sa.select(c.id, c.patient_id, c.ordered_at).where(
        c.owner_group == line.owner_group, c.site_id == line.site,
        c.procedure_code == line.code, c.status.not_in(OVER),
        c.mapped.is_(False) if unmapped_only else sa.true(),
    )  # fmt: skip
    return [(OrderId(r[0]), PatientId(r[1]), r[2]) for r in conn.execute(query)]


def remove_procedure(conn: Connection, owner: GroupId, site: SiteId, code: str) -> bool:
    """Remove a line; say whether it was there."""
    c = procedures.c
    done = sa.delete(procedures).where(
        c.owner_group == owner, c.site_id == site, c.code == code
    )
    return conn.execute(done.returning(c.id)).first() is not None


def coverage(conn: Connection, owner: GroupId, since: datetime) -> list[Coverage]:
    """Orders since then and those typed, a site."""
    c, number = orders.c, sa.func.count()
    query = (
        sa.select(c.site_id, number, number.filter(c.mapped))
        .where(
            c.owner_group == owner,
            c.updated_at >= since,
            c.status != CANCELLED,
            c.clock_source != BACKLOADED,
        )
        .group_by(c.site_id)
    )
    return [Coverage(SiteId(r[0]), r[1], r[2]) for r in conn.execute(query)]


def _procedure(r: Any) -> Procedure:
    return Procedure(
        GroupId(r.owner_group), SiteId(r.site_id), r.code, r.text, r.modality, r.body_region,
        r.subspecialty, r.advanced, r.minutes, r.wrvu, r.contrast, tuple(r.certificates),
        r.child_below, r.child_subspecialty,
    )  # fmt: skip


def _order(r: Any) -> Order:
    content = OrderContent(
        r.accession, r.placer_number, r.filler_number, r.procedure_code, r.procedure_text, "",
        r.clinical_question, r.notes, r.allergies, tuple(r.diagnoses), r.patient_class,
        r.location, r.referrer_name, r.referrer_id, r.study_uid, r.status, r.ordered_at,
        r.exam_complete_at, r.payer_class,
    )  # fmt: skip
    return Order(
        OrderId(r.id), GroupId(r.owner_group), SiteId(r.site_id), PatientId(r.patient_id),
        content, r.modality, r.body_region, r.subspecialty, r.mapped, r.priority,
        r.clock_source, r.synthetic, r.updated_at, r.contrast, r.advanced, r.minutes, r.wrvu,
        tuple(r.certificates), r.said,
    )  # fmt: skip
