"""What can be done with patient identities. The caller owns the transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from confrere.jobs import events
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import GroupId, PatientId
from confrere.kernel.periods import Place
from confrere.patients import store
from confrere.patients.matching import Match, judge
from confrere.patients.model import Demographics, Link, Patient, PatientSeen, PatientsSought

LONGEST_IDENTIFIER = 64  # DICOM LO (PS3.5 table 6.2-1)


def record(conn: Connection, owner: GroupId, said: Demographics, at: datetime) -> Patient:
    """Record what a message or image says of a patient; publishes PatientSeen.

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
    patient = store.save(conn, owner, said, at)
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


def links_of(conn: Connection, ids: Sequence[PatientId]) -> dict[PatientId, Link]:
    """Why each of these identities was linked, by the newest decision on it."""
    found: dict[PatientId, Link] = {}
    for link in store.links_of(conn, ids):
        found.setdefault(link.patient, link)
    return found


def link_matches(conn: Connection, patient_id: PatientId, at: datetime) -> list[PatientId]:
    """Link an identity with those that surely are the same person; return them.

    Needs the system role: the likely ones may belong to other groups. Doubtful pairs stay
    apart until a person has looked.
    """
    patient = get(conn, patient_id)
    if patient.demographics.birth_date is None:
        return []
    linked = []
    for other in store.candidates(conn, patient):
        verdict, score = judge(patient.demographics, other.demographics)
        if verdict is Match.LINK and (patient.person is None or patient.person != other.person):
            person = patient.person or other.person or store.new_person(conn)
            for one in (patient, other):
                store.set_person(conn, one.id, person)
                store.note_link(conn, one, person, score, "scored", at)
            patient = get(conn, patient_id)
            linked.append(other.id)
    return linked
