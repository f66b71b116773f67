"""What can be done with patient identities. The caller owns the transaction."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from confrere.jobs import events
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import GroupId, PatientId
from confrere.kernel.periods import Place
from confrere.patients import store, store_numbers
from confrere.patients.model import (
    Demographics,
    Number,
    Patient,
    PatientSeen,
    PatientsSought,
)
from confrere.patients.telling import plausible

MOST_FURTHER = 20  # of one message: more is no patient
LONGEST_IDENTIFIER = 64  # DICOM LO (PS3.5 table 6.2-1)


def record(
    conn: Connection, owner: GroupId, said: Demographics, at: datetime,
    said_at: datetime | None = None,
) -> Patient:  # fmt: skip
    """Record what a message or image says of a patient; publishes PatientSeen when it is news.

    `said_at` is when its sender said so: an older message only fills what no newer one told.
    Further numbers are added to those that are known; absurd ones are left out. Raises Invalid
    when the identifier is missing or absurd: nothing is ever invented.
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
    usable = sorted(one for one in said.further if _is_usable(one))
    said = replace(said, further=frozenset(usable[:MOST_FURTHER]))
    patient, is_news = store.save(conn, owner, said, at, plausible(said_at, at))
    if is_news:
        events.publish(conn, PatientSeen(owner, patient.id, at))
    return patient


def _is_usable(one: Number) -> bool:
    texts = (one.assigner, one.value)
    return all(
        text.strip() and len(text) <= LONGEST_IDENTIFIER and text.isprintable()
        for text in texts
    )


def get(conn: Connection, patient_id: PatientId) -> Patient:
    """One patient; NotFound, also when it is another group's."""
    found = store.get(conn, [patient_id])
    if not found:
        raise NotFound("no such patient")
    return found[0]


def find(conn: Connection, owner: GroupId, assigner: str, mrn: str) -> Patient | None:
    """The identity that an assigner gave, if we know it.

    Else the only one of the group that has this further record number; None where several have.
    """
    return store.by_identifier(conn, owner, assigner, mrn)


def search(
    conn: Connection, owners: Sequence[GroupId], conditions: dict[str, str], limit: int,
    offset: int = 0,
) -> list[Patient]:  # fmt: skip
    """Search by mrn, number (own or further), assigner, family, given (beginnings), birth_date."""
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


def assigns_numbers(conn: Connection, assigner: str) -> bool:
    """Say whether somebody the caller may see has a further number of this assigner."""
    return store_numbers.assigns(conn, assigner)


def sounding(conn: Connection, family: str, given: str, most: int) -> list[PatientId]:
    """Whose name sounds like this (`sounds`), as far as the caller may see, last changed first.

    Without a given name, the family or the given name may sound like `family`.
    """
    return store.sounding(conn, family, given, most)
