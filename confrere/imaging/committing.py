"""Keep requests of storage commitment and judge them by the bytes. Callers own transactions."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from confrere.files.folder import BlobStore
from confrere.imaging import store_commitments as store
from confrere.imaging.commitments import PROCESSING_FAILURE, Commitment, Held, refusal
from confrere.kernel.errors import Conflict, NotFound
from confrere.kernel.ids import GroupId, PeerId, SiteId

_PIECE = 1 << 20


def keep(
    conn: Connection, owner: GroupId, peer: PeerId, transaction_uid: str,
    references: Sequence[tuple[str, str]], now: datetime,
) -> Commitment:  # fmt: skip
    """Keep a request; asked again in the same words it is the same one, to be told again.

    Raises Conflict where the peer's transaction UID stands for other instances.
    """
    store.add(conn, owner, peer, transaction_uid, references, now)
    kept = store.of_transaction(conn, owner, peer, transaction_uid)
    if kept is None:
        raise Conflict("Transaction UID is in use")
    if sorted(kept.references) != sorted(references):
        raise Conflict("Transaction UID is in use for other instances")
    return kept


def get(conn: Connection, commitment: UUID) -> Commitment:
    """One request; NotFound."""
    found = store.get(conn, commitment)
    if found is None:
        raise NotFound("no such request of storage commitment")
    return found


def held(conn: Connection, asked: Commitment) -> dict[str, Held]:
    """What is stored here of what was asked, by SOP instance."""
    return store.held(conn, asked.owner_group, [uid for _, uid in asked.references])


def judge(
    blobs: BlobStore, asked: Commitment, stored: dict[str, Held], commits: frozenset[SiteId],
    of: SiteId | None,
) -> dict[str, int]:  # fmt: skip
    """Read every instance again; return the failure reason of each that we do not commit to.

    Needs no transaction: the bytes take long.
    """
    refused: dict[str, int] = {}
    for sop_class, uid in asked.references:
        found = stored.get(uid)
        reason = refusal(sop_class, found, commits, of)
        if reason is None and found is not None and not is_whole(blobs, found.digest):
            reason = PROCESSING_FAILURE
        if reason is not None:
            refused[uid] = reason
    return refused


def is_whole(blobs: BlobStore, digest: bytes) -> bool:
    """Say whether a blob's bytes, read again just now, still have its digest."""
    found = hashlib.sha256()
    try:
        with blobs.open(digest) as stream:
            while piece := stream.read(_PIECE):
                found.update(piece)
    except (NotFound, OSError):
        return False
    return found.digest() == digest


def mark_judged(
    conn: Connection, commitment: UUID, refused: dict[str, int], now: datetime
) -> None:
    """Keep the judgement with the request."""
    store.change(conn, commitment, {"refused": refused, "judged_at": now})


def mark_told(conn: Connection, commitment: UUID, way: str) -> None:
    """The peer has heard, or its answer lies in the outbox."""
    store.change(conn, commitment, {"told": way})


def untold(conn: Connection, before: datetime) -> list[UUID]:
    """Requests from before an instant whose answer is on no way: a process died with them."""
    return store.untold(conn, before)
