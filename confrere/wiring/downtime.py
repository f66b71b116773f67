"""List exams as they arrive, and enter in the same transaction what was read of them in downtime.

So nobody ever sees an exam wait that was read at a gateway.
"""

from datetime import datetime

from sqlalchemy import Connection

from confrere.imaging import service as imaging
from confrere.kernel.ids import OrderId, StudyId
from confrere.reading import back_entry
from confrere.wiring import exams


def study_changed(
    conn: Connection, study_id: StudyId, now: datetime, *, new_images: bool
) -> None:
    """List a study's exam. Images that its reader in downtime had seen all are not late ones."""
    late = new_images and not back_entry.saw_all(conn, imaging.study(conn, study_id))
    item = exams.study_changed(conn, study_id, now, new_images=late)
    back_entry.arrived(conn, item, imaging.study(conn, study_id), now)


def order_changed(conn: Connection, order_id: OrderId, now: datetime) -> None:
    """List an order's exam."""
    item = exams.order_changed(conn, order_id, now)
    study = imaging.study(conn, item.study) if item and item.study else None
    back_entry.arrived(conn, item, study, now)
