"""SQL of the further numbers of patients, in and out."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from confrere.database.paging import Condition
from confrere.kernel.ids import GroupId, PatientId
from confrere.patients.model import Number, Patient
from confrere.patients.tables import patient_identifiers, patients


def add(
    conn: Connection, owner: GroupId, patient: PatientId, told: Collection[Number],
    told_at: datetime,
) -> bool:  # fmt: skip
    """Keep further numbers of a patient; say whether any was new."""
    if not told:
        return False
    rows = [
        {"owner_group": owner, "patient_id": patient, "assigner": one.assigner,
         "value": one.value, "kind": one.kind, "told_at": told_at}
        for one in sorted(told)
    ]  # fmt: skip
    key = ["patient_id", "assigner", "value", "kind"]
    adding = insert(patient_identifiers).values(rows).on_conflict_do_nothing(index_elements=key)
    return conn.execute(adding.returning(patient_identifiers.c.patient_id)).first() is not None


def with_further(conn: Connection, found: Sequence[Patient]) -> list[Patient]:
    """Return patients with their further numbers, in the same order."""
    if not found:
        return []
    c = patient_identifiers.c
    known: dict[Any, set[Number]] = {}
    wanted = sa.select(c.patient_id, c.assigner, c.value, c.kind).where(
        c.patient_id.in_([one.id for one in found])
    )
    for row in conn.execute(wanted):
        known.setdefault(row.patient_id, set()).add(Number(row.assigner, row.value, row.kind))
    return [
        replace(one, demographics=replace(one.demographics, further=frozenset(known[one.id])))
        if one.id in known
        else one
        for one in found
    ]


def numbered(assigner: str | None, number: str | None) -> Condition:
    """Whose own or further number it is; None is any assigner, or any number."""
    c, p = patient_identifiers.c, patients.c
    own = sa.select(p.id).where(_fits(p.assigner, p.mrn, assigner, number))
    more = sa.select(c.patient_id).where(_fits(c.assigner, c.value, assigner, number))
    return sa.and_(p.id.in_(own.union_all(more)))


def _fits(at: Any, of: Any, assigner: str | None, number: str | None) -> Condition:
    return sa.and_(
        sa.true() if assigner is None else at == assigner,
        sa.true() if number is None else of == number,
    )


def bearers(conn: Connection, owner: GroupId, assigner: str, number: str) -> list[PatientId]:
    """A group's identities with this further record number."""
    c = patient_identifiers.c
    rows = conn.execute(
        sa.select(c.patient_id, c.kind).where(
            c.owner_group == owner, c.value == number, c.assigner == assigner
        )
    )
    told = {PatientId(r.patient_id) for r in rows if Number(assigner, number, r.kind).is_record}
    return sorted(told)


def assigns(conn: Connection, assigner: str) -> bool:
    """Say whether anybody this connection may see has a further number of this assigner."""
    c = patient_identifiers.c
    found = sa.select(c.patient_id).where(c.assigner == assigner).limit(1)
    return conn.execute(found).first() is not None
