"""Keep and show what stands beside an exam's images. The caller owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from confrere.chart import store
from confrere.chart.model import (
    Allergy,
    Beside,
    ExamNote,
    LabValue,
    clean_note,
    media_type_of,
    newest_labs,
)
from confrere.files.folder import BlobStore
from confrere.kernel.errors import Conflict, NotFound
from confrere.kernel.ids import GroupId, OrderId, PatientId, SiteId, UserId
from confrere.orders.model import Order

BY_HL7 = "HL7"
BY_PERSON = "technologist"


def hear_allergies(
    conn: Connection, owner: GroupId, patient: PatientId, said: Sequence[Allergy], at: datetime
) -> None:
    """Keep allergies as told; one that a later message leaves out stays: silence is no cure."""
    for one in said:
        store.save_allergy(conn, owner, patient, one, one.said_at or at)


def hear_labs(
    conn: Connection, owner: GroupId, patient: PatientId, site: SiteId,
    said: Sequence[LabValue], at: datetime,
) -> None:  # fmt: skip
    """Keep lab values; the same sample again corrects its value."""
    for one in said:
        store.save_lab(conn, owner, patient, site, one, at)


def withdraw_lab(
    conn: Connection, owner: GroupId, patient: PatientId, kind: str, taken_at: datetime
) -> None:
    """Take back a value that the laboratory withdrew (OBX-11 D or W)."""
    store.remove_lab(conn, owner, patient, kind, taken_at)


def hear_note(
    conn: Connection, order: Order, kind: str, text: str, by: str, at: datetime
) -> None:
    """Keep what the site's system says of an exam; the same message again changes nothing."""
    store.add_note(conn, {
        "owner_group": order.owner_group, "site_id": order.site, "order_id": order.id,
        "kind": kind, "text": clean_note(kind, text), "by_name": by, "source": BY_HL7, "at": at,
    })  # fmt: skip


def write_note(
    conn: Connection, order: Order, kind: str, text: str, by: tuple[UserId, str], at: datetime
) -> ExamNote:
    """Keep what a technologist says of an exam. Raises Invalid; Conflict for a double click."""
    made = store.add_note(conn, {
        "owner_group": order.owner_group, "site_id": order.site, "order_id": order.id,
        "kind": kind, "text": clean_note(kind, text), "by_user": by[0], "by_name": by[1],
        "source": BY_PERSON, "at": at,
    })  # fmt: skip
    if made is None:
        raise Conflict("this note was saved a moment ago")
    return made


def note(conn: Connection, key: UUID) -> ExamNote:
    """One note; NotFound, also when it is another group's."""
    found = store.note(conn, key)
    if found is None:
        raise NotFound("no such note")
    return found


def withdraw_note(conn: Connection, key: UUID, by: str, at: datetime) -> None:
    """Take a note back: it is kept, and shown no more."""
    if not store.withdraw(conn, key, by, at):
        raise Conflict("this note was taken back before")


def keep_paper(
    conn: Connection, blobs: BlobStore, owner: GroupId, site: SiteId, patient: PatientId,
    order: OrderId | None, title: str, content: bytes, source: str, at: datetime,
) -> None:  # fmt: skip
    """Keep a scanned paper; Invalid for what is no PDF, PNG or JPEG by its own bytes."""
    media = media_type_of(content)
    store.add_paper(conn, {
        "owner_group": owner, "site_id": site, "patient_id": patient, "order_id": order,
        "title": title, "media_type": media, "size": len(content),
        "digest": blobs.put(content), "source": source, "at": at,
    })  # fmt: skip


def beside(
    conn: Connection, patients: Sequence[PatientId], orders: Sequence[OrderId]
) -> Beside:
    """What is known beside an exam, as far as this connection may see it."""
    known: dict[str, Allergy] = {}
    for one in store.allergies_of(conn, patients):
        known.setdefault(one.substance.casefold(), one)
    return Beside(
        tuple(store.notes_of(conn, orders)), tuple(known.values()),
        newest_labs(store.labs_of(conn, patients)), tuple(store.papers_of(conn, orders)),
    )  # fmt: skip


def notes(conn: Connection, orders: Sequence[OrderId]) -> list[ExamNote]:
    """Notes of these orders that stand."""
    return store.notes_of(conn, orders)
