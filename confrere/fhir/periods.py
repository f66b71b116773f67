"""What a date parameter's value covers. Pure. Source: hl7.org/fhir/R4/search.html#date."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import NoReturn

from confrere.kernel.errors import Invalid
from confrere.kernel.periods import Span, Spans

FORM = re.compile(
    r"(?P<prefix>eq|ne|gt|lt|ge|le|sa|eb)?"
    r"(?P<year>[0-9]{4})(-(?P<month>[0-9]{2})(-(?P<day>[0-9]{2})"
    r"(?P<time>T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(:(?P<second>[0-9]{2})(\.(?P<part>[0-9]{1,9}))?)?"
    r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?"
)


def instants(name: str, value: str) -> Spans:
    """Read a value as spans of instants; without a zone it is UTC. Raises Invalid."""
    prefix, start, end = _period(name, value)
    return _compare(prefix, start, end)


def days(name: str, value: str) -> Spans:
    """Read a value as spans of calendar days. Raises Invalid, also for a time of day."""
    if "T" in value:
        raise Invalid(f"{name}: give a date without a time, such as 1970-01-31", name)
    prefix, start, end = _period(name, value)
    return _compare(prefix, start.date(), end.date())


def _compare(prefix: str, start: date, end: date) -> Spans:
    return {
        "eq": (Span(start, end),),
        "ne": (Span(None, start), Span(end, None)),
        "gt": (Span(end, None),),
        "sa": (Span(end, None),),
        "ge": (Span(start, None),),
        "lt": (Span(None, start),),
        "eb": (Span(None, start),),
        "le": (Span(None, end),),
    }[prefix]


def _period(name: str, value: str) -> tuple[str, datetime, datetime]:
    found = FORM.fullmatch(value.replace(" ", "+"))  # a zone's plus in a URL
    if found is None:
        _refuse(name)
    part = found.groupdict()
    try:
        start = _start(part)
        return part["prefix"] or "eq", start.astimezone(UTC), _end(part, start).astimezone(UTC)
    except (ValueError, OverflowError):
        _refuse(name)


def _start(part: dict[str, str | None]) -> datetime:
    month, day = part["month"] or "01", part["day"] or "01"
    hour, minute = part["hour"] or "00", part["minute"] or "00"
    second = min(part["second"] or "00", "59")  # a leap second is the one before it
    micro = (part["part"] or "").ljust(6, "0")[:6]
    zone = part["zone"] or "Z"
    text = f"{part['year']}-{month}-{day}T{hour}:{minute}:{second}.{micro}{zone}"
    return datetime.fromisoformat(text)


def _end(part: dict[str, str | None], start: datetime) -> datetime:
    if part["month"] is None:
        return start.replace(year=start.year + 1)
    if part["day"] is None:
        later = start + timedelta(days=31)
        return later.replace(day=1)
    if part["time"] is None:
        return start + timedelta(days=1)
    if part["second"] is None:
        return start + timedelta(minutes=1)
    if part["part"] is None:
        return start + timedelta(seconds=1)
    return start + timedelta(microseconds=10 ** max(0, 6 - len(part["part"])))


def _refuse(name: str) -> NoReturn:
    raise Invalid(
        f"{name}: write a date as 2026, 2026-01, 2026-01-31 or 2026-01-31T08:30:00Z, with eq, "
        "ne, gt, lt, ge, le, sa or eb before it if need be",
        name,
    )
