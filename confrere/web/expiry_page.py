"""What ends within 90 days or has lapsed, and the reminders nobody has seen yet."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.principal import Principal
from confrere.network import credentialing
from confrere.network import service as network
from confrere.network.credentials import day_of
from confrere.network.facts import typed
from confrere.network.model import Directory
from confrere.network.records import LAPSED, THRESHOLDS, Credential, Reminder, threshold_of
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.context import context_of
from confrere.web.credential_scope import codes, groups_of
from confrere.web.spreadsheet import Table, download

PAGE, PART = "network.html", "parts/expiry_body.html"
Keeper = Annotated[Principal, Depends(allow(Permission.MANAGE_CREDENTIALS))]
HEADS = {
    7: "Within 7 days", 30: "Within 30 days", 90: "Within 90 days", LAPSED: "Lapsed",
}  # fmt: skip

router = APIRouter(default_response_class=HTMLResponse)


@dataclass(frozen=True, slots=True)
class Due:
    """One credential that ends: whose, which, and in how many days."""

    held: Credential
    whose: str
    what: str
    days: int
    href: str


@router.get("/network/expiry")
def expiry(request: Request, me: Keeper) -> Response:
    """Show what ends, what lapsed first."""
    return _show(request, me)


@router.get("/network/expiry.csv")
def expiry_file(request: Request, me: Keeper) -> Response:
    """Hand out the same list as a table."""
    found, _ = _found(request, me)
    rows = tuple(
        (one.whose, one.held.kind.title, one.what, str(one.held.ends_on), one.days)
        for lines in found.values()
        for one in lines
    )
    heads = ("Whose", "Credential", "Which", "Last day", "Days left")
    return download(Table("expiry", "Expiring credentials", heads, rows), ())


@router.post("/network/reminders/{reminder_id}/seen")
def seen(request: Request, me: Keeper, reminder_id: UUID) -> Response:
    """Take a reminder off the list."""
    context = context_of(request)
    with transaction(context.engine, groups_of(request, me)) as conn:
        credentialing.see_reminder(conn, reminder_id, me.name, context.now())
        note_act(conn, request, me, "credential", object_id=reminder_id, act="reminder seen")
    return _show(request, me, "Noted as seen.")


def _show(request: Request, me: Principal, said: str = "") -> Response:
    found, notices = _found(request, me)
    sections = [(HEADS[one], found[one]) for one in (LAPSED, *reversed(THRESHOLDS[:-1]))]
    return show(
        request, PAGE, PART, said=said, tab="expiry", sections=sections, notices=notices,
        heads=HEADS,
    )  # fmt: skip


def _found(
    request: Request, me: Principal
) -> tuple[dict[int, list[Due]], list[tuple[Reminder, Due]]]:
    context = context_of(request)
    groups, today = groups_of(request, me), day_of(context.now())
    with transaction(context.engine, groups) as conn:
        directory = network.directory(conn, context.now())
        held = credentialing.expiring(conn, sorted(groups), today)
        reminders = credentialing.reminders(conn)
    found: dict[int, list[Due]] = {one: [] for one in THRESHOLDS}
    lines = {}
    for one in held:
        threshold = threshold_of(one, today)
        if one.ends_on is None or threshold is None:
            continue
        lines[one.id] = _due(one, directory, (one.ends_on - today).days)
        found[threshold].append(lines[one.id])
    return found, [(r, lines[r.credential]) for r in reminders if r.credential in lines]


def _due(one: Credential, directory: Directory, days: int) -> Due:
    cells = typed(one.kind, one.fact, codes(directory))
    shown = [cells[name] for name in one.kind.identity if cells[name]]
    if one.reader is not None:
        whose, href = directory.readers[one.reader].name, f"/network/readers/{one.reader}"
        href += f"#kind-{one.kind.code.replace(' ', '-')}"
    else:
        site = directory.sites[one.site] if one.site else None
        whose, href = site.name if site else "", "/network"
    return Due(one, whose, " ".join(shown), days, href)
