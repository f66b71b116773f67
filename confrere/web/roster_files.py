"""Shifts in files: CSV and iCalendar, read row by row and written. Pure.

Names the reader by NPI where there is one, else by the whole name. Wall times are those of
the group's clock; iCalendar times may carry their own zone (RFC 5545 section 3.3.5).
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from icalendar import Calendar, Event

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import ReaderId, SiteId
from confrere.network.model import Reader, Site
from confrere.network.presence import Shift
from confrere.network.rosters import Written, checked, meets, shift_of
from confrere.web.roster_asked import read_date, read_time

COLUMNS = (
    "reader", "npi", "date", "from", "until", "kind", "subspecialties", "sites", "overflow",
    "twice",
)  # fmt: skip
NEEDED = ("date", "from", "until")
MOST_ROWS = 5000
MOST_REPEATS = 400
NPI = "X-CONFRERE-NPI"
NEW, KNOWN = "new", "there already"


@dataclass(frozen=True, slots=True)
class Row:
    """One row or event as it was read: a shift, or what is wrong with it and where."""

    number: int
    told: str  # the reader as the file names them
    reader: ReaderId | None = None
    shift: Shift | None = None
    trouble: str = ""
    field: str = ""
    state: str = NEW


@dataclass(frozen=True, slots=True)
class Roster:
    """What a file is read against."""

    readers: Mapping[ReaderId, Reader]  # of the own group
    sites: Mapping[SiteId, Site]  # of the own group
    zone: str


def read_csv(text: str, roster: Roster) -> list[Row]:
    """Read rows; Invalid names the columns that lack or are not known."""
    table = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    heads = [(one or "").strip().casefold() for one in table.fieldnames or ()]
    unknown = sorted(set(heads) - set(COLUMNS))
    lacking = [one for one in NEEDED if one not in heads]
    if "reader" not in heads and "npi" not in heads:
        lacking.insert(0, "reader or npi")
    if lacking or unknown:
        told = [f"lacks {', '.join(lacking)}"] if lacking else []
        told += [f"has {', '.join(unknown)}, which is not known"] if unknown else []
        raise Invalid(
            f"the file's first line {' and '.join(told)}. The columns are {', '.join(COLUMNS)}",
            "file",
        )
    table.fieldnames = heads
    rows = [_csv_row(number, line, roster) for number, line in enumerate(table, 2)]
    return _bounded(rows)


def read_calendar(text: str, roster: Roster) -> list[Row]:
    """Read events, repeated ones too; Invalid when it is no calendar."""
    try:
        events = Calendar.from_ical(text).walk("VEVENT")
    except (ValueError, IndexError):
        raise Invalid("the file is not an iCalendar file (RFC 5545)", "file") from None
    rows = [
        row
        for number, event in enumerate(events, 1)
        for row in _event_rows(number, event, roster)
    ]
    return _bounded(rows)


def against(rows: Iterable[Row], known: Iterable[tuple[ReaderId, Shift]]) -> list[Row]:
    """Tell which rows are there already, and which would overlap a shift or an earlier row."""
    of_reader: dict[ReaderId, list[Shift]] = {}
    for whose, shift in known:
        of_reader.setdefault(whose, []).append(shift)
    return [_against(row, of_reader) for row in rows]


def write_csv_rows(
    shifts: Iterable[tuple[ReaderId, Shift]], roster: Roster
) -> list[tuple[str, ...]]:
    """The rows of a file that `read_csv` takes."""
    clock = ZoneInfo(roster.zone)
    made: list[tuple[str, ...]] = []
    for whose, shift in shifts:
        reader = roster.readers[whose]
        starts, ends = shift.starts_at.astimezone(clock), shift.ends_at.astimezone(clock)
        codes = sorted(roster.sites[one].code for one in shift.site_ids if one in roster.sites)
        made.append((
            reader.name, reader.npi, starts.date().isoformat(), f"{starts:%H:%M}",
            f"{ends:%H:%M}", shift.kind, ";".join(sorted(shift.subspecialties)),
            ";".join(codes), "yes" if shift.takes_overflow else "no",
            "second" if starts.fold or ends.fold else "",
        ))  # fmt: skip
    return made


def write_calendar(
    shifts: Iterable[tuple[ReaderId, Shift]], roster: Roster, now: datetime
) -> bytes:
    """A calendar that `read_calendar` takes, and that phones show."""
    made = Calendar()
    made.add("prodid", "-//Confrere//Rosters//EN")
    made.add("version", "2.0")
    for whose, shift in shifts:
        reader, event = roster.readers[whose], Event()
        event.add("uid", f"{shift.id}@confrere")
        event.add("dtstamp", now)
        event.add("dtstart", shift.starts_at.astimezone(UTC))
        event.add("dtend", shift.ends_at.astimezone(UTC))
        event.add("summary", f"{reader.name}: {shift.kind or 'shift'}")
        if shift.subspecialties:
            event.add("categories", sorted(shift.subspecialties))
        event.add(NPI, reader.npi)
        made.add_component(event)
    written: bytes = made.to_ical()
    return written


def _csv_row(number: int, line: Mapping[str, Any], roster: Roster) -> Row:
    cells = {name: str(value or "").strip() for name, value in line.items() if name}
    told = cells.get("reader") or cells.get("npi", "")
    try:
        reader = _reader(cells.get("npi", ""), cells.get("reader", ""), roster)
        written = Written(
            read_date(cells["date"], "date"), read_time(cells["from"], "from"),
            read_time(cells["until"], "until"), cells.get("kind", ""),
            _words(cells.get("subspecialties", ""), reader), _sites(cells, roster),
            cells.get("overflow", "").casefold() not in ("no", "n", "false", "0"),
            cells.get("twice", "").casefold(),
        )  # fmt: skip
        return Row(number, told, reader.id, shift_of(written, roster.zone))
    except Invalid as wrong:
        return Row(number, told, trouble=str(wrong), field=wrong.field)


def _event_rows(number: int, event: Any, roster: Roster) -> Iterator[Row]:
    summary = str(event.get("summary", "")).strip()
    name, _, kind = summary.partition(":")
    try:
        reader = _reader(str(event.get(NPI, "")).strip(), name.strip(), roster)
        starts = _event_time(event, "dtstart", roster.zone)
        length = _event_end(event, starts, roster.zone) - starts
        words = _words(";".join(_categories(event)), reader)
        for start in _repeats(event, starts):
            begins = start.astimezone(UTC)
            shift = Shift(begins, begins + length, kind.strip().casefold(), words)
            yield Row(number, summary, reader.id, checked(shift))
    except Invalid as wrong:
        yield Row(number, summary, trouble=str(wrong), field=wrong.field)


def _reader(npi: str, name: str, roster: Roster) -> Reader:
    if npi:
        found = [one for one in roster.readers.values() if one.npi == npi]
    else:
        wanted = " ".join(name.split()).casefold()
        found = [one for one in roster.readers.values() if one.name.casefold() == wanted]
    if len(found) == 1:
        return found[0]
    field, said = ("npi", npi) if npi else ("reader", name)
    if found:
        raise Invalid(f"{said!r} is the name of {len(found)} readers: give the NPI", field)
    raise Invalid(f"{said!r} is no reader of your group: write name or NPI as on record", field)


def _words(typed: str, reader: Reader) -> frozenset[str]:
    words = frozenset(one.strip() for one in typed.split(";") if one.strip())
    if strange := sorted(words - reader.subspecialties):
        raise Invalid(f"{reader.name} does not read {strange[0]}", "subspecialties")
    return words


def _sites(cells: Mapping[str, str], roster: Roster) -> frozenset[SiteId]:
    codes = {one.code: one.id for one in roster.sites.values()}
    asked = [one.strip() for one in cells.get("sites", "").split(";") if one.strip()]
    if strange := [one for one in asked if one not in codes]:
        raise Invalid(f"{strange[0]!r} is no site code of your group", "sites")
    return frozenset(codes[one] for one in asked)


def _event_time(event: Any, name: str, zone: str) -> datetime:
    found = getattr(event.get(name), "dt", None)
    if not isinstance(found, datetime):
        raise Invalid("the event has no hours: all-day events are no shifts", name)
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))


def _event_end(event: Any, starts: datetime, zone: str) -> datetime:
    if "dtend" in event:
        return _event_time(event, "dtend", zone).astimezone(UTC)
    length = getattr(event.get("duration"), "dt", None)
    if not isinstance(length, timedelta):
        raise Invalid("the event says neither when it ends nor how long it lasts", "dtend")
    return starts.astimezone(UTC) + length


def _categories(event: Any) -> list[str]:
    found = event.get("categories")
    listed = found if isinstance(found, list) else [found] if found else []
    return [str(cat) for one in listed for cat in getattr(one, "cats", [one])]


def _repeats(event: Any, starts: datetime) -> Iterator[datetime]:
    """The starts of a repeated event, at the same wall time each; a year of them at most."""
    rule = event.get("rrule")
    if rule is None:
        yield starts
        return
    wall, last = starts.replace(tzinfo=None), starts.replace(tzinfo=None) + timedelta(days=366)
    until = rule.pop("UNTIL", None)
    if until:
        last = min(last, datetime.combine(_day(until[0]), wall.time()))
    try:
        found = rrulestr(rule.to_ical().decode(), dtstart=wall)
    except (ValueError, TypeError):
        raise Invalid("the rule of its repetition is not understood", "rrule") from None
    for number, one in enumerate(found):
        if one > last or number >= MOST_REPEATS:
            return
        yield one.replace(tzinfo=starts.tzinfo)


def _day(until: Any) -> Any:
    return until.date() if isinstance(until, datetime) else until


def _against(row: Row, of_reader: dict[ReaderId, list[Shift]]) -> Row:
    if row.reader is None or row.shift is None:
        return row
    known = of_reader.setdefault(row.reader, [])
    other = meets(row.shift, known)
    if other is None:
        known.append(row.shift)
        return row
    same = (other.starts_at, other.ends_at) == (row.shift.starts_at, row.shift.ends_at)
    if same:
        return Row(row.number, row.told, row.reader, row.shift, state=KNOWN)
    words = "it overlaps another shift of the same reader"
    return Row(row.number, row.told, row.reader, row.shift, words, "from")


def _bounded(rows: Sequence[Row]) -> list[Row]:
    if not rows:
        raise Invalid("the file holds no shifts", "file")
    if len(rows) > MOST_ROWS:
        raise Invalid(f"the file holds more than {MOST_ROWS} shifts: split it", "file")
    return list(rows)
