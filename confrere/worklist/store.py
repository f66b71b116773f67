"""SQL of this part, in and out."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection

from confrere.kernel.ids import (
    AgreementId,
    GroupId,
    ItemId,
    OrderId,
    PatientId,
    ReaderId,
    SiteId,
    StudyId,
)
from confrere.worklist import store_offers
from confrere.worklist.model import Item, Outcome, Proof, State, Verdict
from confrere.worklist.tables import decisions, declines, items, proofs

OPEN = items.c.finished_at.is_(None)
LOCK_MILLISECONDS = 3000


def lock_exam(conn: Connection, owner: GroupId, name: str) -> None:
    """Let one transaction at a time make or change the items of an exam."""
    conn.execute(
        sa.text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"item:{owner}:{name}"},
    )


def of_exam(
    conn: Connection, owner: GroupId, study: StudyId | None, orders: Sequence[OrderId]
) -> list[Item]:
    """Items of a study or of any of these orders, open ones first."""
    same = [items.c.study_id == study] if study else []
    if orders:
        same.append(items.c.order_ids.overlap(list(orders)))
    if not same:
        return []
    query = (
        sa.select(items)
        .where(items.c.owner_group == owner, sa.or_(*same))
        .order_by(items.c.finished_at.desc().nulls_first())
    )
    return [_item(row) for row in conn.execute(query)]


def add(conn: Connection, values: dict[str, Any]) -> Item:
    """Add an item."""
    return _item(conn.execute(sa.insert(items).values(**values).returning(items)).one())


def change(
    conn: Connection, item: ItemId, values: dict[str, Any], *when: sa.ColumnElement[bool]
) -> Item | None:
    """Change an item if `when` holds; None when it does not, or the item is not visible."""
    done = (
        sa.update(items)
        .where(items.c.id == item, *when)
        .values(**values, version=items.c.version + 1)
        .returning(items)
    )
    row = conn.execute(done).first()
    return _item(row) if row else None


def get(conn: Connection, ids: Sequence[ItemId]) -> list[Item]:
    """Items by id, as far as this connection may see them."""
    return [_item(r) for r in conn.execute(sa.select(items).where(items.c.id.in_(ids)))]


def lock(conn: Connection, item: ItemId) -> Item | None:
    """An item, locked for this transaction; None when it is gone or stays locked too long.

    Others hold an item for milliseconds: a worker that counts priors, a dispatcher's round.
    """
    query = sa.select(items).where(items.c.id == item).with_for_update()
    try:
        with conn.begin_nested():
            conn.execute(sa.text(f"set local lock_timeout = {LOCK_MILLISECONDS}"))
            row = conn.execute(query).first()
            conn.execute(sa.text("set local lock_timeout to default"))
    except sa.exc.OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            return None
        raise
    return _item(row) if row else None


def lock_free(conn: Connection, item: ItemId, reader: ReaderId, at: datetime) -> Item | None:
    """An open item that is free or the reader's, locked; None when another is busy with it."""
    query = sa.select(items).where(
        items.c.id == item,
        OPEN,
        sa.or_(items.c.held_by.is_(None), items.c.lease_until <= at, items.c.held_by == reader),
    )
    row = conn.execute(query.with_for_update(skip_locked=True)).first()
    return _item(row) if row else None


def open_items(
    conn: Connection, *when: sa.ColumnElement[bool], limit: int = 2000
) -> list[Item]:
    """Open items by due time."""
    query = sa.select(items).where(OPEN, *when).order_by(
        items.c.due_at.nulls_last(), items.c.id
    )  # fmt: skip
    return [_item(row) for row in conn.execute(query.limit(limit))]


def finished_items(
    conn: Connection, *when: sa.ColumnElement[bool], limit: int = 200
) -> list[Item]:
    """Finished items, newest first."""
    query = sa.select(items).where(items.c.finished_at.is_not(None), *when).order_by(
        items.c.finished_at.desc()
    )  # fmt: skip
    return [_item(row) for row in conn.execute(query.limit(limit))]


def finished_since(conn: Connection, reader: ReaderId, at: datetime) -> list[Item]:
    """What a reader finished since `at`."""
    return finished_items(conn, items.c.finished_by == reader, items.c.finished_at >= at)


def finished_after(conn: Connection, at: datetime) -> list[Item]:
    """What readers finished since `at`."""
    read = items.c.finished_by.is_not(None)
    return finished_items(conn, read, items.c.finished_at >= at, limit=50_000)


def lapsed(conn: Connection, at: datetime) -> list[Item]:
    """Open items whose holder's lease has run out."""
    return open_items(conn, items.c.held_by.is_not(None), items.c.lease_until <= at)


def undecided(conn: Connection) -> list[Item]:
    """Open items that nobody holds."""
    return open_items(conn, items.c.held_by.is_(None))


def others_of_patient(conn: Connection, item: Item, group: GroupId) -> bool:
    """Say whether another exam of the same patient is, or was, with this group."""
    query = sa.select(items.c.id).where(
        items.c.patient_id == item.patient,
        items.c.id != item.id,
        sa.or_(
            items.c.offered_group == group,
            items.c.held_group == group,
            items.c.finished_group == group,
        ),
    )
    return conn.execute(query.limit(1)).first() is not None


