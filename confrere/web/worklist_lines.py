"""What one person sees of each worklist item. Pure.

The database shows a group's own items and those offered to it; here each becomes a line for
one reader: which lists it is on, what can be done with it, and whether the patient may be
named. A reader who may not read another group's exam sees that it exists and why not, never
whose it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from confrere.kernel.principal import Principal
from confrere.network.model import READS_ELSEWHERE, Directory, Reader
from confrere.orders.priorities import AT_ONCE, NAMES, ROUTINE
from confrere.worklist.case import case_in
from confrere.worklist.choosing import takes_from_the_list
from confrere.worklist.eligibility import eligibility, is_eligible
from confrere.worklist.elsewhere import told_of, why_closed
from confrere.worklist.model import ARRIVING, LATE, Item, State, Verdict
from confrere.worklist.precedence import precedence

ALL, FOR_ME, MINE, GROUP, NOT_ME = "all", "forme", "mine", "group", "notme"
SHADOW = "shadow"  # only compared with what the site reads itself
SOON = timedelta(minutes=30)
WITHHELD = "Not shown"
A_STEP = 10_000.0  # between what is mine, offered to me, open to me, and the rest


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the page. `withheld` hides the patient; `why` is for the reader."""

    item: Item
    lists: frozenset[str]
    priority: str  # its name for people
    rank: str  # STAT, URG or RTN: how loud it is shown
    withheld: bool
    claimable: bool
    failing: tuple[Verdict, ...]
    why: str
    who: str
    status: str
    status_word: str
    group_name: str  # of the owner, when it is another group's exam
    external: bool
    order: float  # the highest is read first
    closed: str = ""  # why nobody may claim it now, and what helps
    outside: str = ""  # who reads it at the site

    @property
    def patient(self) -> str:
        """The name as shown."""
        return WITHHELD if self.withheld else (self.item.patient_name or "No patient given")

    @property
    def searchable(self) -> str:
        """What the page's search box looks through, in lower case."""
        item = self.item
        own = () if self.withheld else (item.patient_name, item.mrn, *item.accessions)
        words = (
            *own, item.modality, item.description, item.site_name, item.subspecialty,
            f"mod:{item.modality}", f"site:{item.site_name}", self.priority, *item.flags,
            self.who,
        )  # fmt: skip
        return " ".join(words).casefold()


def lines_for(
    me: Principal, items: Sequence[Item], directory: Directory, now: datetime
) -> list[Line]:
    """Make the lines of one person, in the order to read them.

    For a reader: what they hold, what is offered to them, what they may read, the rest; each
    by the policy's urgency for them. For others by urgency.
    """
    reader = directory.readers.get(me.reader) if me.reader else None
    urgency = precedence(items, reader, directory, now)
    made = [_line(me, reader, item, directory, now, urgency[item.id]) for item in items]
    return sorted(made, key=lambda line: (-line.order, str(line.item.id)))


def _line(
    me: Principal, reader: Reader | None, item: Item, directory: Directory, now: datetime,
    urgency: float,
) -> Line:  # fmt: skip
    judged: tuple[Verdict, ...] = ()
    site = directory.sites[item.site]
    if reader is not None:
        judged = eligibility(case_in(directory, item, reader, now))
    able = bool(judged) and is_eligible(judged)
    own = item.owner_group == me.group
    mine = reader is not None and item.held_by == reader.id
    for_me = reader is not None and item.offered_to == reader.id and item.held_by is None
    held = item.held_at_instant(now)
    lists = {ALL} | ({MINE} if mine else set()) | ({FOR_ME} if for_me else set())
    if own:
        lists.add(GROUP)
    if reader is not None and not (able or mine or for_me):
        lists.add(NOT_ME)
    lists = {SHADOW} if item.shadow else lists
    closed = "" if mine else why_closed(item, site)
    outside = told_of(item, site)
    status, word = _status(item, mine=mine, held=held)
    takes = reader is not None and takes_from_the_list(item, reader, directory, now)
    owner = directory.groups.get(item.owner_group)
    return Line(
        item=item,
        lists=frozenset(lists),
        priority=NAMES.get(item.priority, item.priority),
        rank="STAT"
        if item.priority in AT_ONCE
        else "RTN"
        if item.priority == ROUTINE
        else "URG",
        withheld=not (own or able or mine or for_me),
        claimable=(able or for_me) and takes and not (held and not mine) and not closed,
        failing=tuple(v for v in judged if not v.holds),
        why=closed or outside or _why(item, judged, able=able, for_me=for_me),
        who=item.held_name if held else item.outside_by or _offered_name(item, directory),
        status=status,
        status_word=word,
        group_name="" if own or owner is None else owner.name,
        external=site.reporting == READS_ELSEWHERE,
        order=urgency
        + A_STEP * (3 if mine else 2 if for_me else 1 if able and not held and takes else 0),
        closed=closed,
        outside=outside,
    )


def _why(item: Item, judged: Sequence[Verdict], *, able: bool, for_me: bool) -> str:
    if for_me or able or not judged:
        return item.offer_reason
    return "; ".join(verdict.because for verdict in judged if not verdict.holds)


def _offered_name(item: Item, directory: Directory) -> str:
    reader = directory.readers.get(item.offered_to) if item.offered_to else None
    return reader.name if reader else ""


def _status(item: Item, *, mine: bool, held: bool) -> tuple[str, str]:
    if item.state is State.PRELIMINARY:
        return "draft", "Preliminary"
    if held or mine:
        return "read", "Reading"
    if item.shadow or item.is_read_outside:
        return ("hold", "Shadow") if item.shadow else ("read", "At the site")
    waits = {LATE: "Late images", ARRIVING: "Arriving"}
    if marked := next((waits[one] for one in waits if one in item.flags), ""):
        return "hold", marked
    return ("new", "Offered") if item.offered_to else ("new", "Waiting")


@dataclass(frozen=True, slots=True)
class Tally:
    """The figures above the list."""

    unread: int
    overdue: int
    due_soon: int
    urgent: int
    mine: int
    signed_today: int
    median: timedelta | None
    oldest_overdue: timedelta | None


def tally(lines: Sequence[Line], done: Sequence[Item], now: datetime) -> Tally:
    """Count the lines a person can act on, and what they signed today."""
    seen = [line.item for line in lines if not line.withheld and not line.item.shadow]
    left = [item.due_at - now for item in seen if item.due_at]
    over = [-one for one in left if one < timedelta()]
    took = sorted(
        item.finished_at - item.clock_at for item in done if item.finished_at and item.clock_at
    )
    return Tally(
        unread=len(seen),
        overdue=len(over),
        due_soon=sum(timedelta() <= one < SOON for one in left),
        urgent=sum(item.priority in AT_ONCE for item in seen),
        mine=sum(MINE in line.lists for line in lines),
        signed_today=len(done),
        median=took[len(took) // 2] if took else None,
        oldest_overdue=max(over, default=None),
    )
