"""The integrity scrub: damage is found, shown to whom it concerns, and mended from a replica."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from confrere.audit import service as audit
from confrere.audit.model import Agent, Event
from confrere.database.engine import transaction
from confrere.files import scrub
from confrere.files.paths import DAMAGED
from confrere.files.places import Place
from confrere.imaging import asides
from confrere.imaging.model import Aside, Instance
from confrere.keeping import service as keeping
from confrere.keeping.state import PlaceState
from confrere.kernel.errors import Unavailable
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
    """Go on where the last run stopped, for so long; first try again to mend what is damaged.

    Each place of the store has its share of the time. Where one can't be reached, the next
    run goes on from there.
    """
    places = house.blobs.places
    done = [_scrub(house, name, one, seconds / len(places)) for name, one in places.items()]
    return Scrubbed(
        sum(one.read for one in done), sum(one.damaged for one in done),
        sum(one.mended for one in done), all(one.whole_round for one in done),
    )  # fmt: skip


def _scrub(house: House, name: str, place: Place, seconds: float) -> Scrubbed:
    with transaction(house.system, frozenset()) as conn:
        state = keeping.state(conn, name)
    try:
        done, last = _read_on(house, place, state, seconds)
        damaged = len(scrub.damaged(place))
    except Unavailable as error:
        log.warning("a place of the image store can't be reached; scrubbed later")
        with transaction(house.system, frozenset()) as conn:
            keeping.note_state(conn, name, trouble=str(error), looked_at=house.now())
        return Scrubbed(0, 0, 0, whole_round=False)
    _note_round(house, state, done, last, damaged)
    return done


def _read_on(
    house: House, place: Place, state: PlaceState, seconds: float
) -> tuple[Scrubbed, str]:
    until, rate = time.monotonic() + seconds, house.settings.scrub_megabytes * MEGABYTE
    mended = sum(_mend(house, place, digest) for digest in scrub.damaged(place))
    read = found = 0
    last, whole_round = state.scrub_after, True
    for blob in place.listed(state.scrub_after):
        if time.monotonic() > until:
            whole_round = False
            break
        last, read = blob.digest.hex(), read + 1
        if not scrub.is_whole(place, blob.digest, rate, time.sleep):
            found += 1
            place.shelve(DAMAGED, blob.digest)
            log.error("a stored object is damaged and is no longer served")
            mended += _mend(house, place, blob.digest) or _show(house, blob.digest)
    return Scrubbed(read, found, mended, whole_round), last


def _note_round(
    house: House, state: PlaceState, done: Scrubbed, last: str, damaged: int
) -> None:
    """Count on within a round; a new one begins at zero."""
    begins = not state.scrub_after
    now = house.now()
    with transaction(house.system, frozenset()) as conn:
        keeping.note_state(
            conn, state.name, scrub_after="" if done.whole_round else last, damaged=damaged,
            scrub_read=done.read + (0 if begins else state.scrub_read),
            scrub_found=done.damaged + (0 if begins else state.scrub_found),
            scrub_began_at=now if begins else state.scrub_began_at,
            **({"scrub_ended_at": now} if done.whole_round else {}),
        )  # fmt: skip


def _mend(house: House, place: Place, digest: bytes) -> bool:
    """Mend one from the replica, with an audit event for each owner."""
    replica = house.settings.replica_url
    if not replica:
        return False
    folder = Path(replica.removeprefix("file://"))
    if not scrub.mend(place, folder, digest):
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
