"""HL7 date and time values (TS, DTM, DT) to aware UTC and back.

Source: HL7 v2.5.1 sections 2.A.21 to 2.A.77.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

from confrere.kernel.errors import Invalid

_FORM = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d{2})(?:(?P<day>\d{2})"
    r"(?:T|T?(?P<hour>\d{2})(?:(?P<minute>\d{2})"
    r"(?:(?P<second>\d{2})(?:\.(?P<fraction>\d{1,9}))?)?)?)?)?)?"
    r"(?P<offset>[+-]\d{4})?",
    re.ASCII,
)
_FARTHEST_OFFSET = timedelta(hours=14)
_MINUTES = 60


def read_timestamp(text: str, zone: tzinfo | None, field: str = "") -> datetime | None:
    """Read a time as aware UTC; None when empty or the explicit null.

    Without an offset it is wall time in `zone`, the site's; `zone=None` refuses such. The hour
    that autumn repeats is taken as its earlier pass, an hour that spring skips as if the
    clock had not changed. Parts left out are the earliest. Raises Invalid naming `field`.
    """
    value = text.strip()
    if value in {"", '""'}:
        return None
    found = _FORM.fullmatch(value)
    if not found:
        raise _unreadable(field)
    try:
        local = _wall_time(found).replace(tzinfo=_zone(found["offset"], zone, field))
        return local.astimezone(UTC)
    except (ValueError, OverflowError) as cause:
        raise _unreadable(field) from cause


def read_date(text: str, field: str = "") -> date | None:
    """Read the calendar date of a DT or TS as written, in no zone; None when empty.

    A value without a day is refused: a birth date must not be made up from a year.
    """
    value = text.strip()
    if value in {"", '""'}:
        return None
    found = _FORM.fullmatch(value)
    if not found or not found["day"]:
        raise _unreadable(field)
    try:
        return _wall_time(found).date()
    except ValueError as cause:
        raise _unreadable(field) from cause


def write_timestamp(at: datetime) -> str:
    """Write an aware time in UTC with its offset, to the second."""
    written = at.astimezone(UTC).isoformat(timespec="seconds")
    return re.sub(r"[-:T]", "", written)


def _wall_time(found: re.Match[str]) -> datetime:
    return datetime(  # noqa: DTZ001
        int(found["year"]),
        int(found["month"] or 1),
        int(found["day"] or 1),
        int(found["hour"] or 0),
        int(found["minute"] or 0),
        int(found["second"] or 0),
        int((found["fraction"] or "")[:6].ljust(6, "0")),
    )


def _zone(offset: str | None, zone: tzinfo | None, field: str) -> tzinfo:
    if offset is None:
        if zone is None:
            raise Invalid(f"{field or 'A time'} needs an offset such as +0000", field=field)
        return zone
    ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:]))
    if int(offset[3:]) >= _MINUTES or ahead > _FARTHEST_OFFSET:
        raise _unreadable(field)
    return timezone(-ahead if offset[0] == "-" else ahead)


def _unreadable(field: str) -> Invalid:
    name = field or "A time"
    return Invalid(f"{name} is no date or time; send YYYYMMDDHHMMSS+ZZZZ", field=field)
