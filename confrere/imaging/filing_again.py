"""What lies beside an instance in the spool, so that it can be filed again after a crash."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.exc import DataError, IntegrityError

from confrere.imaging.head import read_head
from confrere.imaging.model import Arrival, Filed
from confrere.kernel.errors import Unavailable
from confrere.kernel.ids import GroupId, SiteId

log = logging.getLogger(__name__)

File = Callable[[Sequence[Arrival]], Sequence[Filed | Exception]]


def note_of(one: Arrival) -> bytes:
    """Write down what filing needs and the bytes do not hold."""
    return json.dumps([
        str(one.owner_group), str(one.site_id or ""), one.sop_class, one.transfer_syntax,
        one.calling_aet, one.received_at.isoformat(), one.issuer, str(one.zone or ""),
        one.synthetic, one.door,
    ]).encode()  # fmt: skip


def arrival_of(digest: bytes, content: bytes, note: bytes) -> Arrival:
    """Make the arrival again; raises ValueError or Invalid for what was never one."""
    owner, site, sop_class, syntax, aet, at, issuer, zone, synthetic, door = json.loads(note)
    return Arrival(
        GroupId(UUID(owner)), SiteId(UUID(site)) if site else None,
        read_head(content, syntax, complete=True), sop_class, syntax, digest, len(content),
        aet, datetime.fromisoformat(at), issuer, ZoneInfo(zone) if zone else None, synthetic,
        door,
    )  # fmt: skip


def file_again(file: File, left: list[tuple[bytes, bytes, bytes]]) -> None:
    """File what a crash left: (digest, content, note) each; what is filed already stays so.

    Raises Unavailable when the database is not there: try again later.
    """
    arrivals = []
    for digest, content, note in left:
        try:
            arrivals.append(arrival_of(digest, content, note))
        except Exception:
            log.exception("a note in the spool cannot be read")
    for one, answer in zip(arrivals, file(arrivals), strict=True):
        if isinstance(answer, DataError | IntegrityError):
            log.error("a blob in the spool cannot be filed: %s", one.digest.hex())
        elif isinstance(answer, Exception):
            raise Unavailable("what a crash left in the spool cannot be filed yet") from answer


def with_digest(one: Arrival, digest: bytes) -> Arrival:
    """Complete an arrival once its bytes are kept."""
    return replace(one, digest=digest)
