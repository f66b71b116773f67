"""Images from outside, filed under the patient and order that a person chose."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from confrere.audit import service as audit
from confrere.audit.model import Agent, Event
from confrere.imaging import importing
from confrere.imaging.corrections import By
from confrere.orders import service as orders
from confrere.patients import service as patients
from confrere.wiring.house import House


def file_study(
    conn: Connection, house: House, key: UUID, study_uid: str, to: tuple[str, str],
    by_name: str, now: datetime,
) -> None:  # fmt: skip
    """File a study of an import, and note it."""
    found = importing.get(conn, key)
    patient_id, order_id = importing.ids(*to)
    patient = patients.get(conn, patient_id)
    order = orders.get(conn, order_id) if order_id else None
    study = importing.file_study(
        conn, house.blobs, found, study_uid, patient, order, By(by_name), now
    )
    audit.note(conn, house.audit_key, Event(
        owner_group=found.owner_group, at=now, action="C", kind="import", door="import",
        agent=Agent(None, by_name, found.owner_group), patient_id=patient.id, study_id=study,
        object_id=found.id, outcome="success" if study else "refused",
        detail={"act": "filed" if study else "left out: here as another patient's"},
    ))  # fmt: skip
