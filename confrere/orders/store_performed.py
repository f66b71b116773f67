"""SQL of performed procedure steps, in and out."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.kernel.ids import GroupId, PeerId, SiteId
from confrere.orders.performed import Kept, Step
from confrere.orders.tables import performed_steps

_c = performed_steps.c
MOST = 20  # steps shown of one exam


def add(
    conn: Connection, owner: GroupId, site: SiteId, peer: PeerId, step: Step, at: datetime
) -> UUID | None:
    """Add a step; None when its UID is taken."""
    made = insert(performed_steps).values(
        owner_group=owner, site_id=site, peer_id=peer, heard_at=at, changed_at=at,
        **_values(step),
    )  # fmt: skip
    done = conn.execute(made.on_conflict_do_nothing().returning(_c.id)).first()
    return UUID(str(done.id)) if done else None


def save(conn: Connection, step_id: UUID, step: Step, at: datetime) -> None:
    """Change a step."""
    values = _values(step) | {"changed_at": at}
    conn.execute(sa.update(performed_steps).where(_c.id == step_id).values(**values))


def lock(conn: Connection, owner: GroupId, step_uid: str) -> Kept | None:
    """A step by its UID, held until this transaction ends."""
    same = (_c.owner_group == owner) & (_c.step_uid == step_uid)
    row = conn.execute(sa.select(performed_steps).where(same).with_for_update()).first()
    return _kept(row) if row else None


def get(conn: Connection, step_id: UUID) -> Kept | None:
    """One step."""
    row = conn.execute(sa.select(performed_steps).where(_c.id == step_id)).first()
    return _kept(row) if row else None


def of_exam(
    conn: Connection, owner: GroupId, site: SiteId, accessions: Sequence[str],
    study_uids: Sequence[str],
) -> list[Kept]:  # fmt: skip
    """Steps that name one of these studies, or one of the site's accession numbers."""
    numbers = sa.cast(list(accessions), sa.ARRAY(sa.Text))
    query = sa.select(performed_steps).where(
        _c.owner_group == owner,
        sa.or_(
            _c.study_uid.in_(study_uids),
            sa.and_(_c.site_id == site, _c.accessions.overlap(numbers)),
        ),
    )
    rows = conn.execute(query.order_by(_c.begun_at).limit(MOST))
    return [_kept(row) for row in rows]


def _values(step: Step) -> dict[str, Any]:
    return asdict(step) | {"accessions": list(step.accessions), "said": dict(step.said)}


def _kept(r: Any) -> Kept:
    step = Step(
        r.step_uid, r.state, r.begun_at, r.modality, r.station, r.description, r.study_uid,
        tuple(r.accessions), r.ended_at, r.reason, r.images, r.said,
    )  # fmt: skip
    return Kept(
        r.id, GroupId(r.owner_group), SiteId(r.site_id), PeerId(r.peer_id), step, r.changed_at
    )
