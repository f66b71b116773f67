"""Rejection notes that came with images: obeyed, and noted in the audit trail."""

from datetime import datetime

from sqlalchemy import Connection

from confrere.audit import service as audit
from confrere.audit.model import Agent, Event
from confrere.imaging import rejecting
from confrere.imaging import service as imaging
from confrere.kernel.ids import StudyId
from confrere.wiring.house import House


def obey_notes(conn: Connection, house: House, study_id: StudyId, now: datetime) -> bool:
    """Hide what notes reject; say whether the study has anything new for a reader."""
    done = rejecting.obey(conn, house.blobs, study_id, now)
    if done.notes:
        study = imaging.study(conn, study_id)
        audit.note(conn, house.audit_key, Event(
            owner_group=study.owner_group, at=now, action="U", kind="rejection", door="dicom",
            agent=Agent(None, "a rejection note", None), patient_id=study.patient_id,
            study_id=study.id, object_id=study.id, detail={"notes": len(done.notes)},
        ))  # fmt: skip
    return done.to_look_at
