"""Choose the reader for an exam. Pure.

Order of choice: among the eligible readers those on duty; of them the least loaded, counted
as minutes of reading already offered to or held by them that are due no later than this exam;
ties go to the owner group, then to the lowest reader id, so that the choice is repeatable.
With nobody eligible the owner group's reader on duty is offered it with a flag, because
nothing urgent waits for a clerk; the caller keeps the verdicts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from confrere.kernel.ids import ReaderId
from confrere.network.model import Directory, Reader
from confrere.network.rosters import serves
from confrere.orders.priorities import AT_ONCE
from confrere.worklist.case import case_in
from confrere.worklist.eligibility import eligibility, is_eligible
from confrere.worklist.feasibility import forecast
from confrere.worklist.model import UNMAPPED, UNMATCHED, Item, Verdict

Load = Mapping[ReaderId, Sequence[tuple[datetime, timedelta]]]  # due time, reading time


@dataclass(frozen=True, slots=True)
class Offer:
    """Whom an exam is offered, and why."""

    reader: Reader | None
    reason: str
    verdicts: Mapping[ReaderId, tuple[Verdict, ...]]


def offerable(item: Item) -> bool:
    """Urgent exams are offered from the first image; others when their images are complete."""
    return item.images_complete or item.priority in AT_ONCE or UNMATCHED in item.flags


def choose(
    item: Item, directory: Directory, load: Load, at: datetime,
    declined: frozenset[ReaderId] = frozenset(),
) -> Offer:  # fmt: skip
    """Judge every reader of the collaborative and choose one.

    Who declined it is chosen again only when every other reader on duty has declined it too.
    """
    verdicts = {
        reader.id: eligibility(case_in(directory, item, reader, at))
        for reader in directory.readers.values()
    }
    able = [r for r in directory.readers.values() if is_eligible(verdicts[r.id])]
    owner, wanted = item.owner_group, item.subspecialty
    there = [r for r in able if serves(r, owner, wanted, item.site, at)]
    duty = [r for r in there if r.id not in declined] or there
    if duty:
        ahead = {r.id: minutes_ahead(r.id, item, load) for r in duty}
        finishes = {one: at + spent + item.reading_time for one, spent in ahead.items()}
        judged = forecast(finishes, item.due_at)
        able = [r for r in duty if r.id in judged.readers]
        best = min(able, key=lambda r: _rank(r, item, load))
        verdicts[best.id] += (judged.verdicts[best.id],)
        why = _why(best, item, directory, duty, load)
        return Offer(best, f"{why} · late forecast" if judged.breach else why, verdicts)
    if {UNMATCHED, UNMAPPED} & set(item.flags):
        return _on_call(item, directory, load, at, verdicts)
    if able:
        return Offer(None, f"{len(able)} eligible, none on duty now", verdicts)
    return Offer(None, "nobody is eligible: see why, reader by reader", verdicts)


def minutes_ahead(reader: ReaderId, item: Item, load: Load) -> timedelta:
    """Reading time already with a reader that is due no later than this exam."""
    work = load.get(reader, ())
    return sum(
        (took for due, took in work if item.due_at is None or due <= item.due_at), timedelta()
    )


def _rank(reader: Reader, item: Item, load: Load) -> tuple[timedelta, bool, str]:
    ahead = minutes_ahead(reader.id, item, load)
    return ahead, reader.group != item.owner_group, str(reader.id)


def _why(
    best: Reader, item: Item, directory: Directory, duty: Sequence[Reader], load: Load
) -> str:
    ahead = int(minutes_ahead(best.id, item, load) / timedelta(minutes=1))
    group = directory.groups[best.group].name
    parts = [item.subspecialty, group, f"{ahead} min ahead", f"1 of {len(duty)} on duty"]
    return " · ".join(part for part in parts if part)


def _on_call(
    item: Item,
    directory: Directory,
    load: Load,
    at: datetime,
    verdicts: Mapping[ReaderId, tuple[Verdict, ...]],
) -> Offer:
    """An exam nobody can type goes to its own group's reader on duty, if licensed there."""
    home = [
        r
        for r in directory.readers.values()
        if r.group == item.owner_group
        and r.on_duty(at)
        and all(v.holds for v in verdicts[r.id] if v.rule != "SCOPE")
    ]
    if not home:
        return Offer(None, "no reader of the owner group is on duty with privileges", verdicts)
    best = min(home, key=lambda r: _rank(r, item, load))
    return Offer(best, "on call for exams that need a person's look", verdicts)
