"""What a correction sends to a holder of the images: a rejection note, and corrected copies."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from confrere.delivery.model import OF_CORRECTION, Sending
from confrere.imaging import holders
from confrere.imaging.coercing import SYSTEM
from confrere.imaging.editions import Edition
from confrere.imaging.model import Instance
from confrere.imaging.rejection_notes import KEY_OBJECTS
from confrere.kernel.ids import SeriesId, StudyId
from confrere.network.systems import TAKES_ALL, Peer
from confrere.wiring.house import House


def follow(
    conn: Connection, house: House, study: StudyId, cause: UUID | None, now: datetime
) -> None:
    """Plan what every holder of a study is told of it as it stands now."""
    holders.follow(conn, house.blobs, study, cause, now)


def objects(conn: Connection, asked: Sending, to: Peer) -> list[Instance]:
    """What goes out: the note first, then the copies where the machine takes them.

    A copy is the stored object, said otherwise: never the very bytes, since its UIDs are new.
    """
    found = []
    if note := holders.note_of(conn, asked.id):
        uid, digest, syntax = note
        found.append(
            Instance(
                asked.id, asked.owner_group, asked.study, SeriesId(asked.id), uid, KEY_OBJECTS,
                1, None, None, 1, syntax, digest, 0, asked.asked_at,
            )
        )  # fmt: skip
    if to.corrections == TAKES_ALL:
        found += [_copy(one, edition) for one, edition in holders.copies_of(conn, asked.id)]
    return found


def left_by_hand(conn: Connection, asked: Sending, to: Peer) -> str:
    """What a person has to do at a machine that took what it takes; empty where nothing."""
    if to.corrections != TAKES_ALL and holders.copies_of(conn, asked.id):
        return "it has the rejection note; it takes no corrected images: send them as a study"
    return ""


def explained(words: str, note_refused: int, asked: Sending) -> str:
    """Why objects were not taken, with what that means for a correction."""
    if asked.kind == OF_CORRECTION and note_refused:
        return (
            f"{words}; the rejection note is among them: it may not know Key Object Selection "
            "documents. Hide the images there by hand"
        )
    return words


def _copy(instance: Instance, edition: Edition) -> Instance:
    source = (instance.coerced or {}).get("source", SYSTEM)
    values = dict(edition.says) | {
        "SOPInstanceUID": edition.sop_uid, "SeriesInstanceUID": edition.series_uid,
        "StudyInstanceUID": edition.study_uid,
    }  # fmt: skip
    at = edition.at or instance.received_at
    return replace(
        instance, sop_uid=edition.sop_uid,
        coerced={"values": values, "at": at.isoformat(), "source": source},
    )  # fmt: skip
