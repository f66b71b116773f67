"""Studies on their way to another machine by C-STORE. The caller owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from confrere.delivery import store_sendings as store
from confrere.delivery.model import (
    BY_HAND,
    DEAD,
    HELD_BACK,
    OF_CORRECTION,
    OF_STUDY,
    SENT,
    WAITING,
    Sending,
    back_off,
)
from confrere.jobs import events
from confrere.kernel.errors import Conflict, NotFound
from confrere.kernel.ids import GroupId, PeerId, SiteId, StudyId
from confrere.network import service as network
from confrere.network.systems import TAKES_NOTHING, Peer

SEND_TASK = "sendings.run"
MOST_OPEN = 200
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
    if any(
        one.peer == peer and one.state == WAITING and one.kind == OF_STUDY
        for one in store.of_study(conn, study)
    ):
        raise Conflict("this study is on its way there already")
    added = store.add(conn, {
        "owner_group": owner, "study_id": study, "peer_id": peer, "asked_by": asked_by,
        "asked_at": now, "next_at": now,
    })  # fmt: skip
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


def ask_correction(
    conn: Connection, owner: GroupId, site: SiteId | None, study: StudyId, to: Peer,
    cause: UUID | None, says: str, by_hand: str, now: datetime,
) -> UUID:  # fmt: skip
    """Queue what a correction has to tell a holder of the images.

    `by_hand`: why it can't be sent there; it is then kept for a person to see and do.
    """
    state, trouble = WAITING, by_hand
    if by_hand:
        state = BY_HAND
    elif site is not None and network.is_shadow(conn, site):
        state, trouble = HELD_BACK, "the site is in shadow mode"
    added = store.add(conn, {
        "owner_group": owner, "study_id": study, "peer_id": to.id, "asked_by": "",
        "asked_at": now, "next_at": now, "kind": OF_CORRECTION, "cause_id": cause,
        "says": says, "state": state, "last_error": trouble,
    })  # fmt: skip
    if state == WAITING:
        events.defer(conn, SEND_TASK, queue=events.LONG, sending_id=added)
    return added


def send_again(conn: Connection, sending: UUID, site: SiteId | None, now: datetime) -> Sending:
    """Send a correction that did not arrive again; Conflict where it can't go out."""
    found = get(conn, sending)
    if found.kind != OF_CORRECTION or found.state not in (DEAD, BY_HAND, HELD_BACK):
        raise Conflict("this is on its way or has arrived: there is nothing to send again")
    if site is not None and network.is_shadow(conn, site):
        raise Conflict("the site is in shadow mode: nothing goes out")
    if trouble := why_by_hand(network.peer(conn, found.peer)):
        raise Conflict(f"{trouble}: change that under Network, Systems, or correct it there")
    store.change(conn, sending, {
        "state": WAITING, "attempts": 0, "next_at": now, "last_error": "", "ended_at": None,
        "done_by": "",
    })  # fmt: skip
    events.defer(conn, SEND_TASK, queue=events.LONG, sending_id=sending)
    return found


def mark_done(conn: Connection, sending: UUID, by: str, now: datetime) -> Sending:
    """Note that a person corrected the images at the machine itself."""
    found = get(conn, sending)
    if found.state not in (DEAD, BY_HAND, HELD_BACK):
        raise Conflict("this is on its way or has arrived: there is nothing to do by hand")
    store.change(conn, sending, {"state": SENT, "done_by": by, "ended_at": now})
    return found


def why_by_hand(to: Peer) -> str:
    """Why a machine can't be sent corrections; empty where it can."""
    if not to.enabled:
        return "it is switched off"
    if to.corrections == TAKES_NOTHING or not to.port:
        return "it is registered as taking no corrections"
    return ""


def of_causes(conn: Connection, causes: Sequence[UUID]) -> list[Sending]:
    """What corrections and rejections had to tell to whom, and how that stands."""
    return store.of_causes(conn, causes) if causes else []


def open_corrections(conn: Connection) -> list[Sending]:
    """Corrections that a holder does not have yet and that a person has to look at."""
    return store.open_corrections(conn, (DEAD, BY_HAND, HELD_BACK), MOST_OPEN)


def end(
    conn: Connection, sending: UUID, error: str, now: datetime, *, by_hand: bool = False
) -> None:
    """Every object was offered: it arrived whole, or `error` says what was not taken.

    `by_hand`: what was to be sent arrived, and `error` says what a person has to do there.
    """
    state = BY_HAND if by_hand else DEAD if error else SENT
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
