"""The integrity scrub: damage is found, shown to whom it concerns, and mended from a replica."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from confrere.audit import service as audit
from confrere.audit.model import Agent, Event
from confrere.database.engine import transaction
from confrere.files import scrub
from confrere.files.paths import path_of
from confrere.imaging import asides
from confrere.imaging.model import Aside, Instance
from confrere.wiring.house import House

log = logging.getLogger(__name__)

AGENT = Agent(None, "integrity scrub", None)
REASON = "the stored bytes changed on the disk; they are not served"
REMEDY = "restore this object from a replica or have its sender send it again"
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """What one run did."""

    read: int
    damaged: int
    mended: int
    whole_round: bool  # it came to the end; the next run begins anew


def run(house: House, seconds: float) -> Scrubbed:
    """Go on where the last run stopped, for so long; first try again to mend what is damaged."""
    root, until = house.blobs.root, time.monotonic() + seconds
    mended = sum(_mend(house, digest) for digest in scrub.damaged(root))
    read = found = 0
    last, whole_round = "", True
    for digest in _from_place(root):
        if time.monotonic() > until:
            whole_round = False
            break
        rate = house.settings.scrub_megabytes * MEGABYTE
        last, read = digest.hex(), read + 1
        if not scrub.is_whole(path_of(root, digest), digest, rate, time.sleep):
            found += 1
            scrub.set_aside(root, digest)
            log.error("a stored object is damaged and is no longer served")
            mended += _mend(house, digest) or _show(house, digest)
    _place(root).write_text("" if whole_round else last)
    return Scrubbed(read, found, mended, whole_round)


def _place(root: Path) -> Path:
    return root / "scrub.place"


def _from_place(root: Path) -> Iterator[bytes]:
    place = _place(root)
    return scrub.digests(root, place.read_text() if place.exists() else "")


def _mend(house: House, digest: bytes) -> bool:
    """Mend one from the replica, with an audit event for each owner."""
    replica = house.settings.replica_url
    if not replica:
        return False
    folder = Path(replica.removeprefix("file://"))
    if not scrub.mend(house.blobs.root, folder, digest):
        return False
    with transaction(house.system, frozenset()) as conn:
        for one in asides.holders(conn, digest):
            _note(house, conn, one, "success", "mended from the replica")
        asides.settle_damage(conn, digest, "mended from the replica", house.now())
    return True


def _show(house: House, digest: bytes) -> bool:
    """Put it among the exceptions of each owner; False, for nothing is mended."""
    with transaction(house.system, frozenset()) as conn:
        for one in asides.holders(conn, digest):
            asides.keep(conn, Aside(
                one.owner_group, "damaged", REASON, digest, one.size, house.now(),
                door="scrub", remedy=REMEDY, sop_uid=one.sop_uid,
                transfer_syntax=one.transfer_syntax,
            ))  # fmt: skip
            _note(house, conn, one, "failure", "damaged; not served")
    return False


def _note(house: House, conn: Connection, one: Instance, outcome: str, what: str) -> None:
    audit.note(conn, house.audit_key, Event(
        one.owner_group, house.now(), "E", "integrity", "scrub", AGENT, outcome,
        study_id=one.study_id, object_id=one.id, detail={"what": what},
    ))  # fmt: skip
