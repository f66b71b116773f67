"""Shifts in and out as files: each row told, nothing by halves, and back again."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from icalendar import Calendar

from confrere.database.engine import transaction
from confrere.kernel.principal import Role
from confrere.network import rostering
from confrere.web import roster_files_page, rosters_page
from tests.integration.lists_house import HTMX, House, lists_house
from tests.integration.world import NOW

PATH = "/rosters/import"
HEAD = "reader,date,from,until,kind,subspecialties\r\n"
GOOD = HEAD + '"Gray, Gail",2026-12-01,22:00,07:00,night,general\r\n'
CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//x//y//EN
BEGIN:VEVENT
UID:1
DTSTAMP:20261101T000000Z
DTSTART;TZID=America/Chicago:20270303T070000
DTEND;TZID=America/Chicago:20270303T150000
RRULE:FREQ=WEEKLY;COUNT=3
SUMMARY:Gray\\, Gail: day
END:VEVENT
{more}END:VCALENDAR
"""


@pytest.fixture(scope="module")
def house(postgres_socket: str, template: str) -> Iterator[House]:
    routers = [rosters_page.router, roster_files_page.router]
    with lists_house(postgres_socket, template, routers) as made:
        yield made


@pytest.fixture
def owner(house: House) -> httpx.Client:
    return house.signed_in(Role.GROUP_MANAGER)


def run(client: httpx.Client, text: str | bytes, name: str = "shifts.csv") -> httpx.Response:
    raw = text if isinstance(text, bytes) else text.encode()
    return client.post(PATH, files={"file": (name, raw)}, headers=HTMX)


def starts(house: House) -> list[str]:
    with transaction(house.made.system, frozenset()) as conn:
        since = NOW + timedelta(days=4)
        found = rostering.shifts_between(
            conn, [house.world.general], since, since + timedelta(days=200)
        )
    return [f"{shift.starts_at:%Y-%m-%d %H:%M}" for _, shift in found]


def test_a_file_is_tried_first_then_imported_once_and_exported_again(
    house: House, owner: httpx.Client
) -> None:
    told = run(owner, GOOD).text
    assert "1 new shifts, 0 there already" in told
    assert starts(house) == []
    done = owner.post(f"{PATH}/apply", data={"text": GOOD, "kind": "csv"}, headers=HTMX).text
    assert "1 shifts are imported" in done
    assert starts(house) == ["2026-12-02 04:00"]
    assert "0 new shifts, 1 there already" in run(owner, GOOD).text
    exported = owner.get("/rosters/shifts.csv").text
    assert "2026-12-01,22:00,07:00,night,general" in exported
    again = run(owner, "\r\n".join(exported.splitlines()[:1] + exported.splitlines()[2:]))
    assert "there already" in again.text
    calendar = Calendar.from_ical(owner.get("/rosters/shifts.ics").text)
    assert "Gray, Gail: night" in [str(e["summary"]) for e in calendar.walk("VEVENT")]


def test_a_calendar_repeats_at_the_same_wall_time(house: House, owner: httpx.Client) -> None:
    text = CALENDAR.format(more="")
    assert "3 new shifts" in run(owner, text, "shifts.ics").text
    owner.post(f"{PATH}/apply", data={"text": text, "kind": "calendar"})
    assert starts(house)[-3:] == ["2027-03-03 13:00", "2027-03-10 13:00", "2027-03-17 12:00"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("Nobody,2026-12-05,07:00,15:00,,", "is no reader of your group"),
        ('"Novak, Nina",2026-12-05,07:00,15:00,,', "is no reader of your group"),
        ('"Gray, Gail",5.12.2026,07:00,15:00,,', "give the day as"),
        ('"Gray, Gail",2026-12-05,7,15:00,,', "give the hour as"),
        ('"Gray, Gail",2027-03-14,02:30,10:00,,', "Choose 01:30 or 03:30"),
        ('"Gray, Gail",2027-11-07,01:30,10:00,,', "comes twice"),
        ('"Gray, Gail",2026-12-05,07:00,15:00,,neuro', "does not read neuro"),
        ('"Gray, Gail",2026-11-25,07:00,15:00,,', "overlaps another shift"),
    ],
)
def test_each_row_that_does_not_fit_is_told_and_nothing_is_imported(
    house: House, owner: httpx.Client, line: str, says: str
) -> None:
    text = f'{HEAD}{line}\r\n"Gray, Gail",2026-12-20,07:00,15:00,day,\r\n'
    before = starts(house)
    told = run(owner, text).text
    assert says in told
    assert "1 of 2 rows do not fit" in told
    assert '<td class="num">2</td>' in told
    assert "Import 1 shifts" not in told
    refusal = owner.post(f"{PATH}/apply", data={"text": text, "kind": "csv"})
    assert refusal.status_code == 409
    assert starts(house) == before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,day\r\nx,y\r\n", "lacks reader or npi, date, from, until and has day, name"),
        (HEAD, "holds no shifts"),
        ("", "lacks reader or npi"),
        (b"\xff\xfe\x00", "not UTF-8"),
        ("BEGIN:VCALENDAR\r\nnonsense", "not an iCalendar file"),
        ("x" * 1_000_001, "larger than 1 MB"),
    ],
)
def test_a_file_that_is_no_roster_is_refused(
    owner: httpx.Client, text: str | bytes, says: str
) -> None:
    answer = run(owner, text)
    assert answer.status_code == 422
    assert says in answer.text


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ("DTSTART;VALUE=DATE:20270101\r\nDTEND;VALUE=DATE:20270102", "all-day events"),
        ("DTSTART:20270101T100000", "neither when it ends"),
        ("DTSTART:20270101T100000\r\nDTEND:20270105T100000", "36 hours"),
        ("DTSTART:20270101T100000\r\nDTEND:20270101T090000", "ends after it starts"),
    ],
)
def test_an_event_that_is_no_shift_is_told(owner: httpx.Client, event: str, says: str) -> None:
    more = f"BEGIN:VEVENT\r\nUID:2\r\nDTSTAMP:20261101T000000Z\r\n{event}\r\n"
    more += "SUMMARY:Gray\\, Gail: day\r\nEND:VEVENT\r\n"
    assert says in run(owner, CALENDAR.format(more=more), "x.ics").text


def test_only_who_keeps_the_roster_imports(house: House) -> None:
    reader = house.signed_in(Role.RADIOLOGIST, reader=house.world.general)
    assert reader.get(PATH).status_code == 403
    assert reader.get("/rosters/shifts.ics").status_code == 200
    assert house.signed_in(Role.GROUP_MANAGER).get(PATH).status_code == 200
