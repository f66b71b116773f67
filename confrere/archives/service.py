"""Register foreign archives and follow what is fetched from them. The caller owns the transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from confrere.archives import store
from confrere.archives.model import (
    EXPIRED,
    FAILED,
    FETCH_TASK,
    FETCHED,
    GIVEN_UP,
    TEST_TASK,
    WAITING,
    Archive,
    Candidate,
    Fetch,
    checked,
    next_try,
)
from confrere.jobs import events
from confrere.kernel.errors import Conflict, NotFound
from confrere.kernel.ids import GroupId, OrderId, PatientId

MOST_LISTED = 200
MOST_DUE = 50


def register(conn: Connection, archive: Archive, token: str, now: datetime) -> Archive:
    """Register an archive; Invalid names the field, Conflict a name that is taken."""
    one = checked(archive)
    begins, ends = one.night or (None, None)
    made = store.add(conn, {
        "owner_group": one.owner_group, "name": one.name.strip(), "way": one.way,
        "aet": one.aet, "address": one.address, "port": one.port, "url": one.url.rstrip("/"),
        "token": token, "assigner": one.assigner.strip(), "site_id": one.site,
        "keeps_days": one.keeps_days, "most_studies": one.most_studies,
        "pause_seconds": one.pause_seconds, "night_from": begins, "night_until": ends,
        "plain": one.plain, "created_at": now,
    })  # fmt: skip
    if made is None:
        raise Conflict("your group has an archive of this name; choose another")
    return made


def listed(conn: Connection, owners: Sequence[GroupId] = ()) -> list[Archive]:
    """Archives by name."""
    return store.listed(conn, owners)


def get(conn: Connection, key: UUID) -> Archive:
    """One archive; NotFound, also when it is another group's."""
    found = store.get(conn, key)
    if found is None:
        raise NotFound("no such archive")
    return found


def token_of(conn: Connection, archive: Archive) -> str:
    """The bearer token for an archive; for the system role only."""
    return store.token(conn, archive.id)


def enable(conn: Connection, key: UUID, *, enabled: bool) -> None:
    """Let an archive be asked, or no more."""
    if not store.change(conn, key, {"enabled": enabled}):
        raise NotFound("no such archive")


def queue_test(conn: Connection, archive: Archive) -> None:
    """Let the worker, which holds the token, try an archive."""
    store.change(conn, archive.id, {"tested": "being tried", "tested_at": None})
    events.defer(
        conn, TEST_TASK, once=f"test:{archive.id}", queue=events.LONG, archive_id=archive.id
    )


def note_test(conn: Connection, key: UUID, said: str, now: datetime) -> None:
    """Keep what the last test came to."""
    store.change(conn, key, {"tested": said[:300], "tested_at": now})


def ask(
    conn: Connection, archive: Archive, patient: PatientId, order: OrderId | None,
    study: Candidate, why: str, start: datetime, now: datetime, *, again: bool = False,
) -> Fetch | None:  # fmt: skip
    """Ask for a study once; None when it was asked for before.

    `again`: it was here already, as the site's own: what comes is no prior by that.
    """
    return store.ask(conn, {
        "owner_group": archive.owner_group, "archive_id": archive.id, "patient_id": patient,
        "order_id": order, "study_uid": study.study_uid, "study_date": study.study_date,
        "modality": study.modality, "description": study.description[:200], "why": why,
        "state": WAITING, "asked_at": now, "next_at": start, "again": again,
    })  # fmt: skip


def ask_again(conn: Connection, owner: GroupId, uid: str, now: datetime) -> bool:
    """Fetch once more what was fetched before and went; False when it was never asked for.

    What waits or failed is tried at once, however often it failed.
    """
    found = next(iter(store.of_studies(conn, owner, [uid])), None)
    if found is None or not any(
        one.id == found.archive for one in listed(conn, [owner]) if one.enabled
    ):
        return False
    store.change_fetch(conn, found.id, {
        "state": WAITING, "tries": 0, "reason": "", "next_at": now, "expires_at": None,
    })  # fmt: skip
    events.defer(conn, FETCH_TASK, once=FETCH_TASK, queue=events.LONG)
    return True


def lapsed(conn: Connection, now: datetime, most: int) -> list[Fetch]:
    """Fetched studies whose lifetime is over, first ended first."""
    return store.lapsed(conn, now, most)


def note_back(conn: Connection, owner: GroupId, uid: str, now: datetime) -> None:
    """A study whose lifetime was over is here after all: its lifetime begins anew."""
    for one in store.of_studies(conn, owner, [uid]):
        if one.state == EXPIRED:
            keeps = timedelta(days=get(conn, one.archive).keeps_days)
            store.change_fetch(conn, one.id, {"state": FETCHED, "expires_at": now + keeps})


def note_expired(conn: Connection, fetch: Fetch) -> None:
    """A fetched study is no longer here; it may be asked for again."""
    store.change_fetch(conn, fetch.id, {"state": EXPIRED, "expires_at": None})


def due(conn: Connection, now: datetime) -> list[Fetch]:
    """What is to be fetched now."""
    return store.due(conn, now, MOST_DUE)


def begin(conn: Connection, key: UUID, lease: datetime) -> Fetch | None:
    """Take a fetch until `lease`; a worker that dies lets it be taken again then."""
    found = store.fetch(conn, key, lock=True)
    if found is None or found.state not in (WAITING, FAILED) or found.next_at is None:
        return None
    return store.change_fetch(conn, key, {"tries": found.tries + 1, "next_at": lease})


def note_fetched(
    conn: Connection, fetch: Fetch, images: int, keeps: int, now: datetime
) -> None:
    """A study is here: cached, until its lifetime ends."""
    store.change_fetch(conn, fetch.id, {
        "state": FETCHED, "images": images, "reason": "", "next_at": None, "done_at": now,
        "expires_at": now + timedelta(days=keeps),
    })  # fmt: skip


def note_failed(conn: Connection, fetch: Fetch, reason: str, now: datetime) -> Fetch:
    """A study could not be fetched: it is tried again later, or a person decides."""
    again = next_try(fetch.tries, now)
    return store.change_fetch(conn, fetch.id, {
        "state": FAILED if again else GIVEN_UP, "reason": reason[:300], "next_at": again,
    })  # fmt: skip


def retry(conn: Connection, key: UUID, now: datetime) -> Fetch:
    """Try a failed fetch again at once; Conflict where there is nothing to try."""
    found = store.fetch(conn, key, lock=True)
    if found is None:
        raise NotFound("no such fetch")
    if found.state not in (FAILED, GIVEN_UP):
        raise Conflict(f"this study is {found.state}: there is nothing to try again")
    made = store.change_fetch(conn, key, {"state": WAITING, "tries": 0, "next_at": now})
    events.defer(conn, FETCH_TASK, once=FETCH_TASK, queue=events.LONG)
    return made


def fetches(conn: Connection) -> list[Fetch]:
    """What was, and is to be, fetched, newest first."""
    return store.fetches_listed(conn, MOST_LISTED)


def counts(conn: Connection) -> dict[UUID, dict[str, int]]:
    """How many fetches stand how, by archive."""
    return store.counts(conn)


def asked(conn: Connection, owner: GroupId, uids: Sequence[str]) -> dict[str, Fetch]:
    """Which of these studies were asked for from elsewhere: they are priors and no work."""
    found = store.of_studies(conn, owner, uids) if uids else []
    return {one.study_uid: one for one in found if not one.again}
