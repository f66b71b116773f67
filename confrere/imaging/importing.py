"""Take in images from outside: read them, show whose they say they are, file them as told.

The local patient and order that a person chose are said on every way out; the bytes, and the
identifier with its issuer that they came with, stay. The caller owns the transaction.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import Connection

from confrere.files.folder import BlobStore
from confrere.imaging import correcting, service, store_corrections
from confrere.imaging import store_outside as store
from confrere.imaging.corrections import By
from confrere.imaging.examining import examine
from confrere.imaging.model import Arrival, Outcome
from confrere.imaging.outside import (
    BAD,
    BROKEN,
    CONFLICT,
    FILED,
    READY,
    SAME,
    STAGED,
    Import,
    OutsideFile,
    studies_in,
)
from confrere.imaging.staging import in_folder, in_zip, stage
from confrere.jobs import events
from confrere.kernel.errors import Conflict, Invalid, NotFound
from confrere.kernel.ids import GroupId, OrderId, PatientId, SiteId, StudyId
from confrere.orders.model import Order
from confrere.patients.model import Patient

READ_TASK, FILE_TASK = "imports.read", "imports.file"
MOST_LISTED = 200
LONGEST_LABEL = 120
BATCH = 200
SOURCE = "OUTSIDE MEDIUM"
Begin = Callable[[], AbstractContextManager[Connection]]  # opens a transaction


def begin(
    conn: Connection, owner: GroupId, site: SiteId, label: str, by: By, now: datetime,
    digest: bytes | None = None,
) -> Import:  # fmt: skip
    """Start an import; of a ZIP that is in the blob store, its reading is queued."""
    text = " ".join(label.split())[:LONGEST_LABEL]
    if not text:
        raise Invalid("say what it is, as: CD of Mercy Hospital", "label")
    made = store.add(conn, {
        "owner_group": owner, "site_id": site, "label": text, "digest": digest,
        "by_name": by.name, "by_user": by.user, "at": now,
    })  # fmt: skip
    if digest:
        events.defer(conn, READ_TASK, queue=events.LONG, import_id=made.id)
    return made


def again(conn: Connection, owner: GroupId, label: str) -> Import | None:
    """The folder's import that was broken off, to go on with."""
    return store.unfinished(conn, owner, label)


def read_zip(begin_: Begin, blobs: BlobStore, key: UUID) -> None:
    """Read a ZIP file by file, each in a transaction: a run that broke off goes on."""
    with begin_() as conn:
        found = get(conn, key)
        known = frozenset(one.path for one in store.files(conn, key))
    if found.digest is None:
        return
    try:
        with blobs.open(found.digest) as stream:
            named = _read(begin_, blobs, found, in_zip(stream, known))
    except Invalid as error:
        with begin_() as conn:
            store.change(conn, key, {"state": BROKEN, "trouble": str(error)})
        return
    _finish(begin_, found, named)


def read_folder(
    begin_: Begin, blobs: BlobStore, found: Import, folder: Path,
    tell: Callable[[str], None],
) -> None:  # fmt: skip
    """Read a folder file by file, each in a transaction: a run that broke off goes on."""
    with begin_() as conn:
        known = frozenset(one.path for one in store.files(conn, found.id))

    def each() -> Iterable[tuple[str, BinaryIO | str]]:
        for name, path in in_folder(folder, known):
            tell(name)
            with path.open("rb") as stream:
                yield name, stream

    _finish(begin_, found, _read(begin_, blobs, found, each()))


def _read(
    begin_: Begin, blobs: BlobStore, found: Import,
    each: Iterable[tuple[str, BinaryIO | str]],
) -> list[str]:  # fmt: skip
    named: list[str] = []
    for name, file in each:
        values = {"state": BAD, "reason": file} if isinstance(file, str) else None
        if not isinstance(file, str):
            staged = stage(blobs, file)
            values, more = staged.values, staged.named
            folder = name.rpartition("/")[0]
            named += [f"{folder}/{one}" if folder else one for one in more]
        with begin_() as conn:
            store.add_file(conn, {
                "owner_group": found.owner_group, "import_id": found.id, "path": name,
                **(values or {}),
            })  # fmt: skip
    return named


