"""Open a study wherever it lies: note the use, warm it, or fetch it from the site's PACS again."""

import threading
from datetime import datetime, timedelta

from sqlalchemy import Connection

from confrere.archives import service as archives
from confrere.archives.model import FETCH_TASK, Candidate
from confrere.database.engine import transaction
from confrere.imaging import keeping as imaging
from confrere.imaging.kept import AWAY, COLD, MAIN, Kept
from confrere.jobs import events
from confrere.keeping.model import WARM_TASK
from confrere.kernel.errors import Conflict, Unavailable
from confrere.kernel.ids import StudyId
from confrere.wiring.house import House

NOTED_AGAIN = timedelta(hours=1)
REMEMBERED = 10_000
WHY = "opened here, and no longer in the cache"
BEING_FETCHED = (
    "these images are no longer kept here: they are being fetched from the site's PACS; try "
    "again in a minute"
)
NOBODY_TO_ASK = (
    "these images are no longer kept here, and no archive is registered to fetch them from: "
    "ask an IT engineer of the group that owns them"
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
            if place == AWAY and imaging.come_back(conn, found, self._house.blobs.has, now):
                place = MAIN  # it was sent again, by whomever
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


def fetch_again(conn: Connection, study: Kept, now: datetime) -> bool:
    """Ask for a study's images once more; False where nobody can be asked."""
    if study.patient is None:
        return False
    if archives.ask_again(conn, study.owner_group, study.study_uid, now):
        return True
    archive = next(
        (one for one in archives.listed(conn, [study.owner_group]) if one.site == study.site and one.enabled),
        None,
    )  # fmt: skip
    if archive is None:
        return False
    wanted = Candidate(study.study_uid, study.study_date, "\\".join(study.modalities), "")
    archives.ask(conn, archive, study.patient, None, wanted, WHY, now, now, again=True)
    events.defer(conn, FETCH_TASK, once=FETCH_TASK, queue=events.LONG)
    return True


def by_hand(conn: Connection, study_id: StudyId, now: datetime) -> None:
    """Fetch a study again because a person asks; Conflict when it is here or cannot be."""
    found = imaging.one(conn, study_id)
    if found.place != AWAY:
        raise Conflict("its images are here; reload the page")
    if not fetch_again(conn, found, now):
        raise Conflict(NOBODY_TO_ASK)
