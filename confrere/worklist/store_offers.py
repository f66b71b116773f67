"""SQL of a dispatcher's round: many offers, proofs and decisions in few statements."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.kernel.ids import GroupId, ItemId, ReaderId
from confrere.network.model import Reader
from confrere.worklist.explaining import Decision, sentence
from confrere.worklist.model import Item, Proof, State, Verdict
from confrere.worklist.tables import decisions, proofs


@dataclass(frozen=True, slots=True)
class Row:
    """The new state of an exam that was at `version` when it was looked at."""

    item: ItemId
    version: int
    state: State
    to: ReaderId | None
    group: GroupId | None
    at: datetime
    reason: str
    flags: tuple[str, ...]


def offer(conn: Connection, rows: Sequence[Row]) -> frozenset[ItemId]:
    """Change exams that nobody took or changed meanwhile; which ones.

    One statement: of two who want an exam at once the database lets one win.
    """
    if not rows:
        return frozenset()
    told = [
        {
            "id": str(r.item), "version": r.version, "state": r.state.value,
            "to": str(r.to) if r.to else None, "grp": str(r.group) if r.group else None,
            "at": r.at.isoformat(), "reason": r.reason, "flags": r.flags,
        }
        for r in rows
    ]  # fmt: skip
    done = conn.execute(
        sa.text(
            """
            update items i set
                state = r.state, offered_to = r."to", offered_group = r.grp,
                offered_at = case when r."to" is null then null else r.at end,
                offer_reason = r.reason, updated_at = r.at, version = i.version + 1,
                flags = array(select jsonb_array_elements_text(r.flags))
            from jsonb_to_recordset(cast(:rows as jsonb)) as r (
                id uuid, version bigint, state text, "to" uuid, grp uuid, at timestamptz,
                reason text, flags jsonb)
            where i.id = r.id and i.version = r.version
                and i.held_by is null and i.finished_at is null
            returning i.id
            """
        ),
        {"rows": json.dumps(told)},
    )
    return frozenset(ItemId(one) for one in done.scalars())


def add_proofs(conn: Connection, made: Sequence[tuple[GroupId, Proof]]) -> None:
    """Keep proofs, each with the group that owns its exam."""
    rows = [
        {
            "owner_group": owner, "item_id": p.item, "reader_id": p.reader,
            "reader_group": p.reader_group, "act": p.act, "eligible": p.eligible,
            "agreement_id": p.agreement, "verdicts": [_plain(v) for v in p.verdicts],
            "at": p.at, "facts_version": p.facts_version, "attested_by": p.attested_by,
            "attestation": p.attestation,
        }
        for owner, p in made
    ]  # fmt: skip
    if rows:
        conn.execute(sa.insert(proofs), rows)


def _plain(v: Verdict) -> dict[str, Any]:
    # as dataclasses.asdict, which takes ten times as long
    return {
        "rule": v.rule, "outcome": v.outcome, "because": v.because, "remedy": v.remedy,
        "cites": v.cites, "billing_hold": v.billing_hold,
    }  # fmt: skip


def add_decisions(
    conn: Connection, made: Sequence[tuple[Item, Reader, Decision]], at: datetime
) -> None:
    """Keep what offers rested on."""
    rows = [
        {
            "owner_group": item.owner_group, "item_id": item.id, "reader_id": reader.id,
            "reader_group": reader.group, "ring": one.ring, "policy": one.policy,
            "said": asdict(one) | {
                "study": str(item.id), "reader": str(reader.id),
                "runner_up": str(one.runner_up) if one.runner_up else None,
                "agreement": str(one.agreement) if one.agreement else None,
            },
            "sentence": sentence(one), "at": at,
        }
        for item, reader, one in made
    ]  # fmt: skip
    if rows:
        conn.execute(sa.insert(decisions), rows)
