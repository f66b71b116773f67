"""Follow where a study's images lie, and when they were of use. The caller owns the transaction."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from confrere.imaging import store_holders
from confrere.imaging import store_keeping as store
from confrere.imaging.kept import AWAY, COLD, MAIN, REMOVED, Held, Kept, Stored
from confrere.kernel.errors import NotFound
from confrere.kernel.ids import GroupId, SiteId, StudyId

START = ("", "")  # before the first study


def kept(conn: Connection, ids: Sequence[StudyId]) -> dict[StudyId, Kept]:
    """Where these studies lie."""
    return {one.study: one for one in store.kept(conn, ids)} if ids else {}


def one(conn: Connection, study: StudyId) -> Kept:
    """Where a study lies; raises NotFound."""
    found = store.kept(conn, [study])
    if not found:
        raise NotFound("no such study; reload the list")
    return found[0]


def of_uid(conn: Connection, owner: GroupId, uid: str) -> Kept | None:
    """Where a group's study of this UID lies; None when there is none."""
    return store.of_uid(conn, owner, uid)


def note_use(conn: Connection, study: StudyId, owner: GroupId, at: datetime) -> str:
    """Note that a study was looked at or sent; return where it lies. As the system only."""
    return store.note_use(conn, study, owner, at)


def unused(
    conn: Connection, site: SiteId, before: datetime, limit: int, *, cold_too: bool = True,
    after: tuple[datetime, UUID] | None = None,
) -> list[Kept]:  # fmt: skip
    """A site's studies that were last of use before then, longest first, from behind `after` on."""
    return store.unused(conn, site, (MAIN, COLD) if cold_too else (MAIN,), before, limit, after)


def older(
    conn: Connection, site: SiteId, than: timedelta, unused_for: timedelta, now: datetime,
    limit: int,
) -> list[Kept]:  # fmt: skip
    """A site's studies at the main place that were made longer ago and are out of use, oldest first."""
    return store.older(conn, site, f"{now - than:%Y%m%d}", now - unused_for, limit)


def of_period(
    conn: Connection, site: SiteId, before: str, limit: int, after: tuple[str, str] = START
) -> list[Kept]:
    """A site's studies of days before `before` (DA), oldest first, from behind `after` on."""
    return store.of_period(conn, site, before, after, limit)


def has_later(conn: Connection, study: Kept, modality: str) -> bool:
    """Say whether the same patient has a later study of a modality at the same site."""
    return store.has_later(conn, study, modality)


def put(conn: Connection, study: Kept, place: str, why: str, at: datetime) -> None:
    """Say that a study's images lie elsewhere from now on."""
    store.set_place(conn, study.study, study.owner_group, place, why, at)


def was_changed(conn: Connection, study: StudyId) -> bool:
    """Say whether anything of a study was ever corrected or rejected here.

    Its holders were told by new UIDs (see `editions`): what we have cannot be fetched again.
    """
    return store_holders.is_touched(conn, study)


def let_go(conn: Connection, study: Kept, why: str, at: datetime) -> list[Stored]:
    """Say that a study's images are away now; return them, none where it was used meanwhile."""
    if not store.lock(conn, study.study) or store.kept(conn, [study.study]) != [study]:
        return []
    images = store.stored(conn, study.study)
    put(conn, study, AWAY, why, at)
    return images


def stored(conn: Connection, study: StudyId) -> list[Stored]:
    """A study's images and their bytes' names, hidden ones too."""
    return store.stored(conn, study)


def empty(conn: Connection, study: Kept, why: str, at: datetime) -> list[Stored]:
    """Remove a study's images from the index; return what they were.

    The study's row, its orders and its reports stay. The bytes are the caller's to remove.
    """
    if not store.lock(conn, study.study):
        raise NotFound("no such study; reload the list")
    removed = store.stored(conn, study.study)
    store.empty(conn, study.study)
    put(conn, study, REMOVED, why, at)
    return removed


def come_back(
    conn: Connection, study: Kept, secure: Callable[[bytes], bool], at: datetime
) -> bool:
    """A study that was away was sent again: once all its bytes are here, it is here.

    A PACS may send other bytes under the same UIDs, as in another transfer syntax: where ours
    are gone, these are taken, and are no conflict. `secure` sees that a blob lies where it
    stays, and says whether it does.
    """
    if study.place != AWAY or not store.lock(conn, study.study):
        return False
    store.take_other_bytes(conn, study.study, at)
    if not all(secure(image.digest) for image in store.stored(conn, study.study)):
        return False
    put(conn, study, MAIN, "fetched again", at)
    store.note_use(conn, study.study, study.owner_group, at)
    return True


def away(conn: Connection, limit: int) -> list[Kept]:
    """Studies whose images are not here."""
    return store.away(conn, limit)


def held(conn: Connection) -> list[Held]:
    """Count everything by owner, site and place: minutes of reading on a large index."""
    return store.held(conn)
