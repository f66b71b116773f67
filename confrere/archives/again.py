"""Fetch a study again that left the cache: from where it came, or from its site's PACS."""

from datetime import datetime

from sqlalchemy import Connection

from confrere.archives import service as archives
from confrere.archives.model import FETCH_TASK, Archive, Candidate
from confrere.imaging import keeping
from confrere.imaging.kept import AWAY, Kept
from confrere.jobs import events
from confrere.kernel.errors import Conflict
from confrere.kernel.ids import GroupId, SiteId, StudyId

WHY = "opened here, and no longer in the cache"
NOBODY_TO_ASK = (
    "these images are no longer kept here, and no archive is registered to fetch them from: "
    "ask an IT engineer of the group that owns them"
)


def archive_of(conn: Connection, owner: GroupId, site: SiteId | None) -> Archive | None:
    """The registered way to fetch a site's images from its PACS again."""
    if site is None:
        return None
    found = archives.listed(conn, [owner])
    return next((one for one in found if one.site == site and one.enabled), None)


def fetch_again(conn: Connection, study: Kept, now: datetime) -> bool:
    """Ask for a study's images once more; False where nobody can be asked."""
    archive = archive_of(conn, study.owner_group, study.site)
    if study.patient is None or archive is None:
        return False
    if archives.ask_again(conn, study.owner_group, study.study_uid, now):
        return True
    wanted = Candidate(study.study_uid, study.study_date, " ".join(study.modalities), "")
    archives.ask(conn, archive, study.patient, None, wanted, WHY, now, now, again=True)
    events.defer(conn, FETCH_TASK, once=FETCH_TASK, queue=events.LONG)
    return True


def by_hand(conn: Connection, study_id: StudyId, now: datetime) -> Kept:
    """Fetch a study again because a person asks; Conflict when it is here or cannot be."""
    found = keeping.one(conn, study_id)
    if found.place != AWAY:
        raise Conflict("its images are here; reload the page")
    if not fetch_again(conn, found, now):
        raise Conflict(NOBODY_TO_ASK)
    return found
