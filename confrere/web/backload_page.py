"""Earlier reports in bulk: give a file, see its dry run row by row, load it, stop, go on."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, Response

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import GroupId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.reading import backloading
from confrere.reading.backload_rows import COLUMNS
from confrere.reading.backloads import CSV, HL7
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.context import context_of
from confrere.web.spreadsheet import Table, download

PAGE, PART = "network.html", "parts/backload_body.html"
LARGEST_FILE = 9 * 1024 * 1024  # what a request may hold; larger files go by the command
SHOWN_PROBLEMS = 200
MOST_PROBLEMS = 100_000
Loader = Annotated[Principal, Depends(allow(Permission.LOAD_REPORTS))]

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/network/earlier-reports")
def listed(request: Request, me: Loader) -> Response:
    """Show the own group's files of earlier reports, and the form that takes one."""
    return _show(request, me)


@router.post("/network/earlier-reports")
def give(
    request: Request, me: Loader, file: UploadFile, site: Annotated[str, Form()] = ""
) -> Response:
    """Take a file and let the worker try each row; nothing is loaded then."""
    group = _group(me)
    content = file.file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise Invalid(
            "the file is over 9 MB: split it, or load it with `confrere load-reports`", "file"
        )
    if not content.strip():
        raise Invalid("the file is empty: choose another", "file")
    context = context_of(request)
    digest = context.blobs.put(content)
    form = (
        HL7 if content.lstrip(b"\xef\xbb\xbf\x0b\r\n ")[:3] in (b"MSH", b"FHS", b"BHS") else CSV
    )
    with transaction(context.engine, me.groups) as conn:
        own = {str(s.id): s for s in network.sites(conn) if s.owner_group == group}
        if site not in own:
            raise Invalid("choose one of your group's sites", "site")
        taken = backloading.take(
            conn, group, own[site].id, form, file.filename or "file", digest, len(content),
            me.name, context.now(),
        )  # fmt: skip
        backloading.queue_check(conn, taken)
        note_act(
            conn, request, me, "earlier reports", object_id=taken.id, action="C", act="given"
        )
    return _show(request, me, taken.id, "The file is taken; each row is being tried.")


@router.get("/network/earlier-reports/layout.csv")
def layout(me: Loader) -> Response:
    """Hand out an empty file with the columns."""
    del me
    return download(Table("earlier-reports", "Earlier reports", tuple(COLUMNS), ()), ())


@router.get("/network/earlier-reports/{key}")
def one(request: Request, me: Loader, key: UUID) -> Response:
    """Show how a file stands, and what was wrong with its rows."""
    return _show(request, me, key)


@router.get("/network/earlier-reports/{key}/problems.csv")
def problems_file(request: Request, me: Loader, key: UUID) -> Response:
    """Hand out what was wrong, row by row."""
    with transaction(context_of(request).engine, me.groups) as conn:
        backloading.get(conn, key)
        found = backloading.problems(conn, key, MOST_PROBLEMS)
    rows = tuple((str(p.row), p.field, p.says, p.remedy) for p in found)
    heads = ("row", "column", "what is wrong", "what helps")
    return download(Table("problems", "Problems by row", heads, rows), ())


@router.post("/network/earlier-reports/{key}/{act}")
def act_on(request: Request, me: Loader, key: UUID, act: str) -> Response:
    """Check again, load (or go on), or stop."""
    context = context_of(request)
    now = context.now()
    with transaction(context.engine, me.groups) as conn:
        found = backloading.get(conn, key)
        if act == "load":
            backloading.go_on(conn, key, now)
            said = "The reports are being loaded."
        elif act == "stop":
            backloading.stop(conn, key, now)
            said = "Stopped; what is loaded stays. It can go on from there."
        elif act == "check" and not found.works:
            backloading.set_state(conn, key, "checking", now)
            backloading.queue_check(conn, found)
            said = "Each row is being tried again."
        else:
            raise NotFound("there is load, stop and check")
        note_act(conn, request, me, "earlier reports", object_id=key, act=act)
    return _show(request, me, key, said)


def _group(me: Principal) -> GroupId:
    if me.group is None:
        raise Invalid("Reports belong to a group; sign in with a group's account.", "group")
    return me.group


def _show(request: Request, me: Principal, key: UUID | None = None, said: str = "") -> Response:
    with transaction(context_of(request).engine, me.groups) as conn:
        files = backloading.listed(conn)
        chosen = backloading.get(conn, key) if key else None
        wrong = backloading.problems(conn, key, SHOWN_PROBLEMS) if key else []
        sites = {site.id: site for site in network.sites(conn)}
    return show(
        request, PAGE, PART, said=said, tab="earlier reports", files=files, chosen=chosen,
        wrong=wrong, sites=sites, columns=COLUMNS,
        own_sites=[s for s in sites.values() if s.owner_group == me.group],
    )  # fmt: skip
