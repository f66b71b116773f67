"""Move studies between the main place and the cold one, by their site's rule."""

import logging
import time
from datetime import timedelta

from confrere.database.engine import transaction
from confrere.files.places import Place
from confrere.imaging import keeping as imaging
from confrere.imaging.kept import COLD, MAIN, Kept
from confrere.keeping import service as keeping
from confrere.keeping.model import TierRule
from confrere.kernel.errors import Unavailable
from confrere.kernel.ids import StudyId
from confrere.wiring.house import House

log = logging.getLogger(__name__)

MOST = 200  # studies of a site in one run
SECONDS = 60.0  # of one run: others wait for the same worker


def cool(house: House, seconds: float = SECONDS) -> int:
    """Move to the cold place what each site's rule says, for so long; return how many studies."""
    if house.blobs.cold is None:
        return 0
    with transaction(house.system, frozenset()) as conn:
        rules = keeping.tiers(conn)
    until, moved = time.monotonic() + seconds, 0
    for rule in rules.values():
        for one in _cool_by(house, rule, MOST):
            if time.monotonic() > until:
                return moved
            moved += _move(house, one, COLD)
    return moved


def _cool_by(house: House, rule: TierRule, most: int) -> list[Kept]:
    """A rule may name both: then a study goes by either."""
    now, found = house.now(), dict[StudyId, Kept]()
    with transaction(house.system, frozenset()) as conn:
        if rule.unused_days is not None:
            before = now - timedelta(days=rule.unused_days)
            ones = imaging.unused(conn, rule.site, before, most, cold_too=False)
            found |= {one.study: one for one in ones}
        if rule.age_days is not None:
            age = timedelta(days=rule.age_days)
            # what was fetched from the cold a moment ago stays until it is unused again
            recent = timedelta(days=min(rule.unused_days or 1, 30))
            ones = imaging.older(conn, rule.site, age, recent, now, most)
            found |= {one.study: one for one in ones}
    return list(found.values())


def warm(house: House, study: StudyId) -> bool:
    """Bring a study back from the cold place, where its site's rule says so."""
    with transaction(house.system, frozenset()) as conn:
        found = imaging.one(conn, study)
        rule = keeping.tiers(conn).get(found.site) if found.site else None
    if found.place != COLD or (rule is not None and not rule.warm):
        return False
    return _move(house, found, MAIN)


def _move(house: House, study: Kept, to: str) -> bool:
    """Copy, then say so, then remove: at every moment reading finds each image."""
    cold, main = house.blobs.cold, house.blobs.main
    if cold is None:
        return False
    source, target = (main, cold) if to == COLD else (cold, main)
    with transaction(house.system, frozenset()) as conn:
        images = imaging.stored(conn, study.study)
    try:
        moved = [one.digest for one in images if _copy(source, target, one.digest)]
    except Unavailable:
        log.warning("a study could not be moved between the places of the store; tried again")
        return False
    if any(target.size_of(one.digest) is None for one in images):
        return False  # some are still in a spool, or damaged: the next run looks again
    with transaction(house.system, frozenset()) as conn:
        why = "by the site's rule" if to == COLD else "looked at"
        imaging.put(conn, study, to, why, house.now())
    for digest in moved:
        source.remove(digest)
    return True


def _copy(source: Place, target: Place, digest: bytes) -> bool:
    stream, size = source.stream(digest), source.size_of(digest)
    if stream is None or size is None:
        return False
    with stream:
        target.keep(digest, stream, size)
    return True
