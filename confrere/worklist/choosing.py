"""When an exam is offered or may be claimed, and who gets one that nobody could type. Pure.

Nothing urgent waits for a clerk: an exam without an order, or of an unknown code, goes to its
own group's reader on duty with a flag, when that one may read there in all but its skill.
"""

from dataclasses import dataclass
from datetime import datetime

from confrere.network.model import Directory, Reader
from confrere.network.routing_settings import PUSH
from confrere.orders.priorities import AT_ONCE
from confrere.worklist.case import case_in
from confrere.worklist.eligibility import eligibility
from confrere.worklist.model import READ, UNMATCHED, Item


@dataclass(frozen=True, slots=True)
class OnCall:
    """Whom an exam is offered that needs a person's look, and why."""

    reader: Reader | None
    reason: str


def offerable(item: Item) -> bool:
    """Urgent exams are offered from the first image; others when their images are complete.

    What the site reads itself, and what is only compared, is offered to nobody.
    """
    if item.shadow or item.is_read_outside:
        return False
    return item.images_complete or item.priority in AT_ONCE or UNMATCHED in item.flags


def takes_from_the_list(
    item: Item, reader: Reader, directory: Directory, now: datetime
) -> bool:
    """Say whether a reader's group lets them claim an exam: under push only what is offered.

    Acute work whose due time is at risk may always be taken.
    """
    if directory.routing_of(reader.group).mode != PUSH or item.offered_to == reader.id:
        return True
    at_risk = item.at_risk_at is not None and now >= item.at_risk_at
    return (
        item.kind != READ or item.held_by == reader.id or (at_risk and item.priority in AT_ONCE)
    )


def on_call(item: Item, directory: Directory, at: datetime) -> OnCall:
    """Find the owner group's reader on duty; of several the one with the lowest id."""
    home = [
        one
        for one in directory.readers.values()
        if one.group == item.owner_group
        and one.on_duty(at)
        and all(
            v.holds for v in eligibility(case_in(directory, item, one, at)) if v.rule != "SCOPE"
        )
    ]
    if not home:
        return OnCall(None, "no reader of the owner group is on duty with privileges")
    best = min(home, key=lambda one: str(one.id))
    return OnCall(best, "on call for exams that need a person's look")
