"""Take an exam off the worklist because its images are no longer its own."""

from datetime import datetime

from sqlalchemy import Connection

from confrere.kernel.ids import GroupId, StudyId
from confrere.worklist import store
from confrere.worklist.model import Item, State


def withdraw(conn: Connection, owner: GroupId, study: StudyId, now: datetime) -> Item | None:
    """Cancel what waits for a study that has no order and nothing to be read.

    An exam that somebody holds is left to them: they see that its images are gone.
    """
    changed = None
    for one in store.of_exam(conn, owner, study, []):
        if one.finished_at is None and one.held_by is None:
            values = {"state": State.CANCELLED, "finished_at": now, "updated_at": now}
            changed = store.change(conn, one.id, values)
    return changed
