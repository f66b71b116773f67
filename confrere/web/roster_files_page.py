"""Rosters in and out as files: a dry run first, row by row; nothing is half imported."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Conflict, Invalid
from confrere.kernel.ids import GroupId, ReaderId
from confrere.kernel.principal import Principal
from confrere.network import rostering
from confrere.network import service as network
from confrere.network.model import Directory
from confrere.network.presence import Shift
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.context import context_of
from confrere.web.roster_files import (
    COLUMNS,
    NEW,
    Roster,
    Row,
    against,
    read_calendar,
    read_csv,
    write_calendar,
    write_csv_rows,
)
from confrere.web.rosters_page import group_of, own_readers, roster
from confrere.web.spreadsheet import Table, download

PAGE, PART = "rosters.html", "parts/roster_import.html"
LONGEST_FILE = 1_000_000  # bytes
EXPORTED = timedelta(weeks=26)
CSV, CALENDAR = "csv", "calendar"
Member = Annotated[Principal, Depends(allow(Permission.READ_DIRECTORY))]
Keeper = Annotated[Principal, Depends(allow(Permission.MANAGE_ROSTERS))]

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/rosters/shifts.csv")
def as_csv(request: Request, me: Member) -> Response:
    """Give the coming half year's shifts as CSV, as the import takes them."""
    found, known = _coming(request, me)
    rows = tuple(write_csv_rows(found, known))
    return download(Table("shifts", "Shifts", COLUMNS, rows), ())


@router.get("/rosters/shifts.ics")
def as_calendar(request: Request, me: Member) -> Response:
    """Give the coming half year's shifts as a calendar."""
    found, known = _coming(request, me)
    return Response(
        write_calendar(found, known, context_of(request).now()), media_type="text/calendar",
        headers={"content-disposition": 'attachment; filename="shifts.ics"'},
    )  # fmt: skip


@router.get("/rosters/import")
def import_form(request: Request, me: Keeper) -> Response:
    """Show the form that takes a file."""
    group_of(me)
    return show(request, PAGE, PART, rows=None, columns=COLUMNS, text="", kind="", new=0)


@router.post("/rosters/import")
def dry_run(request: Request, me: Keeper, file: UploadFile) -> Response:
    """Read a file and tell what each row would do; nothing is changed."""
    raw = file.file.read(LONGEST_FILE + 1)
    if len(raw) > LONGEST_FILE:
        raise Invalid("the file is larger than 1 MB: split it", "file")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(
            "the file is not UTF-8 text: save it as CSV UTF-8 or .ics", "file"
        ) from None
    kind = CALENDAR if "BEGIN:VCALENDAR" in text[:4000].upper() else CSV
    with transaction(context_of(request).engine, me.groups) as conn:
        rows, _ = _read(conn, group_of(me), text, kind, context_of(request).now())
    return show(
        request, PAGE, PART, rows=rows, columns=COLUMNS, text=text, kind=kind,
        new=sum(not one.trouble and one.state == NEW for one in rows),
    )  # fmt: skip


@router.post("/rosters/import/apply")
def apply(
    request: Request, me: Keeper, text: Annotated[str, Form(max_length=LONGEST_FILE)],
    kind: Annotated[str, Form()],
) -> Response:  # fmt: skip
    """Add what the dry run showed, all or nothing."""
    with transaction(context_of(request).engine, me.groups) as conn:
        rows, directory = _read(conn, group_of(me), text, kind, context_of(request).now())
        if wrong := [one for one in rows if one.trouble]:
            raise Conflict(f"{len(wrong)} rows do not fit: run the file again to see which")
        new = [
            (one.reader, one.shift)
            for one in rows
            if one.reader and one.shift and one.state == NEW
        ]
        rostering.add_shifts(conn, directory.readers, new)
        note_act(conn, request, me, "roster", action="C", act="imported", shifts=len(new))
    return roster(request, me, None, f"{len(new)} shifts are imported.")


def _read(
    conn: Connection, mine: GroupId, text: str, kind: str, now: datetime
) -> tuple[list[Row], Directory]:
    directory = network.directory(conn, now)
    known = _roster(directory, mine)
    rows = read_calendar(text, known) if kind == CALENDAR else read_csv(text, known)
    at = [one.shift for one in rows if one.shift]
    if not at:
        return rows, directory
    first, last = min(one.starts_at for one in at), max(one.ends_at for one in at)
    there = rostering.shifts_between(conn, list(known.readers), first, last)
    return against(rows, there), directory


def _coming(request: Request, me: Principal) -> tuple[list[tuple[ReaderId, Shift]], Roster]:
    now = context_of(request).now()
    with transaction(context_of(request).engine, me.groups) as conn:
        known = _roster(network.directory(conn, now), group_of(me))
        found = rostering.shifts_between(conn, list(known.readers), now, now + EXPORTED)
    return found, known


def _roster(directory: Directory, mine: GroupId) -> Roster:
    own = {ReaderId(one.id): one for one in own_readers(directory, mine).values()}
    sites = {one.id: one for one in directory.sites.values() if one.owner_group == mine}
    return Roster(own, sites, directory.groups[mine].time_zone)
