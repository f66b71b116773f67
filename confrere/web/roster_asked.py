"""The form of a shift, from what was typed. Pure."""

from datetime import date, time
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from confrere.kernel.errors import Invalid
from confrere.kernel.ids import ReaderId, SiteId
from confrere.network.rosters import Written
from confrere.web.agreement_asked import read_id

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]
Names = Annotated[list[Text], Field(max_length=200)]


class Asked(BaseModel):
    """A shift as it was typed."""

    reader: Text = ""
    day: Text = ""
    start: Text = ""
    until: Text = ""
    kind: Text = ""
    subspecialties: Names = []
    site_ids: Names = []
    overflow: Text = ""
    twice: Text = ""
    weeks: Text = "1"


def read_shift(asked: Asked) -> Written:
    """Turn what was typed into a shift; Invalid names the field that can't be read."""
    return Written(
        day=read_date(asked.day, "day"), start=read_time(asked.start, "start"),
        until=read_time(asked.until, "until"), kind=asked.kind,
        subspecialties=frozenset(asked.subspecialties),
        site_ids=frozenset(SiteId(read_id(one, "site_ids")) for one in asked.site_ids),
        takes_overflow=asked.overflow == "yes", twice=asked.twice,
    )  # fmt: skip


def read_reader(asked: Asked) -> ReaderId:
    """Whose shift it is."""
    return ReaderId(read_id(asked.reader, "reader"))


def read_weeks(asked: Asked) -> int:
    """For how many weeks; the roster checks the bounds."""
    if not (asked.weeks.isascii() and asked.weeks.isdigit()):
        raise Invalid("give the number of weeks as a number", "weeks")
    return int(asked.weeks)


def read_date(typed: str, field: str) -> date:
    """A day; Invalid."""
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise Invalid("give the day as 2026-11-24", field) from None


def read_time(typed: str, field: str) -> time:
    """A wall time; Invalid."""
    try:
        return time.fromisoformat(typed).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        raise Invalid("give the hour as 07:00", field) from None
