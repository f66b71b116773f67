"""Carry out approved removals whose waiting time is over, study by study, audited."""

import shutil

from confrere.audit import service as audit
from confrere.audit.model import Agent, Event
from confrere.database.engine import transaction
from confrere.keeping import deletions
from confrere.keeping.model import Deletion
from confrere.wiring import sweeping
from confrere.wiring.house import House

AGENT = Agent(None, "retention", None)


def execute(house: House) -> int:
    """Remove what is approved and ripe; return how many studies went."""
    with transaction(house.system, frozenset()) as conn:
        ripe = deletions.ripe(conn, house.now())
    gone = sum(_one(house, found) for found in ripe)
    if gone:
        # pictures made of frames lie there under other names; what is needed is made anew
        shutil.rmtree(house.blobs.root / "made", ignore_errors=True)
    return gone


def _one(house: House, found: Deletion) -> int:
    with transaction(house.system, frozenset()) as conn:
        lines = deletions.lines(conn, found.id, left=True)
    gone = 0
    for line in lines:
        with transaction(house.system, frozenset()) as conn:
            if deletions.get(conn, found.id).state != found.state:
                return gone  # undone meanwhile
            removed = deletions.execute(conn, found, line, house.now())
            audit.note(conn, house.audit_key, Event(
                found.owner_group, house.now(), "D", "images", "retention", AGENT,
                study_id=line.study, object_id=found.id,
                detail={"what": "removed" if removed else "spared", "rule": line.rule,
                        "images": len(removed)},
            ))  # fmt: skip
        sweeping.let_go(house, [one.digest for one in removed])
        gone += bool(removed)
    with transaction(house.system, frozenset()) as conn:
        deletions.finish(conn, found, house.now())
    return gone
