"""Who is on duty for what, and shifts as a person writes them. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import GroupId, SiteId
from confrere.network.model import Directory, Reader
from confrere.network.presence import Shift
from confrere.network.wall_time import ONE_DAY, choices

DAY, EVENING, NIGHT = "day", "evening", "night"
KINDS = (DAY, EVENING, NIGHT)
FIRST, SECOND = "first", "second"  # of the two showings of a doubled hour
LONGEST_SHIFT = timedelta(hours=36)
MOST_WEEKS = 52
MOST_WAIT = 480  # minutes


@dataclass(frozen=True, slots=True)
class RosterSettings:
    """A group's rule of signing on. Without it a rostered reader counts as there."""

    sign_on_required: bool = False
    no_show_minutes: int = 15

    @property
    def sign_on_within(self) -> timedelta | None:
        """How long after a shift's start a reader has to sign on; None: not asked for."""
        return timedelta(minutes=self.no_show_minutes) if self.sign_on_required else None


@dataclass(frozen=True, slots=True)
class Written:
    """A shift as a person writes it: wall times of the group's clock.

    `until` no later than `start` is on the next day. `twice` picks one of the two showings
    of an hour that the clocks show twice.
    """

    day: date
    start: time
    until: time
    kind: str = ""
    subspecialties: frozenset[str] = frozenset()
    site_ids: frozenset[SiteId] = frozenset()
    takes_overflow: bool = True
    twice: str = ""


def shift_of(written: Written, zone: str) -> Shift:
    """Turn wall times into instants.

    Raises Invalid for a skipped hour, naming the two times that may have been meant, and for
    a doubled one that nobody picked a showing of.
    """
    last = written.day if written.until > written.start else written.day + ONE_DAY
    starts = _instant(written.day, written.start, zone, written.twice, "start")
    ends = _instant(last, written.until, zone, written.twice, "until")
    return checked(Shift(
        starts, ends, written.kind, written.subspecialties, written.site_ids,
        written.takes_overflow,
    ))  # fmt: skip


def checked(shift: Shift) -> Shift:
    """Return a shift that can be: it ends after it starts, and within 36 hours; Invalid."""
    if not timedelta() < shift.ends_at - shift.starts_at <= LONGEST_SHIFT:
        raise Invalid("a shift ends after it starts, and lasts up to 36 hours", "until")
    return shift


def weekly(written: Written, weeks: int) -> list[Written]:
    """The same shift in this and the following weeks, at the same wall times."""
    if not 1 <= weeks <= MOST_WEEKS:
        raise Invalid(f"repeat a shift for 1 to {MOST_WEEKS} weeks", "weeks")
    same = {
        name: getattr(written, name)
        for name in ("start", "until", "kind", "subspecialties", "site_ids", "takes_overflow")
    }
    return [
        Written(written.day + week * 7 * ONE_DAY, **same, twice=written.twice)
        for week in range(weeks)
    ]


def serves(
    reader: Reader, owner: GroupId, subspecialty: str, site: SiteId | None, at: datetime
) -> bool:
    """Say whether a reader is on duty now for an exam of `owner`, by the shift's own words.

    `site` None asks for any site.
    """
    shift = reader.shift_at(at)
    return (
        shift is not None
        and reader.on_duty(at)
        and meant(reader, shift, owner, subspecialty, site)
    )


def meant(
    reader: Reader, shift: Shift, owner: GroupId, subspecialty: str, site: SiteId | None
) -> bool:
    """Say whether a shift is meant for such an exam."""
    if reader.group != owner and not shift.takes_overflow:
        return False
    if subspecialty and shift.subspecialties and subspecialty not in shift.subspecialties:
        return False
    return site is None or not shift.site_ids or site in shift.site_ids


def cover(
    directory: Directory, group: GroupId, subspecialty: str, site: SiteId | None, at: datetime
) -> bool:
    """Say whether a group has a reader of its own on duty for such exams at an instant.

    Where it has none, its exams go to other groups: urgent ones at once, others as the
    agreement says (`agreements.overflow_opens`), without anybody changing a rule.
    """
    return any(
        one.group == group
        and one.active
        and subspecialty in one.subspecialties
        and serves(one, group, subspecialty, site, at)
        for one in directory.readers.values()
    )


def rostered(
    readers: Iterable[Reader], group: GroupId, subspecialty: str, at: datetime,
    owner: GroupId | None = None,
) -> int:  # fmt: skip
    """Count a group's readers whose shifts cover such exams of `owner` at a time to come."""
    return sum(
        one.group == group
        and one.active
        and subspecialty in one.subspecialties
        and (shift := one.shift_at(at)) is not None
        and meant(one, shift, owner or group, subspecialty, None)
        for one in readers
    )


def week_of(day: date) -> tuple[date, ...]:
    """The seven days of a day's week, from Monday."""
    monday = day - day.weekday() * ONE_DAY
    return tuple(monday + n * ONE_DAY for n in range(7))


def meets(shift: Shift, others: Sequence[Shift]) -> Shift | None:
    """The other shift of the same reader that this one would overlap."""
    return next(
        (
            one
            for one in others
            if one.id != shift.id
            and one.starts_at < shift.ends_at
            and shift.starts_at < one.ends_at
        ),
        None,
    )


def _instant(day: date, wall: time, zone: str, twice: str, field: str) -> datetime:
    found = choices(day, wall, zone)
    if not found.instants:
        early, late = found.around
        raise Invalid(
            f"there is no {wall:%H:%M} on {day}: the clocks are put forward over it. Choose "
            f"{early:%H:%M} or {late:%H:%M}",
            field,
        )
    if len(found.instants) == 1:
        return found.instants[0]
    if twice not in (FIRST, SECOND):
        raise Invalid(
            f"{wall:%H:%M} on {day} comes twice: the clocks are put back. Choose the first or "
            "the second",
            "twice",
        )
    return found.instants[twice == SECOND]
