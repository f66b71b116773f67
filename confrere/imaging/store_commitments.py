"""SQL of storage commitment, in and out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.imaging.commitments import Commitment, Held
from confrere.imaging.tables import commitments, instances, studies
from confrere.kernel.ids import GroupId, PeerId, SiteId

_c = commitments.c
AT_ONCE = 5000  # UIDs in one query


def add(
    conn: Connection, owner: GroupId, peer: PeerId, transaction_uid: str,
    references: Sequence[tuple[str, str]], at: datetime,
) -> None:  # fmt: skip
    """Add a request unless this transaction of the peer is kept already."""
    made = insert(commitments).values(
        owner_group=owner, peer_id=peer, transaction_uid=transaction_uid,
        asked=[list(one) for one in references], asked_at=at,
    )  # fmt: skip
    conn.execute(made.on_conflict_do_nothing())


def of_transaction(
    conn: Connection, owner: GroupId, peer: PeerId, transaction_uid: str
) -> Commitment | None:
    """A peer's request by its transaction UID."""
    same = (_c.owner_group == owner) & (_c.peer_id == peer)
    return _one(conn, same & (_c.transaction_uid == transaction_uid))


def get(conn: Connection, commitment: UUID) -> Commitment | None:
    """One request."""
    return _one(conn, _c.id == commitment)


def change(conn: Connection, commitment: UUID, values: dict[str, Any]) -> None:
    """Change a request."""
    conn.execute(sa.update(commitments).where(_c.id == commitment).values(**values))


def untold(conn: Connection, before: datetime) -> list[UUID]:
    """Requests that nobody was told about since."""
    query = sa.select(_c.id).where(_c.told == "", _c.asked_at < before).limit(100)
    return list(conn.execute(query).scalars())


def held(conn: Connection, owner: GroupId, uids: Sequence[str]) -> dict[str, Held]:
    """What a group has stored under these SOP instance UIDs."""
    found: dict[str, Held] = {}
    for begin in range(0, len(uids), AT_ONCE):
        query = (
            sa.select(
                instances.c.sop_uid,
                instances.c.sop_class,
                instances.c.digest,
                studies.c.site_id,
            )
            .join(studies, studies.c.id == instances.c.study_id)
            .where(
                instances.c.owner_group == owner,
                instances.c.hidden == "",  # what was rejected may go
                instances.c.sop_uid
                == sa.any_(sa.literal(list(uids[begin : begin + AT_ONCE]), sa.ARRAY(sa.Text))),
            )
        )
        for row in conn.execute(query):
            site = SiteId(row.site_id) if row.site_id else None
            found[row.sop_uid] = Held(row.sop_class, bytes(row.digest), site)
    return found


def _one(conn: Connection, which: sa.ColumnElement[bool]) -> Commitment | None:
    r = conn.execute(sa.select(commitments).where(which)).first()
    if r is None:
        return None
    references = tuple((str(a), str(b)) for a, b in r.asked)
    return Commitment(
        r.id, GroupId(r.owner_group), PeerId(r.peer_id), r.transaction_uid, references,
        r.asked_at, r.refused, r.judged_at, r.told,
    )  # fmt: skip
