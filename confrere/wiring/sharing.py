"""Which studies of other groups a person may open.

The wall in the database is the group's; this one is the reader's own.
"""

from sqlalchemy import Connection

from confrere.kernel.ids import StudyId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.wiring.house import clock
from confrere.worklist import service as worklist
from confrere.worklist.eligibility import is_eligible


def open_studies(conn: Connection, me: Principal) -> frozenset[StudyId]:
    """Studies that other groups opened to this person's group, without those they may not read.

    A reader who is not eligible for another group's exam cannot fetch its images either,
    even while a colleague of the same group reads it.
    """
    opened = {StudyId(one) for one in network.shared(conn, me.groups, "study")}
    if not opened or me.reader is None:
        return frozenset(opened)
    now = clock()
    directory = network.directory(conn, now)
    closed = set()
    for item in worklist.open_items(conn):
        if item.study is None or item.owner_group == me.group or item.study not in opened:
            continue
        if me.reader in (item.offered_to, item.held_by):
            continue
        if not is_eligible(worklist.verdicts(item, directory, now)[me.reader]):
            closed.add(item.study)
    return frozenset(opened - closed)
