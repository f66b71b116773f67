"""Studies on their way to another machine by C-STORE. The caller owns the transaction."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from confrere.delivery import store_sendings as store
from confrere.delivery.model import DEAD, SENT, WAITING, Sending, back_off
from confrere.jobs import events
from confrere.kernel.errors import Conflict, NotFound
from confrere.kernel.ids import GroupId, PeerId, SiteId, StudyId
from confrere.network import service as network

SEND_TASK = "sendings.run"
MOST_TRIES = 8  # lost lines; over half an hour with the pauses between


def ask(
    conn: Connection, owner: GroupId, site: SiteId | None, study: StudyId, peer: PeerId,
    asked_by: str, now: datetime,
) -> UUID:  # fmt: skip
    """Queue a study for a machine of the own group.

    Conflict while the same one is on its way already, or its site is in shadow mode; NotFound
    for a machine of another group, or one that images do not go to.
    """
    found = network.peer(conn, peer)
    if found.owner_group != owner or found.door != "dicom" or not found.port:
        raise NotFound("no such destination of images in your group")
    if not found.enabled:
        raise Conflict("the destination is switched off on the network page")
    if site is not None and network.is_shadow(conn, site):
        raise Conflict("the site is in shadow mode: nothing goes out")
    if any(one.peer == peer and one.state == WAITING for one in store.of_study(conn, study)):
        raise Conflict("this study is on its way there already")
    added = store.add(conn, owner, study, peer, asked_by, now)
    events.defer(conn, SEND_TASK, queue=events.LONG, sending_id=added)
    return added


def get(conn: Connection, sending: UUID) -> Sending:
    """One sending; NotFound."""
    found = store.get(conn, sending)
    if found is None:
        raise NotFound("no such sending")
    return found


def of_study(conn: Connection, study: StudyId) -> list[Sending]:
    """Where a study was sent or is being sent, newest first."""
    return store.of_study(conn, study)


def note_progress(conn: Connection, sending: UUID, total: int, sent: int, failed: int) -> None:
    """Keep how far it is."""
    store.change(conn, sending, {"total": total, "sent": sent, "failed": failed})


def end(conn: Connection, sending: UUID, error: str, now: datetime) -> None:
    """Every object was offered: it arrived whole, or `error` says what was not taken."""
    state = DEAD if error else SENT
    store.change(conn, sending, {"state": state, "last_error": error[:300], "ended_at": now})


def put_off(
    conn: Connection, sending: Sending, error: str, now: datetime, jitter: float
) -> None:
    """The machine could not be reached: try again later, and give up after MOST_TRIES."""
    tries = sending.attempts + 1
    values = {"attempts": tries, "last_error": error[:300]}
    if tries >= MOST_TRIES:
        values |= {"state": DEAD, "ended_at": now}
    else:
        values |= {"next_at": now + back_off(min(tries + 4, 9), jitter)}
    store.change(conn, sending.id, values)


def wake(conn: Connection, now: datetime) -> int:
    """Queue what is due again; return how many."""
    due = store.due(conn, now)
    for one in due:
        events.defer(
            conn, SEND_TASK, queue=events.LONG, once=f"{SEND_TASK}:{one}", sending_id=one
        )
    return len(due)
