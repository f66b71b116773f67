"""Which identities are one person: what is connected by links. Pure.

A person is nothing but the links at hand, so taking a link back gives exactly what was before,
and the order in which links came does not matter.
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

from confrere.kernel.ids import PatientId
from confrere.patients.pairs import Pair


def persons(
    ids: Iterable[PatientId], links: Iterable[tuple[PatientId, PatientId]]
) -> Mapping[PatientId, UUID | None]:
    """Name each identity's person by the least id in it; None for who is linked to nobody."""
    root = {one: one for one in ids}

    def top(one: PatientId) -> PatientId:
        while root[one] != one:
            root[one] = root[root[one]]
            one = root[one]
        return one

    for a, b in links:
        low, high = sorted((top(a), top(b)))
        root[high] = low
    named = {one: top(one) for one in root}
    sizes: dict[PatientId, int] = {}
    for head in named.values():
        sizes[head] = sizes.get(head, 0) + 1
    return {one: head if sizes[head] > 1 else None for one, head in named.items()}


def successors(pairs: Iterable[Pair]) -> Mapping[PatientId, PatientId]:
    """Name for each identity that was merged away the one that took its place.

    Of several the newest merge counts, and of the same instant the one with the least id.
    """
    newest: dict[PatientId, tuple[float, int, PatientId]] = {}
    for pair in pairs:
        if pair.survivor is None or pair.said_at is None:
            continue
        gone = pair.other if pair.survivor == pair.one else pair.one
        rank = (pair.said_at.timestamp(), -pair.survivor.int, pair.survivor)
        newest[gone] = max(newest.get(gone, rank), rank)
    return {gone: rank[2] for gone, rank in newest.items()}
