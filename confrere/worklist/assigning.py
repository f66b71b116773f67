"""An emergency that nobody may lawfully be offered: the owner group's chief assigns it.

The reason is attested by name and kept with the proof of what stood in the way. What no
attestation overrides: a reader who is no member, or is on an exclusion list.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.jobs import events
from confrere.kernel.errors import Conflict, Invalid, Refused
from confrere.kernel.ids import GroupId
from confrere.network import service as network
from confrere.network.model import Reader
from confrere.orders.priorities import AT_ONCE
from confrere.worklist import store
from confrere.worklist.case import case_in
from confrere.worklist.eligibility import agreement_used, eligibility, is_eligible
from confrere.worklist.elsewhere import why_closed
from confrere.worklist.model import (
    ASSIGNED,
    ATTESTED,
    NOBODY,
    OFF_DUTY,
    READ,
    Item,
    ItemOffered,
    Proof,
    State,
    Verdict,
    shared_objects,
)
from confrere.worklist.offering import end_other_shares
from confrere.worklist.tables import items

SHORTEST_REASON = 15
NEVER_OVERRIDDEN = frozenset({"ACTIVE", "SANCTION", "CONFLICT"})


@dataclass(frozen=True, slots=True)
class Attestation:
    """Who answers for an assignment, of which group, and why."""

    by: str
    group: GroupId | None
    reason: str


def assign_attested(
    conn: Connection, item: Item, reader: Reader, attested: Attestation, now: datetime
) -> Item:
    """Give an urgent exam to a reader whom rules stand in the way of.

    Raises Refused where it is not an emergency of the attester's own group, where somebody on
    duty may read it, or where a rule says no that nobody can override; Invalid without a
    reason; Conflict when somebody holds it.
    """
    if attested.group != item.owner_group:
        raise Refused("only the group that owns the exam may assign it by attestation")
    if item.priority not in AT_ONCE or item.kind != READ:
        raise Refused("only a stroke, STAT or ED exam may be assigned by attestation")
    if len(attested.reason.strip()) < SHORTEST_REASON:
        raise Invalid(f"give the reason in at least {SHORTEST_REASON} characters", "reason")
    directory = network.directory(conn, now)
    if closed := why_closed(item, directory.sites[item.site]):
        raise Conflict(closed)
    able = [
        one.name
        for one in directory.readers.values()
        if one.on_duty(now) and is_eligible(eligibility(case_in(directory, item, one, now)))
    ]
    if able:
        raise Refused(
            f"{len(able)} on duty may read this exam: it is theirs, see why nobody has"
        )
    case = case_in(directory, item, reader, now)
    judged = eligibility(case)
    _refuse_what_nobody_overrides(judged)
    done = _offer(conn, item, reader, attested, now)
    store.add_proofs(conn, [Proof(
        item.id, reader.id, reader.group, "assign", is_eligible(judged), agreement_used(case),
        judged, now, directory.version, attested.by, attested.reason.strip(),
    )])  # fmt: skip
    end_other_shares(conn, item, reader.group, now)
    if reader.group != item.owner_group:
        network.share(conn, item.owner_group, reader.group, shared_objects(item), "offer", now)
    events.publish(conn, ItemOffered(item.owner_group, item.id, reader.group, now))
    return done


def _refuse_what_nobody_overrides(judged: tuple[Verdict, ...]) -> None:
    for one in judged:
        if one.rule in NEVER_OVERRIDDEN and not one.holds:
            raise Refused(f"no attestation overrides {one.rule}: {one.because}")


def _offer(
    conn: Connection, item: Item, reader: Reader, attested: Attestation, now: datetime
) -> Item:
    flags = [one for one in item.flags if one not in (NOBODY, OFF_DUTY, ATTESTED, ASSIGNED)]
    done = store.change(
        conn,
        item.id,
        {
            "state": State.OFFERED, "offered_to": reader.id, "offered_group": reader.group,
            "offered_at": now, "offer_reason": f"assigned by {attested.by}, attested",
            "flags": [*flags, ATTESTED], "updated_at": now,
        },
        items.c.finished_at.is_(None),
        sa.or_(items.c.held_by.is_(None), items.c.lease_until <= now),
    )  # fmt: skip
    if done is None:
        raise Conflict("somebody has this exam, or it is reported: reload the page")
    return done
