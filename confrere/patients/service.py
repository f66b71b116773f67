"""What can be done with patient identities. The caller owns the transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from confrere.jobs import events
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import GroupId, PatientId
from confrere.kernel.periods import Place
from confrere.patients import store
from confrere.patients.model import Demographics, Patient, PatientSeen, PatientsSought
from confrere.patients.telling import plausible

LONGEST_IDENTIFIER = 64  # DICOM LO (PS3.5 table 6.2-1)


def record(
    conn: Connection, owner: GroupId, said: Demographics, at: datetime,
    said_at: datetime | None = None,
) -> Patient:  # fmt: skip
    """Record what a message or image says of a patient; publishes PatientSeen when it is news.

    `said_at` is when its sender said so: an older message only fills what no newer one told.
    Raises Invalid when the identifier is missing or absurd: nothing is ever invented.
    """
    if not said.mrn.strip():
        raise Invalid(
            "the patient identifier is empty: send it in PID-3 or (0010,0020)", "PID-3"
        )
    if len(said.mrn) > LONGEST_IDENTIFIER or not said.mrn.isprintable():
        raise Invalid(
            f"the patient identifier is over {LONGEST_IDENTIFIER} characters or has control "
            "characters: correct it at the sender",
            "PID-3",
        )
    patient, is_news = store.save(conn, owner, said, at, plausible(said_at, at))
    if is_news:
        events.publish(conn, PatientSeen(owner, patient.id, at))
    return patient


def get(conn: Connection, patient_id: PatientId) -> Patient:
    """One patient; NotFound, also when it is another group's."""
    found = store.get(conn, [patient_id])
    if not found:
        raise NotFound("no such patient")
    return found[0]


def find(conn: Connection, owner: GroupId, assigner: str, mrn: str) -> Patient | None:
    """The identity that an assigner gave, if we know it."""
    return store.by_identifier(conn, owner, assigner, mrn)


def search(
    conn: Connection, owners: Sequence[GroupId], conditions: dict[str, str], limit: int,
    offset: int = 0,
) -> list[Patient]:  # fmt: skip
    """Search by mrn, assigner, family, given (beginnings), birth_date."""
    return store.search(conn, owners, conditions, limit, offset)


def get_many(conn: Connection, ids: Sequence[PatientId]) -> list[Patient]:
    """Patients by id, those the caller may see."""
    return store.get(conn, ids)


def page(
    conn: Connection, sought: PatientsSought, limit: int, after: Place | None = None
) -> list[Patient]:
    """Patients that fit, last changed first, from behind `after` on."""
    return store.page(conn, sought, limit, after)


def same_person(conn: Connection, patient: Patient) -> list[Patient]:
    """All identities linked to this one, itself included."""
    if patient.person is None:
        return [patient]
    return store.of_person(conn, patient.person)
