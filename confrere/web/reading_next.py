"""Which exam a reader opens next. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from confrere.kernel.ids import ItemId, ReaderId
from confrere.network.model import READS_ELSEWHERE, Directory, Reader
from confrere.worklist.case import case_in
from confrere.worklist.choosing import offerable, takes_from_the_list
from confrere.worklist.eligibility import eligibility, is_eligible
from confrere.worklist.model import READ, Item
from confrere.worklist.precedence import precedence


def next_item(
    work: Sequence[Item], directory: Directory, reader: ReaderId | None, at: datetime,
    *, leave_out: ItemId | None = None,
) -> Item | None:  # fmt: skip
    """Choose from open items, by precedence: offered, held, then what the reader may read.

    What was put aside goes on before anything new is begun, but for an offered exam that is
    more urgent. What nobody was offered goes before what another reader was. Exams that
    somebody else holds, and those of sites that report in their own dictation system, are
    left out.
    """
    return next(in_turn(work, directory, reader, at, leave_out=leave_out), None)


def in_turn(
    work: Sequence[Item], directory: Directory, reader: ReaderId | None, at: datetime,
    *, leave_out: ItemId | None = None,
) -> Iterator[Item]:  # fmt: skip
    """The exams that a reader may open next, the best first."""
    known = directory.readers.get(reader) if reader else None
    if known is None:
        return
    first = precedence(work, known, directory, at)
    free = sorted(
        (
            one
            for one in work
            if one.id != leave_out
            and (one.held_by == known.id or not one.held_at_instant(at))
            and directory.sites[one.site].reporting != READS_ELSEWHERE
        ),
        key=lambda one: (-first[one.id], str(one.id)),
    )
    mine = [one for one in free if known.id in (one.held_by, one.offered_to)]
    yield from mine
    rest = [one for one in free if one not in mine]
    for somebodys in (False, True):
        for one in rest:
            if (one.offered_to is not None) is somebodys and _can_read(
                one, known, directory, at
            ):
                yield one


def _can_read(item: Item, reader: Reader, directory: Directory, at: datetime) -> bool:
    if item.kind != READ or not offerable(item):
        return False
    if not takes_from_the_list(item, reader, directory, at):
        return False
    return is_eligible(eligibility(case_in(directory, item, reader, at)))
