"""SQL of this part, in and out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.database.paging import Condition, any_of, older, within
from confrere.kernel.ids import GroupId, PatientId
from confrere.kernel.periods import Place
from confrere.patients.model import (
    Demographics,
    Fit,
    Link,
    NameSought,
    Patient,
    PatientsSought,
)
from confrere.patients.tables import patient_links, patients

FIELDS = ("family", "given", "birth_date", "sex", "postal_code")


def save(conn: Connection, owner: GroupId, said: Demographics, at: datetime) -> Patient:
    """Add a patient, or bring what is new; what a message leaves out is kept."""
    given = {name: getattr(said, name) for name in FIELDS}
    made = insert(patients).values(
        owner_group=owner, assigner=said.assigner, mrn=said.mrn, updated_at=at, **given
    )
    news: dict[str, Any] = {name: made.excluded[name] for name in FIELDS if given[name]}
    news["updated_at"] = made.excluded.updated_at
    done = made.on_conflict_do_update(
        index_elements=["owner_group", "assigner", "mrn"], set_=news
    ).returning(patients)
    return _patient(conn.execute(done).one())


def get(conn: Connection, ids: Sequence[PatientId]) -> list[Patient]:
    """Patients by id, as far as this connection may see them."""
    rows = conn.execute(sa.select(patients).where(patients.c.id.in_(ids)))
    return [_patient(row) for row in rows]


def by_identifier(conn: Connection, owner: GroupId, assigner: str, mrn: str) -> Patient | None:
    """The identity that an assigner gave."""
    query = sa.select(patients).where(
        patients.c.owner_group == owner, patients.c.assigner == assigner, patients.c.mrn == mrn
    )
    row = conn.execute(query).first()
    return _patient(row) if row else None


def candidates(conn: Connection, patient: Patient, limit: int = 50) -> list[Patient]:
    """Identities worth comparing: the same birth date, or not yet known to differ."""
    query = (
        sa.select(patients)
        .where(
            patients.c.id != patient.id,
            patients.c.birth_date == patient.demographics.birth_date,
            patients.c.synthetic.is_(False),
        )
        .limit(limit)
    )
    return [_patient(row) for row in conn.execute(query)]


def of_person(conn: Connection, person: UUID) -> list[Patient]:
    """All identities linked as one person."""
    rows = conn.execute(sa.select(patients).where(patients.c.person_id == person))
    return [_patient(row) for row in rows]


def set_person(conn: Connection, patient: PatientId, person: UUID) -> None:
    """Link an identity to a person."""
    conn.execute(sa.update(patients).where(patients.c.id == patient).values(person_id=person))


def note_link(
    conn: Connection, patient: Patient, person: UUID, score: float, how: str, at: datetime
) -> None:
    """Keep why a link was made."""
    conn.execute(
        sa.insert(patient_links).values(
            owner_group=patient.owner_group, patient_id=patient.id, person_id=person,
            score=score, how=how, decided_by="matching", at=at,
        )
    )  # fmt: skip


def links_of(conn: Connection, ids: Sequence[PatientId]) -> list[Link]:
    """Why these identities were linked, newest first."""
    c = patient_links.c
    query = sa.select(patient_links).where(c.patient_id.in_(ids)).order_by(c.at.desc(), c.id)
    return [
        Link(PatientId(r.patient_id), r.score, r.how, r.decided_by, r.at)
        for r in conn.execute(query)
    ]


def new_person(conn: Connection) -> UUID:
    """Make a person's id."""
    made: UUID = conn.execute(sa.select(sa.func.gen_random_uuid())).scalar_one()
    return made


def search(
    conn: Connection, owners: Sequence[GroupId], conditions: dict[str, str], limit: int,
    offset: int = 0,
) -> list[Patient]:  # fmt: skip
    """Patients by exact identifier, family prefix, birth date; newest first."""
    query = sa.select(patients).order_by(patients.c.updated_at.desc(), patients.c.id)
    if owners:
        query = query.where(patients.c.owner_group.in_(owners))
    if "mrn" in conditions:
        query = query.where(patients.c.mrn == conditions["mrn"])
    if "assigner" in conditions:
        query = query.where(patients.c.assigner == conditions["assigner"])
    if "family" in conditions:
        query = query.where(sa.func.lower(patients.c.family).startswith(
            conditions["family"].lower(), autoescape=True
        ))  # fmt: skip
    if "given" in conditions:
        query = query.where(sa.func.lower(patients.c.given).startswith(
            conditions["given"].lower(), autoescape=True
        ))  # fmt: skip
    if "birth_date" in conditions:
        query = query.where(patients.c.birth_date == conditions["birth_date"])
    return [_patient(row) for row in conn.execute(query.limit(limit).offset(offset))]


def page(
    conn: Connection, sought: PatientsSought, limit: int, after: Place | None
) -> list[Patient]:
    """Patients that fit, last changed first."""
    c = patients.c
    asked = [
        c.id.in_(sought.ids) if sought.ids is not None else None,
        c.sex.in_(sought.sexes) if sought.sexes is not None else None,
        within(c.birth_date, sought.born) if sought.born is not None else None,
        within(c.updated_at, sought.updated) if sought.updated is not None else None,
        *(any_of(_identified(*pair) for pair in pairs) for pairs in sought.identifiers),
        *(_named(name) for name in sought.names),
        older(c.updated_at, c.id, after),
    ]
    query = (
        sa.select(patients)
        .where(*(one for one in asked if one is not None))
        .order_by(c.updated_at.desc(), c.id.desc())
        .limit(limit)
    )
    return [_patient(row) for row in conn.execute(query)]


def _identified(assigner: str | None, mrn: str | None) -> Condition:
    return sa.and_(
        sa.true() if assigner is None else patients.c.assigner == assigner,
        sa.true() if mrn is None else patients.c.mrn == mrn,
    )


def _named(name: NameSought) -> Condition:
    def fits(column: Any, value: str) -> Condition:
        if name.fit is Fit.EXACT:
            return sa.and_(column == value)
        low = sa.func.lower(column)
        at_start = name.fit is Fit.START
        test = low.startswith if at_start else low.contains
        return sa.and_(test(value.lower(), autoescape=True))

    return any_of(
        fits(patients.c[field], value) for field in name.fields for value in name.values
    )


def _patient(r: Any) -> Patient:
    said = Demographics(
        r.assigner, r.mrn, r.family, r.given, r.birth_date, r.sex, r.postal_code
    )
    return Patient(
        PatientId(r.id), GroupId(r.owner_group), said, r.person_id,
        PatientId(r.merged_into) if r.merged_into else None, r.updated_at,
    )  # fmt: skip
