"""Who reads an exam in the site's own system, from what that system said. Pure.

All that was said is kept and folded by the time it was said, so that messages may come in any
order and more than once.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from confrere.network.model import Site
from confrere.worklist.model import SILENT, Item

LET_GO, BEING_READ, DRAFTED, REPORTED = "let go", "being read", "preliminary", "reported"
IN_PROGRESS = "in progress"  # being read when said after the exam was complete, else acquired
TAKEN_OVER = "taken over"  # said here, by a person who knows that nobody reads it there
# of two words said in the same second the one that keeps an exam from a second reader counts
RANKS = {LET_GO: 0, IN_PROGRESS: 1, BEING_READ: 2, DRAFTED: 3, REPORTED: 4}
HERE = ""  # the source of what was said here


@dataclass(frozen=True, slots=True)
class Said:
    """One word of one system about one order. `said_at` is its clock, `heard_at` ours."""

    source: str  # MSH-3; HERE
    word: str
    said_at: datetime
    heard_at: datetime
    reader: str = ""


@dataclass(frozen=True, slots=True)
class Outside:
    """A read at the site: since when, by whom, and when we last heard of it."""

    word: str
    by: str
    since: datetime
    heard_at: datetime

    def is_silent(self, at: datetime, after: timedelta) -> bool:
        """Say whether so long nothing was heard that the exam is offered again."""
        return at - self.heard_at >= after


def standing(words: Sequence[Said], complete_at: datetime | None) -> Outside | None:
    """Tell whether the site reads an exam itself; None where it does not.

    `complete_at` is when the exam was complete, None while it is not.
    Each system speaks for itself: that the RIS lets go does not end what the dictation
    system said. What a person here took over counts again once that system says a newer word.
    """
    words = [one for one in map(_meant(complete_at), words) if one is not None]
    over = max((one.heard_at for one in words if one.word == TAKEN_OVER), default=None)
    found = [
        one
        for source in {one.source for one in words} - {HERE}
        if (one := _of_source([w for w in words if w.source == source], over)) is not None
    ]
    return max(found, key=lambda one: (RANKS[one.word], one.since, one.by), default=None)


def _meant(complete_at: datetime | None) -> Callable[[Said], Said | None]:
    def meant(one: Said) -> Said | None:
        if one.word != IN_PROGRESS:
            return one
        if complete_at is None or one.said_at < complete_at:
            return None  # the acquisition's
        return replace(one, word=BEING_READ)

    return meant


def _of_source(words: Iterable[Said], over: datetime | None) -> Outside | None:
    ordered = sorted(words, key=lambda one: (one.said_at, RANKS[one.word], one.reader))
    run: list[Said] = []
    for one in ordered:
        run = [] if one.word == LET_GO else [*run, one]
    if not run or (over is not None and run[-1].heard_at <= over):
        return None
    if over is not None:
        run = [one for one in run if one.heard_at > over]
    by = next((one.reader for one in reversed(run) if one.reader), "")
    heard = max(one.heard_at for one in run)
    return Outside(run[-1].word, by, run[0].said_at, heard)


def why_closed(item: Item, site: Site) -> str:
    """Say why an exam cannot be claimed now, and what helps; empty where it can."""
    begun = item.held_by is not None or item.preliminary_at is not None
    if item.shadow or (site.is_shadow and not begun):
        return (
            f"{site.name} is in shadow mode: its exams are read in its own system, and only "
            "compared here; they are open to claims once the site is cut over"
        )
    if not item.is_read_outside:
        return ""
    return (
        f"{told_of(item, site)}. Ask them to let it go in their system, which opens it here; "
        "or take it over on the exam's page, with a reason"
    )


def told_of(item: Item, site: Site) -> str:
    """Say who reads an exam at the site and since when; empty where nobody does."""
    if item.outside_since is None:
        return ""
    since = item.outside_since.astimezone(ZoneInfo(site.time_zone))
    who = f"{item.outside_by} at {site.name}" if item.outside_by else site.name
    when = f"since {since:%d %b %H:%M %Z}"
    if SILENT in item.flags:
        return f"{who} began to read this exam {when}, and was not heard of again"
    if item.outside_word == REPORTED:
        return f"{who} has reported this exam, says its system {when}; the report has not come"
    return f"{who} has been reading this exam {when}"