def _finish(begin_: Begin, found: Import, named: list[str]) -> None:
    with begin_() as conn:
        there = {one.path.upper() for one in store.files(conn, found.id)}
        for path in named:
            if path.upper() not in there:
                store.add_file(conn, {
                    "owner_group": found.owner_group, "import_id": found.id, "path": path,
                    "state": BAD, "reason": "the DICOMDIR names it, but it is not there",
                })  # fmt: skip
        store.change(conn, found.id, {"state": READY})


def get(conn: Connection, key: UUID) -> Import:
    """One import; raises NotFound."""
    found = store.get(conn, key)
    if found is None:
        raise NotFound("no such import; reload the list")
    return found


def files_of(conn: Connection, key: UUID) -> list[OutsideFile]:
    """An import's files, by path."""
    return store.files(conn, key)


def listed(conn: Connection, owner: GroupId) -> list[tuple[Import, dict[str, int]]]:
    """A group's imports, newest first, with how many files are in each state."""
    return store.listed(conn, owner, MOST_LISTED)


def take_in(
    conn: Connection, found: Import, study_uid: str, patient: Patient, order: Order | None,
    by: By,
) -> None:  # fmt: skip
    """Queue the filing of a study under the patient, and order, that a person chose."""
    if found.state != READY:
        raise Conflict("it is still being read: wait until that is done")
    known = {one.study_uid: one for one in studies_in(store.files(conn, found.id))}
    if study_uid not in known:
        raise NotFound("no such study in this import; reload the page")
    if known[study_uid].filed:
        raise Conflict("this study was taken in already; reload the page")
    if patient.owner_group != found.owner_group:
        raise NotFound("no such patient of your group")
    if order and (order.patient != patient.id or order.site != found.site_id):
        raise Invalid("choose an order of this patient at the import's site", "to")
    events.defer(
        conn, FILE_TASK, once=f"{FILE_TASK}:{found.id}:{study_uid}", import_id=found.id,
        study_uid=study_uid, patient_id=patient.id, order_id=order.id if order else "",
        by_name=by.name,
    )  # fmt: skip


def file_study(
    conn: Connection, blobs: BlobStore, found: Import, study_uid: str, patient: Patient,
    order: Order | None, by: By, now: datetime,
) -> StudyId | None:  # fmt: skip
    """File what waits of a study; images of a study that is here as another's are left out."""
    waiting = [
        one
        for one in store.files(conn, found.id)
        if one.study_uid == study_uid and one.state == STAGED
    ]
    here = store_corrections.id_of(conn, found.owner_group, study_uid)
    if here and service.study(conn, here).patient_id != patient.id:
        for one in waiting:
            reason = "this study is here already, as another patient's: look at it first"
            store.change_file(conn, one.id, CONFLICT, reason)
        return None
    study: StudyId | None = None
    for start in range(0, len(waiting), BATCH):
        batch = waiting[start : start + BATCH]
        arrivals = [_arrival(blobs, found, one, now) for one in batch]
        for one, filed in zip(batch, service.file_instances(conn, arrivals), strict=True):
            store.change_file(conn, one.id, _STATES[filed.outcome])
            study = filed.study_id or study
    if study and here is None:
        store_corrections.change_study(conn, study, {"outside": True})
        correcting.reassign(conn, study, patient, order, f"outside: {found.label}", by, now)
    return study


_STATES = {Outcome.NEW: FILED, Outcome.SAME: SAME, Outcome.CONFLICT: CONFLICT}


def _arrival(blobs: BlobStore, found: Import, one: OutsideFile, now: datetime) -> Arrival:
    digest = one.digest or b""
    head = examine(blobs, digest, one.transfer_syntax)
    return Arrival(
        found.owner_group, found.site_id, head, head.sop_class, one.transfer_syntax, digest,
        one.size, SOURCE, now, door="import",
    )  # fmt: skip


def ids(patient_id: str, order_id: str) -> tuple[PatientId, OrderId | None]:
    """Read the ids that a job was queued with."""
    return PatientId(UUID(patient_id)), OrderId(UUID(order_id)) if order_id else None
