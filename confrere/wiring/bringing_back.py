"""Open a study wherever it lies: note the use, warm it, or fetch it from the site's PACS again."""

import threading
from datetime import datetime, timedelta
from functools import lru_cache

from confrere.archives import service as archives
from confrere.archives.again import NOBODY_TO_ASK, fetch_again
from confrere.database.engine import transaction
from confrere.imaging import keeping as imaging
from confrere.imaging.kept import AWAY, COLD, MAIN
from confrere.jobs import events
from confrere.keeping.model import WARM_TASK
from confrere.kernel.errors import Unavailable
from confrere.kernel.ids import StudyId
from confrere.wiring.house import House

NOTED_AGAIN = timedelta(hours=1)
REMEMBERED = 10_000
BEING_FETCHED = (
    "these images are no longer kept here: they are being fetched from the site's PACS; try "
    "again in a minute"
)


class Uses:
    """Notes once an hour that a study is used. Safe to share among threads."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._noted: dict[StudyId, datetime] = {}
        self._lock = threading.Lock()

    def note(self, study: StudyId) -> None:
        """Note it; raises Unavailable when its images are not here, and has them fetched."""
        now = self._house.now()
        with self._lock:
            last = self._noted.get(study)
            if last is not None and now - last < NOTED_AGAIN:
                return
        with transaction(self._house.system, frozenset()) as conn:
            found = imaging.one(conn, study)
            place = imaging.note_use(conn, study, found.owner_group, now)
            if place == AWAY and imaging.come_back(conn, found, self._house.blobs.secure, now):
                place = MAIN  # it was sent again, by whomever, or had not gone yet
                archives.note_back(conn, found.owner_group, found.study_uid, now)
            if place == AWAY:
                asked = fetch_again(conn, found, now)
            elif place == COLD:
                events.defer(
                    conn, WARM_TASK, once=f"{WARM_TASK}:{study}", queue=events.LONG,
                    study_id=study,
                )  # fmt: skip
        if place == AWAY:
            raise Unavailable(BEING_FETCHED if asked else NOBODY_TO_ASK)
        with self._lock:
            if len(self._noted) >= REMEMBERED:
                self._noted.clear()
            self._noted[study] = now


@lru_cache(maxsize=4)
def uses(house: House) -> Uses:
    """The house's own: every door of a process remembers together."""
    return Uses(house)
