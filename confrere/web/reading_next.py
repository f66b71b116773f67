"""Which exam a reader opens next. Pure."""

from collections.abc import Sequence
from datetime import datetime

from confrere.kernel.ids import ItemId, ReaderId
from confrere.network.model import READS_ELSEWHERE, Directory, Reader
from confrere.worklist.case import case_in
from confrere.worklist.choosing import offerable
from confrere.worklist.eligibility import eligibility, is_eligible
from confrere.worklist.model import READ, Item


def next_item(
    work: Sequence[Item], directory: Directory, reader: ReaderId | None, at: datetime,
    *, leave_out: ItemId | None = None,
) -> Item | None:  # fmt: skip
    """Choose from open items in due order: offered to the reader, then what they may read.

    What nobody was offered goes before what another reader was. Exams that somebody holds,
    and those of sites that report in their own dictation system, are left out.
    """
    known = directory.readers.get(reader) if reader else None
    if known is None:
        return None
    free = [
        one
        for one in work
        if one.id != leave_out
        and not one.held_at_instant(at)
        and directory.sites[one.site].reporting != READS_ELSEWHERE
    ]
    mine = (one for one in free if one.offered_to == known.id)
    open_to_all = (one for one in free if one.offered_to is None)
    others = (one for one in free if one.offered_to not in (None, known.id))
    for one in mine:
        return one
    for group in (open_to_all, others):
        for one in group:
            if _can_read(one, known, directory, at):
                return one
    return None


def _can_read(item: Item, reader: Reader, directory: Directory, at: datetime) -> bool:
    if item.kind != READ or not offerable(item):
        return False
    return is_eligible(eligibility(case_in(directory, item, reader, at)))
