"""SQL of pairs of identities, their history, and the weights they were scored with."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.kernel.ids import GroupId, PatientId
from confrere.patients.matching import Weighed
from confrere.patients.model import Patient
from confrere.patients.pairs import Pair, State
from confrere.patients.tables import match_weights, pair_changes, patient_pairs

_LOCK = 4_202_224  # one change of persons at a time: links far apart may meet
c = patient_pairs.c


def lock(conn: Connection) -> None:
    """Wait until no other transaction links or parts identities."""
    conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def touching(conn: Connection, ids: Collection[PatientId], *states: State) -> list[Pair]:
    """The pairs in which one of these identities stands."""
    query = sa.select(patient_pairs).where(sa.or_(c.one_id.in_(ids), c.other_id.in_(ids)))
    if states:
        query = query.where(c.state.in_(states))
    return [_pair(row) for row in conn.execute(query.order_by(c.id))]


def listed(
    conn: Connection, group: GroupId, states: Sequence[State], limit: int, *, settled: bool
) -> list[Pair]:
    """A group's pairs in these states: what waits by score, what is settled newest first."""
    query = sa.select(patient_pairs).where(
        sa.or_(c.owner_group == group, c.other_group == group), c.state.in_(states)
    )
    waiting = (c.later_at.asc().nulls_first(), c.score.desc(), c.id)
    order = (c.decided_at.desc(), c.id) if settled else waiting
    return [_pair(row) for row in conn.execute(query.order_by(*order).limit(limit))]


def counts(conn: Connection, group: GroupId) -> dict[State, int]:
    """How many of a group's pairs are in each state."""
    query = (
        sa.select(c.state, sa.func.count())
        .where(sa.or_(c.owner_group == group, c.other_group == group))
        .group_by(c.state)
    )
    return {State(state): number for state, number in conn.execute(query)}


def get(conn: Connection, pair_id: UUID) -> Pair | None:
    """One pair, locked until the transaction ends."""
    query = sa.select(patient_pairs).where(c.id == pair_id).with_for_update()
    row = conn.execute(query).first()
    return _pair(row) if row else None


def between(conn: Connection, a: Patient, b: Patient) -> Pair:
    """The pair of two identities, made where there is none, locked."""
    one, other = sorted((a, b), key=lambda who: who.id)
    made = insert(patient_pairs).values(
        owner_group=one.owner_group, other_group=other.owner_group, one_id=one.id,
        other_id=other.id, state=State.APART, how="scored",
    )  # fmt: skip
    conn.execute(made.on_conflict_do_nothing())
    query = sa.select(patient_pairs).where(
        c.owner_group == one.owner_group, c.one_id == one.id, c.other_id == other.id
    )
    return _pair(conn.execute(query.with_for_update()).one())


def update(conn: Connection, now: Pair, *, by_score: bool = False) -> bool:
    """Write a pair; False when somebody else changed it meanwhile.

    Only matching writes scores; a person's decision leaves them.
    """
    news: dict[str, Any] = {
        "state": now.state, "how": now.how, "survivor": now.survivor, "said_at": now.said_at,
        "yes": sorted(now.yes), "later_at": now.later_at, "decided_by": now.decided_by,
        "decided_at": now.decided_at, "reason": now.reason, "version": now.version + 1,
    }  # fmt: skip
    if by_score:
        news |= {
            "score": now.score, "weights_version": now.weights_version,
            "reasons": list(now.reasons),
            "fields": [[one.field, one.level, round(one.bits, 4)] for one in now.fields],
        }  # fmt: skip
    done = sa.update(patient_pairs).where(c.id == now.id, c.version == now.version)
    return conn.execute(done.values(news).returning(c.id)).first() is not None


def note_change(conn: Connection, before: Pair, after: Pair, what: str, at: datetime) -> None:
    """Keep what became of a pair: `what` is its new state, or what was said of it."""
    conn.execute(
        sa.insert(pair_changes).values(
            owner_group=after.owner_group, other_group=after.other_group, pair_id=after.id,
            before=before.state, after=what, score=after.score, how=after.how,
            by_name=after.decided_by, reason=after.reason, at=at,
            version=before.version,
        )
    )  # fmt: skip


def changes(conn: Connection, pair_id: UUID) -> Sequence[Any]:
    """Everything that became of a pair, oldest first."""
    query = sa.select(pair_changes).where(pair_changes.c.pair_id == pair_id)
    return conn.execute(query.order_by(pair_changes.c.version, pair_changes.c.at)).all()


def weights_in_use(conn: Connection) -> tuple[int, dict[str, Any]] | None:
    """The version of weights last put to use, and its data."""
    w = match_weights.c
    query = sa.select(w.version, w.data).where(w.used_from.is_not(None))
    row = conn.execute(query.order_by(w.used_from.desc()).limit(1)).first()
    return (row.version, row.data) if row else None


def add_weights(
    conn: Connection, data: dict[str, Any], source: str, by: str, at: datetime
) -> int:
    """Keep a set of weights under the next version."""
    following = sa.select(sa.func.coalesce(sa.func.max(match_weights.c.version), 0) + 1)
    version = int(conn.execute(following).scalar_one())
    conn.execute(
        sa.insert(match_weights).values(
            version=version, data=data, source=source, made_by=by, made_at=at
        )
    )
    return version


def use_weights(conn: Connection, version: int, at: datetime) -> bool:
    """Put a version to use; False when there is none. 0, the shipped one, ends all others."""
    if version == 0:
        conn.execute(sa.update(match_weights).values(used_from=None))
        return True
    w = match_weights.c
    done = sa.update(match_weights).where(w.version == version).values(used_from=at)
    return conn.execute(done.returning(w.version)).first() is not None


def all_weights(conn: Connection) -> Sequence[Any]:
    """Every version, newest first."""
    return conn.execute(sa.select(match_weights).order_by(match_weights.c.version.desc())).all()


def _pair(r: Any) -> Pair:
    return Pair(
        r.id, PatientId(r.one_id), PatientId(r.other_id), GroupId(r.owner_group),
        GroupId(r.other_group), State(r.state), r.score,
        tuple(Weighed(*one) for one in r.fields), tuple(r.reasons), r.how, r.weights_version,
        PatientId(r.survivor) if r.survivor else None, r.said_at,
        frozenset(GroupId(one) for one in r.yes), r.later_at, r.decided_by, r.decided_at,
        r.reason, r.version,
    )  # fmt: skip
