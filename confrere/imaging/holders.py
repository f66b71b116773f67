"""Who holds copies of a study, and what each is to be told after a correction.

The caller owns the transaction. What is told is planned once, kept, and sent by `delivery`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from confrere.delivery import sendings
from confrere.delivery.model import OF_STUDY, Sending
from confrere.files.folder import BlobStore
from confrere.imaging import store_corrections, store_holders, store_links, store_rejections
from confrere.imaging.corrections import EXPLAINED, Rejection
from confrere.imaging.editions import (
    HOW,
    KEEPS_ALL,
    SENT_TO,
    SOURCE,
    Edition,
    Holder,
    Image,
    Told,
    as_it_came,
    code_of,
    next_edition,
    study_uid_out,
    to_tell,
    words_of,
)
from confrere.imaging.model import Instance
from confrere.imaging.rejection_notes import Named, head_of, make_note
from confrere.imaging.syntaxes import EXPLICIT
from confrere.kernel.ids import GroupId, PeerId, StudyId
from confrere.network import service as network
from confrere.network.systems import TAKES_NOTES, Peer
from confrere.orders import service as orders


def note_holder(
    conn: Connection, owner: GroupId, study: StudyId, peer: PeerId, how: str, at: datetime
) -> None:
    """Keep that a machine has, or asked for, a copy of a study."""
    store_holders.note_holder(conn, owner, study, peer, how, at)


def holders(conn: Connection, study_id: StudyId) -> list[tuple[Peer, Holder]]:
    """The registered machines that hold copies of a study or of images moved into it."""
    study = store_holders.study(conn, study_id)
    if study is None:
        return []
    return _holders(conn, study, store_holders.images(conn, study_id))


def follow(
    conn: Connection, blobs: BlobStore, study_id: StudyId, cause: UUID | None, now: datetime
) -> list[UUID]:
    """Plan what every holder is told of a study as it stands now; nothing twice.

    `cause` is the correction or rejection that made the difference. Returns the sendings.
    """
    if not store_holders.is_touched(conn, study_id):
        return []
    study = store_corrections.lock(conn, [study_id])[study_id]
    images = store_holders.images(conn, study_id)
    newest = _renewed(conn, study, images, now)
    if not newest:
        return []
    rejection = store_rejections.get(conn, cause) if cause else None
    holding = _holders(conn, study, images)
    sender = _sender(conn, rejection, [one for _, one in holding])
    made = []
    for peer, holder in holding:
        known = store_holders.known(conn, peer.id, [one.id for one in images])
        told = to_tell(images, newest, known, holder)
        if not told.last:
            continue
        store_holders.note_known(conn, study.owner_group, peer.id, told.last)
        if (told.stale or told.fresh) and (peer.id != sender or told.fresh):
            made.append(_plan(conn, blobs, study, peer, told, rejection, cause, now))
    return made


def of_causes(conn: Connection, causes: Sequence[UUID]) -> dict[UUID, list[Sending]]:
    """What corrections and rejections had to tell, by correction or rejection."""
    found: dict[UUID, list[Sending]] = {}
    for one in sendings.of_causes(conn, causes):
        if one.cause is not None:
            found.setdefault(one.cause, []).append(one)
    return found


def note_of(conn: Connection, sending: UUID) -> tuple[str, bytes, str] | None:
    """The note that a sending carries: its UID, its digest and its transfer syntax."""
    row = store_holders.content(conn, sending)
    return (row.note_uid, row.digest, row.note_syntax) if row and row.digest else None


def copies_of(conn: Connection, sending: UUID) -> list[tuple[Instance, Edition]]:
    """The images that a sending carries, but those corrected again since."""
    row = store_holders.content(conn, sending)
    wanted = {UUID(image): number for image, number in (row.copies if row else ())}
    return store_holders.copies(conn, wanted) if wanted else []


def _renewed(
    conn: Connection, study: Any, images: list[Image], now: datetime
) -> dict[UUID, Edition]:
    """Keep new editions of what changed; return the newest of each image that has any."""
    newest = store_holders.newest(conn, [one.id for one in images])
    uid = study.study_uid
    if study.coerced:
        uid = study_uid_out(uid, study.coerced["values"], _ordered_uid(conn, study))
    made: list[tuple[UUID, Edition]] = []
    for one in images:
        known = newest.get(one.id) or as_it_came(one)
        # only what is said otherwise leaves its study
        out = uid if one.says else study.study_uid
        edition = next_edition(one, known, out, now)
        if edition:
            made.append((one.id, edition))
    store_holders.add_editions(conn, study.owner_group, made)
    return newest | dict(made)


def _ordered_uid(conn: Connection, study: Any) -> str:
    found = orders.get_many(conn, store_links.orders_of(conn, StudyId(study.id)))
    uids = {one.content.study_uid for one in found} - {""}
    if len(uids) != 1:
        return ""
    (uid,) = uids
    here = store_corrections.id_of(conn, study.owner_group, uid)
    return uid if here is None else ""


def _holders(
    conn: Connection, study: Any, images: Iterable[Image]
) -> list[tuple[Peer, Holder]]:
    uids = {one.study_uid for one in images} | {study.study_uid}
    rows = store_holders.studies_named(conn, study.owner_group, uids)
    known = {
        one.id: one
        for one in network.peers(conn, "dicom")
        if one.owner_group == study.owner_group
    }
    found = [*store_holders.holders(conn, [row.id for row in rows])]
    for row in rows:
        for peer in known.values():
            if row.calling_aet and peer.aet.strip() == row.calling_aet.strip():
                found.append(Holder(peer.id, SOURCE, row.first_at))
            elif peer.keeps_all and peer.site == row.site_id and not row.outside:
                found.append(Holder(peer.id, KEEPS_ALL, row.first_at))
        found += [
            Holder(one.peer, SENT_TO, one.ended_at or one.asked_at)
            for one in sendings.of_study(conn, StudyId(row.id))
            if one.kind == OF_STUDY and one.sent
        ]
    return [(known[key], one) for key, one in _merged(found).items() if key in known]


def _merged(found: Iterable[Holder]) -> dict[PeerId, Holder]:
    """One entry a machine: what it had of its own counts before what it got from us."""
    rank = list(HOW)
    merged: dict[PeerId, Holder] = {}
    for one in sorted(
        found, key=lambda o: (o.how not in (SOURCE, KEEPS_ALL), rank.index(o.how))
    ):
        before = merged.get(one.peer)
        merged[one.peer] = (
            Holder(one.peer, before.how, max(one.at, before.at)) if before else one
        )
    return merged


def _sender(
    conn: Connection, rejection: Rejection | None, holding: Sequence[Holder]
) -> PeerId | None:
    """Who sent a note that came: of those that sent images, the one whose came nearest to it."""
    if rejection is None or rejection.door != "dicom":
        return None
    note = store_rejections.note(conn, rejection.owner_group, rejection.note_uid)
    if note is None:
        return None
    there = {one.peer for one in holding}
    near = [
        (abs(one.at - note.received_at), one.peer)
        for one in store_holders.holders(conn, [note.study_id])
        if one.how == SOURCE and one.peer in there
    ]
    return min(near)[1] if near else None


def _plan(
    conn: Connection, blobs: BlobStore, study: Any, peer: Peer, told: Told,
    rejection: Rejection | None, cause: UUID | None, now: datetime,
) -> UUID:  # fmt: skip
    by_hand = sendings.why_by_hand(peer)
    if not by_hand and peer.corrections == TAKES_NOTES and not told.stale:
        by_hand = "it takes no corrected images: send them to it as a study"
    sending = sendings.ask_correction(
        conn, study.owner_group, study.site_id, StudyId(study.id), peer, cause,
        words_of(told), by_hand, now,
    )  # fmt: skip
    uid, digest, syntax = "", None, ""
    if told.stale:
        uid, digest, syntax = _note(conn, blobs, told, rejection, cause, now)
    store_holders.add_content(conn, {
        "owner_group": study.owner_group, "sending_id": sending, "note_uid": uid,
        "digest": digest, "note_syntax": syntax,
        "copies": [[str(image.id), edition.number] for image, edition in told.fresh],
    })  # fmt: skip
    return sending


def _note(
    conn: Connection, blobs: BlobStore, told: Told, rejection: Rejection | None,
    cause: UUID | None, now: datetime,
) -> tuple[str, bytes, str]:  # fmt: skip
    """The note for a holder: the one at hand where it names what this holder has."""
    names = {edition.sop_uid for _, edition in told.stale}
    if rejection and rejection.restored_at is None and names <= set(rejection.sop_uids):
        came = store_rejections.note(conn, rejection.owner_group, rejection.note_uid)
        return rejection.note_uid, rejection.digest, came.transfer_syntax if came else EXPLICIT
    (first,) = store_rejections.stored(conn, [told.stale[0][0].id])
    known = head_of(blobs, first)
    code, why = code_of(told, str(known.get("PatientID") or "")), "corrected"
    if rejection:
        code, why = rejection.code, rejection.reason
    elif cause and (correction := store_corrections.get(conn, cause)):
        why = correction.undone_reason or correction.reason
    for word, value in told.stale[0][1].says.items():
        if word in EXPLAINED:
            setattr(known, word, value or "")
    named = [
        Named(e.sop_uid, image.sop_class, e.series_uid, e.study_uid) for image, e in told.stale
    ]
    uid, content = make_note(known, named, code, why or "corrected", now)
    return uid, blobs.put(content), EXPLICIT
