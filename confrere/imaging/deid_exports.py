"""Ask for a de-identified export, allow it, look at what is held, hand it out until it lapses."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from confrere.imaging import service, store_deid
from confrere.imaging.confidentiality import Options
from confrere.imaging.deid_model import (
    ASKED,
    MOST_STUDIES,
    READY,
    REFUSED,
    REJECTED,
    RELEASED,
    REVIEW,
    RUNNING,
    WAITING,
    Box,
    Export,
    Held,
    checked_words,
    options_data,
)
from confrere.jobs import events
from confrere.kernel.errors import Conflict, Invalid, NotFound, Refused
from confrere.kernel.ids import GroupId, PeerId, StudyId
from confrere.network import service as network

RUN_TASK = "deidentify.run"
LAPSE_TASK = "deidentify.lapse"
SEND_TASK = "deidentify.send"
MOST_SENT = 50  # of one export, that its page tells of
SHOWN = 100


def ask(
    conn: Connection, owner: GroupId, studies: Sequence[StudyId], project: str, purpose: str,
    options: Options, by: str, now: datetime,
) -> UUID:  # fmt: skip
    """Ask for an export of the group's own studies; it waits for the manager.

    Refused where a study is another group's, though it may be read here.
    """
    name, why = checked_words(project, purpose)
    wanted = tuple(dict.fromkeys(studies))
    if not 0 < len(wanted) <= MOST_STUDIES:
        raise Invalid(f"choose 1 to {MOST_STUDIES} studies", "studies")
    found = {one.id: one for one in service.get_many(conn, wanted)}
    if len(found) < len(wanted):
        raise NotFound("one of the studies is not among yours; reload the list")
    if any(one.owner_group != owner for one in found.values()):
        raise Refused(
            "a study belongs to another group: only its owner may give it away, "
            "also de-identified. Ask that group."
        )
    return store_deid.add(conn, {
        "owner_group": owner, "project": name, "purpose": why,
        "options": options_data(options), "studies": list(wanted), "state": ASKED,
        "asked_by": by, "asked_at": now, "total": sum(o.instance_count for o in found.values()),
    })  # fmt: skip


def get(conn: Connection, key: UUID, *, lock: bool = False) -> Export:
    """One export; NotFound, also when it is another group's."""
    found = store_deid.one(conn, key, lock=lock)
    if found is None:
        raise NotFound("there is no such export; reload the list")
    return found


def listed(conn: Connection, owner: GroupId) -> list[Export]:
    """A group's exports, newest first."""
    return store_deid.listed(conn, owner, SHOWN)


def allow(conn: Connection, key: UUID, by: str, now: datetime) -> Export:
    """Let an export be made, and queue it; Conflict unless it was only asked for."""
    export = _in_state(conn, key, ASKED)
    store_deid.change(conn, key, state=RUNNING, decided_by=by, decided_at=now)
    _queue(conn, key)
    return export


def refuse(conn: Connection, key: UUID, by: str, reason: str, now: datetime) -> Export:
    """Refuse one, saying why."""
    export = _in_state(conn, key, ASKED)
    if not reason.strip():
        raise Invalid("say why it is refused", "reason")
    store_deid.change(
        conn, key, state=REFUSED, decided_by=by, decided_at=now, reason=reason.strip()
    )
    return export


def held_of(conn: Connection, key: UUID) -> list[Held]:
    """What an export holds or held."""
    return store_deid.held_of(conn, key)


def get_held(conn: Connection, key: UUID, *, lock: bool = False) -> Held:
    """One that is held; NotFound, also when it is another group's."""
    found = store_deid.one_held(conn, key, lock=lock)
    if found is None:
        raise NotFound("nothing is held under this id; reload the list")
    return found


def release(
    conn: Connection, key: UUID, boxes: Sequence[Box], by: str, now: datetime
) -> Held:  # fmt: skip
    """Let one go, with these boxes blacked out; a person has seen it.

    Refused where nothing could clean it. Goes on with the export when nothing waits any more.
    """
    held = get_held(conn, key)
    if held.fatal:
        raise Refused(f"{held.reasons[0]}: leave it out")
    return _decide(conn, held, RELEASED, boxes, by, now)


def reject(conn: Connection, key: UUID, by: str, now: datetime) -> Held:
    """Leave one out of the export."""
    return _decide(conn, get_held(conn, key), REJECTED, (), by, now)


def handed_out(conn: Connection, key: UUID, now: datetime) -> Export:
    """The export whose file may be fetched now; Conflict when it is not ready or has lapsed."""
    export = get(conn, key)
    if export.state != READY or export.digest is None:
        raise Conflict("this export is not ready; reload the page")
    if export.expires_at is None or export.expires_at <= now:
        raise Conflict("this export has lapsed; ask for it again")
    return export


def ask_sent(conn: Connection, key: UUID, peer: PeerId, by: str, now: datetime) -> Export:
    """Queue the files for a machine of the own group. Conflict where it is not made or lapsed.

    NotFound for a machine of another group, or one that images do not go to.
    """
    export = handed_out(conn, key, now)
    to = network.peer(conn, peer)
    if to.owner_group != export.owner_group or to.door != "dicom" or not to.port:
        raise NotFound("no such destination of images in your group")
    if not to.enabled:
        raise Conflict("the destination is switched off on the network page")
    events.defer(
        conn, SEND_TASK, queue=events.LONG, once=f"{SEND_TASK}:{key}:{peer}",
        export_id=key, peer_id=peer, by=by,
    )  # fmt: skip
    return export


def note_sent(conn: Connection, key: UUID, told: Mapping[str, Any]) -> None:
    """Keep how sending it to a machine went."""
    export = get(conn, key, lock=True)
    store_deid.change(conn, key, sent=[*export.sent, told][-MOST_SENT:])


def lapse(conn: Connection, now: datetime) -> list[bytes]:
    """Let exports go whose time is over; returns the digests of files to remove."""
    return store_deid.lapse(conn, now)


def _decide(
    conn: Connection, held: Held, state: str, boxes: Sequence[Box], by: str, now: datetime
) -> Held:
    export = get(conn, held.export_id, lock=True)  # the last of two decisions sees the other
    if get_held(conn, held.id, lock=True).state != WAITING or export.state != REVIEW:
        raise Conflict("this was decided already; reload the page")
    store_deid.decide(
        conn, held.id, state=state, boxes=[list(one) for one in boxes], decided_by=by,
        decided_at=now,
    )  # fmt: skip
    if not any(one.state == WAITING for one in held_of(conn, export.id)):
        store_deid.change(conn, export.id, state=RUNNING, done=0)
        _queue(conn, export.id)
    return held


def _in_state(conn: Connection, key: UUID, state: str) -> Export:
    export = get(conn, key, lock=True)
    if export.state != state:
        raise Conflict("this export was decided already; reload the page")
    return export


def _queue(conn: Connection, key: UUID) -> None:
    events.defer(conn, RUN_TASK, queue=events.LONG, once=f"{RUN_TASK}:{key}", export_id=key)
