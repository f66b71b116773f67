"""The order of a reader's list: the policy's urgency, exam by exam. Pure.

The dispatcher compares the first exams of queues (`ordering`); a list shows every exam, with
the same formula. What agreements and holds keep back is the dispatcher's to say.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from confrere.kernel.ids import ItemId
from confrere.network.model import Directory, Reader
from confrere.worklist.model import Item
from confrere.worklist.policy import OWN_ABLE, Policy, ring_of, urgency
from confrere.worklist.pooling import wishes_of
from confrere.worklist.queues import NEVER
from confrere.worklist.reach import MINUTE

NO_CLOCK = -1.0  # an exam whose clock has not started comes after all others


def precedence(
    work: Sequence[Item], reader: Reader | None, directory: Directory, now: datetime,
    policy: Policy | None = None,
) -> Mapping[ItemId, float]:  # fmt: skip
    """Weigh each exam for a reader, or for nobody in particular; the highest is read first.

    Terms as in `ordering.Ordering.terms`: STAT first, then what waiting costs; a group's own
    wish for the subspecialty; the partners' after the own. Under the overload guard the quick
    go before the long. How many others there are to share acute work with (reserve, scarcity)
    is the dispatcher's to know.
    """
    policy = policy or Policy()
    clocked = [one for one in work if one.due_at is not None]
    levels = [policy.levels[policy.level(one.priority)] for one in clocked]
    rings = np.array([_ring(one, reader) for one in clocked], np.int32)
    slower = np.array([one.advanced for one in clocked], bool) & (rings >= OWN_ABLE)
    minutes = np.array([one.reading_time / MINUTE for one in clocked])
    needs = minutes * np.where(slower, policy.mismatch_slower, 1.0) + policy.overhead
    left = np.array([(one.due_at - now) / MINUTE for one in clocked if one.due_at])
    limit = np.array([
        float((directory.sites[one.site].targets or {}).get(level.name, level.limit))
        for one, level in zip(clocked, levels, strict=True)
    ])  # fmt: skip
    spare = (left - needs) / limit
    cost = np.array([level.cost for level in levels])
    weight = urgency(policy, cost, np.array([level.floor for level in levels]), spare)
    if int(np.count_nonzero(spare < 0)) >= policy.guard_late:
        weight = weight / needs**policy.guard_power
    weight += np.array([level.first for level in levels])
    weight += [
        _wish(one, int(ring), float(share), directory, policy)
        for one, ring, share in zip(clocked, rings, left / limit, strict=True)
    ]
    found = {one.id: float(w) for one, w in zip(clocked, weight, strict=True)}
    return {one.id: found.get(one.id, NO_CLOCK) for one in work}


def _ring(item: Item, reader: Reader | None) -> int:
    if reader is None:
        return 0
    return ring_of(
        own=reader.group == item.owner_group,
        matched=item.subspecialty in reader.certificates, advanced=item.advanced,
    )  # fmt: skip


def _wish(item: Item, ring: int, share: float, directory: Directory, policy: Policy) -> float:
    """What the owner group asks, and what a match is worth as the end of its hold comes."""
    wishes = wishes_of(directory.routing_of(item.owner_group))
    match = wishes.match if item.advanced else 0.0
    hold, _ = policy.held_until(wishes, policy.level(item.priority))
    if item.advanced and hold < NEVER:
        match += policy.match_worth * math.exp(-max(share - hold, 0.0) / policy.decay)
    match = -wishes.mismatch * item.advanced if ring >= OWN_ABLE else match
    return match - wishes.cross * (ring & 1)
