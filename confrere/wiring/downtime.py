"""Bring exams that arrive together with what was read of them in downtime."""

from datetime import datetime

from sqlalchemy import Connection

from confrere.imaging import service as imaging
from confrere.kernel.ids import StudyId
from confrere.reading import back_entry
from confrere.worklist.model import Item


def arrived(conn: Connection, item: Item | None, study: StudyId | None, now: datetime) -> None:
    """Enter what was read of an exam, in the transaction that lists it: nobody sees it wait."""
    known = imaging.study(conn, study) if study else None
    back_entry.arrived(conn, item, known, now)


def saw_all(conn: Connection, study: StudyId) -> bool:
    """Say whether the images that came now were all there when the exam was read in downtime."""
    return back_entry.saw_all(conn, imaging.study(conn, study))
