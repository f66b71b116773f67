"""Import credentials from CSV or Excel, after a dry run; templates and exports of each kind."""

from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, Response

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import GroupId, ReaderId, SiteId
from confrere.kernel.principal import Principal
from confrere.network import credentialing
from confrere.network import service as network
from confrere.network.importing import Known, Plan, heads, line_of, read_table
from confrere.network.kinds import KINDS, Kind
from confrere.network.model import Directory
from confrere.network.records import MOST_BYTES, Credential
from confrere.web import workbook
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.context import context_of
from confrere.web.credential_scope import codes, groups_of, recorded_by, site_names
from confrere.web.spreadsheet import Table, download

PAGE, PART = "network.html", "parts/import_body.html"
CSV, EXCEL = "csv", "xlsx"
KEEPS = allow(Permission.MANAGE_CREDENTIALS)
Keeper = Annotated[Principal, Depends(KEEPS)]

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/network/import", dependencies=[Depends(KEEPS)])
def form(request: Request) -> Response:
    """Show the form, the templates and the exports."""
    return _show(request, "licence", None, "")


@router.post("/network/import")
def take(
    request: Request, me: Keeper, file: UploadFile, kind: Annotated[str, Form()] = "",
    act: Annotated[str, Form()] = "check",
) -> Response:  # fmt: skip
    """Check a file row by row; with `act` import, record all of it or nothing."""
    asked = _kind(kind)
    content = file.file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Invalid(f"the file is over {MOST_BYTES >> 20} MB; split it", "file")
    table = workbook.read_table(content)
    context, groups = context_of(request), groups_of(request, me)
    with transaction(context.engine, groups) as conn:
        directory = network.directory(conn, context.now())
        plan = read_table(asked, table, _known(directory, groups))
        if act != "import" or plan.problems:
            return _show(request, asked.code, plan, "")
        added = credentialing.carry_out(conn, plan, recorded_by(request, me))
        note_act(
            conn, request, me, "credential", act="imported", of_kind=asked.code, rows=added,
        )  # fmt: skip
    same = len(plan.rows) - added
    said = f"Imported: {added} recorded, {same} on record already."
    return _show(request, asked.code, None, said)


@router.get("/network/import/{kind_code}.{ending}")
def table_file(request: Request, me: Keeper, kind_code: str, ending: str) -> Response:
    """Hand out what is on record of a kind, in the very columns that the import reads.

    With nothing on record it is the empty template.
    """
    asked = _kind(kind_code.replace("-", " "))
    context, groups = context_of(request), groups_of(request, me)
    with transaction(context.engine, groups) as conn:
        directory = network.directory(conn, context.now())
        rows = _rows(asked, directory, groups, lambda r, s: credentialing.held(conn, r, s))
    name = asked.code.replace(" ", "-")
    if ending == EXCEL:
        return workbook.workbook(name, heads(asked), rows)
    if ending != CSV:
        raise NotFound("there are .csv and .xlsx files")
    return download(Table(name, asked.title, heads(asked), tuple(map(tuple, rows))), ())


@router.get("/network/import/template/{kind_code}.{ending}", dependencies=[Depends(KEEPS)])
def template(kind_code: str, ending: str) -> Response:
    """Hand out an empty file with the columns of a kind."""
    asked = _kind(kind_code.replace("-", " "))
    name = f"{asked.code.replace(' ', '-')}-template"
    if ending == EXCEL:
        return workbook.workbook(name, heads(asked), [])
    return download(Table(name, asked.title, heads(asked), ()), ())


def _kind(code: str) -> Kind:
    if code not in KINDS:
        raise Invalid("choose what the file holds", "kind")
    return KINDS[code]


def _known(directory: Directory, groups: frozenset[GroupId]) -> Known:
    own = {r.npi: r.id for r in directory.readers.values() if r.npi and r.group in groups}
    others = {
        r.npi: directory.groups[r.group].name
        for r in directory.readers.values()
        if r.npi and r.group not in groups
    }
    mine = {s.code: s.id for s in directory.sites.values() if s.owner_group in groups}
    return Known(own, others, site_names(directory), mine)


def _rows(
    kind: Kind, directory: Directory, groups: frozenset[GroupId],
    held: Callable[[ReaderId | None, SiteId | None], Sequence[Credential]],
) -> list[list[str]]:  # fmt: skip
    shown = codes(directory)
    whose: list[tuple[ReaderId | None, SiteId | None, Sequence[str]]] = []
    if kind.of_site:
        whose = [
            (None, s.id, (s.code,)) for s in directory.sites.values() if s.owner_group in groups
        ]
    else:
        whose = [
            (r.id, None, (r.npi, r.name))
            for r in directory.readers.values()
            if r.group in groups and r.active
        ]
    return [
        line_of(kind, one.fact, first, shown)
        for reader, site, first in whose
        for one in held(reader, site)
        if one.kind is kind
    ]


def _show(request: Request, chosen: str, plan: Plan | None, said: str) -> Response:
    return show(
        request, PAGE, PART, said=said, tab="import", kinds=list(KINDS.values()), plan=plan,
        chosen=chosen, columns=heads(KINDS[chosen]),
    )  # fmt: skip
