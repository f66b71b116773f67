"""Whether the work on studies is over, as those who keep images ask."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from confrere.kernel.ids import StudyId
from confrere.worklist.tables import items


def read_of_studies(conn: Connection, studies: Sequence[StudyId]) -> dict[StudyId, bool]:
    """Whether all work that is, or was, listed of each of these studies is over.

    A study of which nothing was ever listed is left out.
    """
    if not studies:
        return {}
    over = sa.func.bool_and(items.c.finished_at.is_not(None))
    query = sa.select(items.c.study_id, over).where(items.c.study_id.in_(studies))
    found = conn.execute(query.group_by(items.c.study_id))
    return {StudyId(study): bool(read) for study, read in found}
