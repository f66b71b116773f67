"""Rosters: a week of the own group, partners as numbers, and gaps before they happen."""

from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Connection

from confrere.analytics import service as analytics
from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import GroupId
from confrere.kernel.principal import Principal
from confrere.network import rostering
from confrere.network import service as network
from confrere.network.coverage import Demand
from confrere.network.model import Directory, Reader
from confrere.network.rosters import KINDS, RosterSettings, shift_of, week_of, weekly
from confrere.network.wall_time import ONE_DAY, day_starts, local_day
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.context import context_of
from confrere.web.roster_asked import Asked, read_date, read_reader, read_shift, read_weeks
from confrere.web.roster_view import lines, partner_lines, strips, ticks

PAGE, PART = "rosters.html", "parts/rosters_body.html"
HISTORY_WEEKS = 8  # from which the coming demand is expected
Member = Annotated[Principal, Depends(allow(Permission.READ_DIRECTORY))]
Keeper = Annotated[Principal, Depends(allow(Permission.MANAGE_ROSTERS))]
Typed = Annotated[Asked, Form()]

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/rosters")
def rosters(request: Request, me: Member, week: str = "") -> Response:
    """Show a week's roster and the coming fortnight's coverage."""
    return roster(request, me, read_date(week, "week") if week else None)


@router.post("/rosters/shifts")
def add(request: Request, me: Keeper, asked: Typed) -> Response:
    """Add a shift, once or for some weeks."""
    mine = group_of(me)
    written = weekly(read_shift(asked), read_weeks(asked))
    with transaction(context_of(request).engine, me.groups) as conn:
        directory = network.directory(conn, context_of(request).now())
        reader = own_readers(directory, mine).get(read_reader(asked))
        if reader is None:
            raise Invalid("choose a reader of your group", "reader")
        zone = directory.groups[mine].time_zone
        new = [(reader.id, shift_of(one, zone)) for one in written]
        rostering.add_shifts(conn, directory.readers, new)
        note_act(conn, request, me, "roster", object_id=reader.id, action="C", shifts=len(new))
    said = f"{len(new)} shift{'s' if len(new) > 1 else ''} of {reader.name} added."
    return roster(request, me, written[0].day, said)


@router.post("/rosters/shifts/{shift_id}/move")
def move(request: Request, me: Keeper, shift_id: UUID, asked: Typed) -> Response:
    """Change a shift's day, hours, or what it is for."""
    mine, written = group_of(me), read_shift(asked)
    with transaction(context_of(request).engine, me.groups) as conn:
        zone = zone_of(conn, mine)
        whose = rostering.move_shift(conn, shift_id, shift_of(written, zone))
        note_act(conn, request, me, "roster", object_id=whose, act="moved")
    return roster(request, me, written.day, "The shift is changed.")


@router.post("/rosters/shifts/{shift_id}/delete")
def delete(
    request: Request, me: Keeper, shift_id: UUID, week: Annotated[str, Form()] = ""
) -> Response:
    """Remove a shift."""
    with transaction(context_of(request).engine, me.groups) as conn:
        whose = rostering.remove_shift(conn, shift_id)
        note_act(conn, request, me, "roster", object_id=whose, action="D")
    shown = read_date(week, "week") if week else None
    return roster(request, me, shown, "The shift is removed.")


@router.post("/rosters/settings")
def settings(
    request: Request, me: Keeper, minutes: Annotated[int, Form()],
    required: Annotated[str, Form()] = "",
) -> Response:  # fmt: skip
    """Set the group's rule of signing on."""
    mine = group_of(me)
    with transaction(context_of(request).engine, me.groups) as conn:
        rule = RosterSettings(sign_on_required=required == "yes", no_show_minutes=minutes)
        rostering.set_settings(conn, mine, rule)
        note_act(conn, request, me, "roster settings", sign_on=required or "no", after=minutes)
    return roster(request, me, None, "The rule of signing on is set.")


def roster(request: Request, me: Principal, day: date | None, said: str = "") -> Response:
    """Show the page for the week of `day`, or of today."""
    mine, now = group_of(me), context_of(request).now()
    with transaction(context_of(request).engine, me.groups) as conn:
        directory = network.directory(conn, now)
        zone = directory.groups[mine].time_zone
        today = local_day(now, zone)
        week = week_of(day or today)
        since = day_starts(week[0], zone)
        until = day_starts(week[-1] + ONE_DAY, zone)
        shifts = rostering.shifts_between(conn, list(directory.readers), since, until)
        demand = expected(conn, directory, mine, now)
        rule = rostering.settings(conn, mine)
    own = own_readers(directory, mine)
    words = sorted({one for reader in own.values() for one in reader.subspecialties})
    return show(
        request, PAGE, PART, said=said, week=week, today=today, home_zone=zone, rule=rule,
        lines=lines(own.values(), [s for s in shifts if s[0] in own], week, zone, now),
        partners=partner_lines(directory, mine, shifts, week, zone),
        strips=strips(directory, mine, demand, zone, now), ticks=ticks(zone, now),
        before=week[0] - 7 * ONE_DAY, after=week[0] + 7 * ONE_DAY, kinds=KINDS,
        subspecialties=words,
        sites=[one for one in directory.sites.values() if one.owner_group == mine],
    )  # fmt: skip


def expected(conn: Connection, directory: Directory, mine: GroupId, now: datetime) -> Demand:
    """How many exams an hour come, by the last weeks' arrivals at the own sites."""
    zones = {
        one.id: one.time_zone for one in directory.sites.values() if one.owner_group == mine
    }
    since = now - timedelta(weeks=HISTORY_WEEKS)
    seen = analytics.demand(conn, mine, since, now, zones)
    return {key: number / HISTORY_WEEKS for key, number in seen.items()}


def own_readers(directory: Directory, mine: GroupId) -> dict[UUID, Reader]:
    """The current readers of a group."""
    return {
        one.id: one for one in directory.readers.values() if one.group == mine and one.active
    }


def group_of(me: Principal) -> GroupId:
    """Whose roster it is; Invalid for the collaborative's own people."""
    if me.group is None:
        raise Invalid("Rosters are groups' own; sign in with a group's account.", "group")
    return me.group


def zone_of(conn: Connection, mine: GroupId) -> str:
    """The clock of a group's roster."""
    zone = next((one.time_zone for one in network.groups(conn) if one.id == mine), None)
    if zone is None:
        raise NotFound("no such group")
    return zone