def last_sentence(conn: Connection, item: ItemId) -> str:
    """Why an exam was offered as it was last, in one sentence; empty where nothing is kept."""
    query = sa.select(decisions.c.sentence).where(decisions.c.item_id == item)
    return conn.execute(query.order_by(decisions.c.at.desc()).limit(1)).scalar() or ""


def last_rings(conn: Connection) -> dict[ItemId, tuple[ReaderId, int]]:
    """The reader and ring of the last decision about each open item."""
    query = sa.text(
        "select distinct on (d.item_id) d.item_id, d.reader_id, d.ring from decisions d "
        "join items i on i.id = d.item_id and i.finished_at is null "
        "order by d.item_id, d.at desc"
    )
    return {ItemId(i): (ReaderId(r), int(ring)) for i, r, ring in conn.execute(query)}


def add_decline(conn: Connection, values: dict[str, Any]) -> None:
    """Keep that a reader declined."""
    conn.execute(sa.insert(declines).values(**values))


def decliners(conn: Connection) -> dict[ItemId, frozenset[ReaderId]]:
    """Who declined which open item."""
    found: dict[ItemId, set[ReaderId]] = defaultdict(set)
    query = sa.select(declines.c.item_id, declines.c.reader_id).join(
        items, sa.and_(items.c.id == declines.c.item_id, OPEN)
    )
    for item, reader in conn.execute(query):
        found[ItemId(item)].add(ReaderId(reader))
    return {item: frozenset(readers) for item, readers in found.items()}


def add_proofs(conn: Connection, made: Sequence[Proof]) -> None:
    """Keep proofs."""
    store_offers.add_proofs(conn, [(GroupId(_owner(conn, p.item)), p) for p in made])


def proofs_of(conn: Connection, item: ItemId) -> list[Proof]:
    """The proofs kept for an item, oldest first."""
    query = sa.select(proofs).where(proofs.c.item_id == item).order_by(proofs.c.at)
    return [
        Proof(
            ItemId(r.item_id), ReaderId(r.reader_id), GroupId(r.reader_group), r.act, r.eligible,
            AgreementId(r.agreement_id) if r.agreement_id else None,
            tuple(Verdict(**v | {"outcome": Outcome(v["outcome"])}) for v in r.verdicts), r.at,
            r.facts_version, r.attested_by, r.attestation,
        )
        for r in conn.execute(query)
    ]  # fmt: skip


def lock_cap(conn: Connection, agreement: AgreementId) -> None:
    """Let one transaction at a time claim under an agreement with a daily cap."""
    conn.execute(
        sa.text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"cap:{agreement}"},
    )


def claimed_under(conn: Connection, agreement: AgreementId, since: datetime) -> int:
    """How many exams were claimed under an agreement since an instant."""
    query = sa.select(sa.func.count(proofs.c.item_id.distinct())).where(
        proofs.c.agreement_id == agreement, proofs.c.act == "claim", proofs.c.at >= since
    )
    return int(conn.execute(query).scalar_one())


def offered_under(conn: Connection, agreement: AgreementId) -> int:
    """How many exams are offered, and not yet held, under an agreement."""
    query = (
        sa.select(sa.func.count(proofs.c.item_id.distinct()))
        .join(items, items.c.id == proofs.c.item_id)
        .where(
            proofs.c.agreement_id == agreement,
            proofs.c.act == "offer",
            items.c.offered_to == proofs.c.reader_id,
            items.c.held_by.is_(None),
            OPEN,
        )
    )
    return int(conn.execute(query).scalar_one())


def _owner(conn: Connection, item: ItemId) -> UUID:
    owner: UUID = conn.execute(
        sa.select(items.c.owner_group).where(items.c.id == item)
    ).scalar_one()
    return owner


def _or(kind: Any, value: UUID | None) -> Any:
    return kind(value) if value is not None else None


def _item(r: Any) -> Item:
    return Item(
        ItemId(r.id), GroupId(r.owner_group), SiteId(r.site_id), _or(PatientId, r.patient_id),
        _or(StudyId, r.study_id), tuple(OrderId(o) for o in r.order_ids), tuple(r.accessions),
        r.kind, State(r.state), r.priority, r.modality, r.body_region, r.subspecialty,
        tuple(r.flags), r.description, r.clinical_question, r.patient_name, r.mrn, r.sex,
        r.birth_date, r.site_name, r.site_state, r.image_count, r.images_complete,
        r.prior_count, r.ordered_at, r.clock_at, r.clock_source, r.due_at,
        _or(ReaderId, r.offered_to), _or(GroupId, r.offered_group), r.offered_at,
        r.offer_reason, _or(ReaderId, r.held_by), _or(GroupId, r.held_group), r.held_name,
        r.hold_token, r.held_at, r.lease_until, r.preliminary_at, r.finished_at,
        _or(ReaderId, r.finished_by), _or(GroupId, r.finished_group), r.version, r.synthetic,
        r.created_at, r.updated_at, r.contrast, r.advanced, r.minutes, r.wrvu,
        tuple(r.certificates),
        r.payer_class, tuple(r.orderers), r.drafted_at, r.shadow, r.outside_word, r.outside_by,
        r.outside_since,
    )  # fmt: skip
