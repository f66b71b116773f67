"""What could not be filed: kept with its bytes, shown, settled in words or filed again."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from confrere.files.folder import BlobStore
from confrere.imaging import filing, store_asides
from confrere.imaging.examining import examine
from confrere.imaging.model import Aside, Filed, Instance, Outcome
from confrere.imaging.service import file_instances
from confrere.jobs import events
from confrere.kernel.errors import Conflict
from confrere.kernel.ids import GroupId

REPLAY_TASK = "imaging.replay"


def keep(conn: Connection, aside: Aside) -> None:
    """Keep bytes that can't be filed where people see them; the same again changes nothing."""
    store_asides.keep_asides(conn, [aside])


def listed(
    conn: Connection, groups: frozenset[GroupId], *, resolved: bool = False, limit: int = 500
) -> list[Aside]:
    """List what is kept aside for `groups`, newest first; `resolved` adds what is settled."""
    return store_asides.listed(conn, groups, resolved=resolved, limit=limit)


def settle(conn: Connection, aside_id: UUID, resolution: str, by: str, now: datetime) -> None:
    """Settle one, saying how and by whom; raises Conflict when it is settled already."""
    if not store_asides.resolve(conn, aside_id, f"{resolution} ({by})", now):
        raise Conflict("this was settled already or is gone; reload the list")


def try_again(conn: Connection, aside_id: UUID, by: str) -> None:
    """Queue a replay of one that is not settled; raises NotFound, or Conflict when it is."""
    if store_asides.one(conn, aside_id).resolved_at is not None:
        raise Conflict("this was settled already; reload the list")
    events.defer(conn, REPLAY_TASK, once=f"{REPLAY_TASK}:{aside_id}", aside_id=aside_id, by=by)


def holders(conn: Connection, digest: bytes) -> list[Instance]:
    """Return the instances of all owners whose bytes these are."""
    return store_asides.holders(conn, digest)


def settle_damage(conn: Connection, digest: bytes, resolution: str, now: datetime) -> None:
    """Settle what says that these bytes are damaged: they are mended."""
    store_asides.settle_damage(conn, digest, resolution, now)


def replay(conn: Connection, blobs: BlobStore, aside_id: UUID, by: str, now: datetime) -> Filed:
    """File kept bytes again, as after a rule was mended; settles them unless they conflict.

    Raises Invalid when they still can't be filed, Conflict when they are settled already.
    """
    aside = store_asides.one(conn, aside_id)
    if aside.resolved_at is not None:
        raise Conflict("this was settled already; reload the list")
    head = examine(blobs, aside.digest, aside.transfer_syntax)
    (filed,) = file_instances(conn, [filing.arrival_of(aside, head, now)])
    if filed.outcome is not Outcome.CONFLICT:
        store_asides.resolve(conn, aside_id, f"filed again ({by})", now)
    return filed
