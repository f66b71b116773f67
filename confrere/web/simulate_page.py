"""Try changes to the collaborative on a month that was: ask, follow, compare, keep."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, StringConstraints
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid, Refused
from confrere.kernel.ids import AgreementId, ReaderId, SiteId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network.agreements import IN_FORCE
from confrere.network.model import Directory
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.context import context_of
from confrere.web.rendering import render
from confrere.web.simulate_view import Shown, months_before, shown
from confrere.worklist import trials
from confrere.worklist.changes import Absent, Admit, Change, Hold, Without
from confrere.worklist.replaying import last_month

PAGE, PART = "simulate.html", "parts/simulate_body.html"
Planner = Annotated[Principal, Depends(allow(Permission.SIMULATE))]
Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]

router = APIRouter(default_response_class=HTMLResponse)


class Asked(BaseModel):
    """The form as it was filled in."""

    month: Short = ""
    hold: Short = "1"
    without: list[UUID] = []
    absent: list[UUID] = []
    reader: Short = ""
    site: Short = ""


@router.get("/simulate")
def simulate(request: Request, me: Planner) -> Response:
    """Show the form and what was tried."""
    return _show(request, me)


@router.post("/simulate")
def ask(request: Request, me: Planner, asked: Annotated[Asked, Form()]) -> Response:
    """Queue a replay."""
    if me.group is None:
        raise Refused("Simulations belong to groups; sign in with a group's account.")
    context = context_of(request)
    now = context.now()
    starts, ends = _month(asked.month, now)
    with transaction(context.engine, me.groups) as conn:
        changes = _changes(asked, me, network.directory(conn, now))
        made = trials.ask(conn, me.group, me.name, changes, starts, ends, now)
        note_act(
            conn, request, me, "simulation", object_id=made, action="C", changes=len(changes)
        )
    return _show(request, me, "Queued. The result stands here in less than a minute.")


@router.get("/simulate/{simulation_id}/progress")
def progress(request: Request, me: Planner, simulation_id: UUID) -> Response:
    """Show how far one is, or what it came to."""
    with transaction(context_of(request).engine, me.groups) as conn:
        one = _one(conn, request, simulation_id)
    return render(request, "parts/simulate_one.html", x=one)


@router.post("/simulate/{simulation_id}/remove")
def remove(request: Request, me: Planner, simulation_id: UUID) -> Response:
    """Forget one."""
    with transaction(context_of(request).engine, me.groups) as conn:
        trials.remove(conn, simulation_id)
        note_act(conn, request, me, "simulation", object_id=simulation_id, action="D")
    return _show(request, me, "Removed.")


def _one(conn: Connection, request: Request, key: UUID) -> Shown:
    directory = network.directory(conn, context_of(request).now())
    return shown(trials.get(conn, key), directory)


def _show(request: Request, me: Principal, said: str = "") -> Response:
    context = context_of(request)
    now = context.now()
    with transaction(context.engine, me.groups) as conn:
        directory = network.directory(conn, now)
        tried = trials.listed(conn, me.group) if me.group else []
    values: dict[str, Any] = {
        "tried": [shown(one, directory) for one in tried],
        "months": months_before(now), "groups": directory.groups,
        "agreements": [a for a in directory.agreements if a.state == IN_FORCE],
        "own_readers": _readers(directory, me), "sites": _sites(directory, me),
        "partners": _partners(directory, me),
    }  # fmt: skip
    return show(request, PAGE, PART, said=said, **values)


def _readers(directory: Directory, me: Principal) -> list[Any]:
    own = [r for r in directory.readers.values() if r.group == me.group and r.active]
    return sorted(own, key=lambda one: one.name)


def _partners(directory: Directory, me: Principal) -> list[Any]:
    """Own readers and those of groups that read for us: who might be admitted at our sites."""
    groups = {a.reading_group for a in directory.agreements if a.owner_group == me.group}
    found = [
        r
        for r in directory.readers.values()
        if r.active and (r.group == me.group or r.group in groups)
    ]
    return sorted(found, key=lambda one: (one.group != me.group, one.name))


def _sites(directory: Directory, me: Principal) -> list[Any]:
    """Own sites, and those of groups that we read for."""
    groups = {a.owner_group for a in directory.agreements if a.reading_group == me.group}
    found = [
        s
        for s in directory.sites.values()
        if s.owner_group == me.group or s.owner_group in groups
    ]
    return sorted(found, key=lambda one: (one.owner_group != me.group, one.name))


def _changes(asked: Asked, me: Principal, directory: Directory) -> list[Change]:
    """Read the form; only what concerns the caller's group can be changed."""
    found: list[Change] = []
    if asked.hold == "evenness":
        found.append(Hold(evenness=True))
    elif asked.hold != "1":
        found.append(Hold(_factor(asked.hold)))
    mine = {one.id for one in directory.agreements}  # row-level security shows our own only
    for one in asked.without:
        if one not in mine:
            raise Invalid("This agreement is not one of your group's.", "without")
        found.append(Without(AgreementId(one)))
    own = {one.id for one in _readers(directory, me)}
    for one in asked.absent:
        if one not in own:
            raise Invalid("This reader is not of your group.", "absent")
        found.append(Absent(ReaderId(one)))
    if asked.reader or asked.site:
        found.append(_admitted(asked, me, directory))
    return found


def _admitted(asked: Asked, me: Principal, directory: Directory) -> Admit:
    readers = {
        str(one.id): one.id for one in (*_partners(directory, me), *_readers(directory, me))
    }
    sites = {str(one.id): one.id for one in _sites(directory, me)}
    if asked.reader not in readers:
        raise Invalid("Choose the reader who gets licence and privileges.", "reader")
    if asked.site not in sites:
        raise Invalid("Choose the site at which the reader gets privileges.", "site")
    return Admit(ReaderId(readers[asked.reader]), SiteId(sites[asked.site]))


def _factor(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Invalid("The hold is a factor, as 0.5.", "hold") from None


def _month(text: str, now: datetime) -> tuple[datetime, datetime]:
    if not text:
        return last_month(now)
    try:
        first = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise Invalid("Choose a month.", "month") from None
    if first > now:
        raise Invalid("Choose a month that was.", "month")
    following = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return first, min(following, now)
