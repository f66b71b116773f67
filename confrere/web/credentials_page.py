"""One reader's credentials: how each stands, what ends next, and the papers that prove them."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Request, UploadFile
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid, NotFound, Refused
from confrere.kernel.ids import ReaderId
from confrere.kernel.principal import Principal
from confrere.network import credentialing
from confrere.network import service as network
from confrere.network.credentials import (
    UNITED_STATES,
    ReadingPlace,
    day_of,
    place_at,
)
from confrere.network.facts import read_fact, typed
from confrere.network.kinds import KINDS, OF_READERS, Kind
from confrere.network.model import Directory, Reader
from confrere.network.records import MOST_BYTES, Credential, Document
from confrere.web.access import allow
from confrere.web.acts import note_act, note_seen, show
from confrere.web.context import context_of
from confrere.web.credential_marks import LAPSED, SOON, Mark, mark_of
from confrere.web.credential_scope import (
    Typed,
    codes,
    kept_reader,
    recorded_by,
    scope_of,
    site_names,
)

PAGE, PART = "network.html", "parts/credentials_body.html"
NEXT = 4  # what ends next, at the top
LONGEST_SEAT = timedelta(hours=24)
Seer = Annotated[Principal, Depends(allow(Permission.READ_CREDENTIALS))]
Keeper = Annotated[Principal, Depends(allow(Permission.MANAGE_CREDENTIALS))]
OneReader = Annotated[Principal, Depends(allow(Permission.CLAIM))]

router = APIRouter(default_response_class=HTMLResponse)


@dataclass(frozen=True, slots=True)
class Line:
    """One credential as the page shows it."""

    held: Credential
    mark: Mark
    cells: dict[str, str]
    papers: tuple[Document, ...]


@router.get("/network/readers/{reader_id}")
def page(request: Request, me: Seer, reader_id: UUID) -> Response:
    """Show a reader's credentials."""
    return _show(request, me, reader_id)


@router.post("/network/readers/{reader_id}/credentials/{kind_code}")
def add(request: Request, me: Keeper, reader_id: UUID, kind_code: str, form: Typed) -> Response:
    """Record a further credential."""
    kind = _kind(kind_code)
    with transaction(context_of(request).engine, frozenset()) as conn:
        directory, reader = _reader(conn, request, me, reader_id)
    with transaction(context_of(request).engine, scope_of(me, reader.group)) as conn:
        fact = read_fact(kind, form, site_names(directory))
        made = credentialing.record(conn, reader.id, None, fact, recorded_by(request, me))
        _note(conn, request, me, reader, made, "recorded", kind)
    return _show(request, me, reader_id, f"Recorded: {kind.title.lower()}.")


@router.post("/network/credentials/{credential_id}/renew")
def renew(request: Request, me: Keeper, credential_id: UUID, form: Typed) -> Response:
    """Record a credential's next term, or its correction."""
    directory, reader, old = _owned(request, me, credential_id)
    with transaction(context_of(request).engine, scope_of(me, reader.group)) as conn:
        fact = read_fact(old.kind, form, site_names(directory))
        made = credentialing.renew(conn, credential_id, fact, recorded_by(request, me))
        _note(conn, request, me, reader, made, "renewed", old.kind)
    return _show(request, me, reader.id, f"Renewed: {old.kind.title.lower()}.")


@router.post("/network/credentials/{credential_id}/end")
def end(request: Request, me: Keeper, credential_id: UUID, form: Typed) -> Response:
    """Withdraw a credential, with a reason; its row stays."""
    _, reader, old = _owned(request, me, credential_id)
    with transaction(context_of(request).engine, scope_of(me, reader.group)) as conn:
        because = form.get("because", "")
        credentialing.end(conn, credential_id, because, recorded_by(request, me))
        _note(conn, request, me, reader, credential_id, "ended", old.kind)
    said = f"Ended: {old.kind.title.lower()}. Offers that needed it are taken back in seconds."
    return _show(request, me, reader.id, said)


@router.post("/network/credentials/{credential_id}/documents")
def attach(request: Request, me: Keeper, credential_id: UUID, document: UploadFile) -> Response:
    """Attach a paper to a credential."""
    _, reader, old = _owned(request, me, credential_id)
    content = document.file.read(MOST_BYTES + 1)
    context = context_of(request)
    with transaction(context.engine, scope_of(me, reader.group)) as conn:
        made = credentialing.attach(
            conn, context.blobs, credential_id, document.filename or "", content,
            recorded_by(request, me),
        )  # fmt: skip
        _note(conn, request, me, reader, made.id, "document attached", old.kind)
    return _show(request, me, reader.id, f"Attached {made.name}.")


@router.get("/network/documents/{document_id}")
def download(request: Request, me: Seer, document_id: UUID) -> Response:
    """Hand out a document; who did is noted."""
    context = context_of(request)
    with transaction(context.engine, frozenset()) as conn:
        directory = network.directory(conn, context.now())
    groups = me.groups or frozenset(directory.groups)
    with transaction(context.engine, groups) as conn:
        found = credentialing.document(conn, document_id)
        kept_reader(directory, me, found.reader)
        content = context.blobs.read(found.digest)
        note_seen(
            conn, request, me, "credential document", now=context.now(),
            object_id=found.id, owner=found.owner_group,
        )  # fmt: skip
    named = f"attachment; filename*=UTF-8''{quote(found.name)}"
    headers = {"content-disposition": named, "cache-control": "private, no-store"}
    return Response(content, media_type=found.media_type, headers=headers)


@router.post("/network/readers/{reader_id}/place")
def attest(request: Request, me: OneReader, reader_id: UUID, form: Typed) -> Response:
    """Attest where one reads from, for the coming hours."""
    if me.reader != reader_id:
        raise Refused("only the reader can say where they sit")
    context, now = context_of(request), context_of(request).now()
    country = form.get("country", "").strip().upper()
    if len(country) != 2 or not country.isalpha():  # noqa: PLR2004 - ISO 3166-1 alpha-2
        raise Invalid("write the country's two letters, such as US", "country")
    hours = form.get("hours", "")
    if not hours.isdigit() or not 0 < int(hours) <= LONGEST_SEAT / timedelta(hours=1):
        raise Invalid("say for how many hours, 1 to 24", "hours")
    state = form.get("state", "").strip().upper() if country == UNITED_STATES else ""
    seat = ReadingPlace(country, state, now, now + timedelta(hours=int(hours)))
    with transaction(context.engine, me.groups) as conn:
        network.attest_place(conn, ReaderId(reader_id), seat, now)
        note_act(
            conn, request, me, "credential", object_id=reader_id, act="place attested",
            country=country, state=state,
        )  # fmt: skip
    return _show(request, me, reader_id, "Noted where you read from.")


def _kind(code: str) -> Kind:
    kind = KINDS.get(code)
    if kind is None or kind.of_site:
        raise NotFound("no such kind of credential")
    return kind


def _reader(
    conn: Connection, request: Request, me: Principal, reader_id: UUID
) -> tuple[Directory, Reader]:
    directory = network.directory(conn, context_of(request).now())
    return directory, kept_reader(directory, me, reader_id)


def _owned(
    request: Request, me: Principal, credential_id: UUID
) -> tuple[Directory, Reader, Credential]:
    """The credential and its reader, when they are this person's to keep."""
    with transaction(context_of(request).engine, frozenset()) as conn:
        found = credentialing.get(conn, credential_id)
        if found.reader is None:
            raise NotFound("no such credential of a reader")
        directory, reader = _reader(conn, request, me, found.reader)
    return directory, reader, found


def _note(
    conn: Connection, request: Request, me: Principal, reader: Reader, what: UUID, act: str,
    kind: Kind,
) -> None:  # fmt: skip
    note_act(
        conn, request, me, "credential", object_id=what, owner=reader.group, act=act,
        of_kind=kind.code, action="C" if act == "recorded" else "U",
    )  # fmt: skip


def _show(request: Request, me: Principal, reader_id: UUID, said: str = "") -> Response:
    context = context_of(request)
    now = context.now()
    with transaction(context.engine, frozenset()) as conn:
        directory, reader = _reader(conn, request, me, reader_id)
    with transaction(context.engine, scope_of(me, reader.group)) as conn:
        held = credentialing.held(conn, reader.id, ended=True)
        papers = credentialing.documents(conn, reader.id)
        barred = [one for _, one in credentialing.exclusions(conn, reader.id)]
    lines = [_line(one, papers, directory, day_of(now)) for one in held]
    live = [one for one in lines if one.held.ended_at is None]
    ending = [one for one in live if one.mark.kind in (LAPSED, SOON)]
    sections = [(k, [one for one in live if one.held.kind is k]) for k in OF_READERS]
    return show(
        request, PAGE, PART, said=said, tab="readers", reader=reader, sections=sections,
        past=[one for one in lines if one.held.ended_at], ending=ending[:NEXT],
        group=directory.groups[reader.group], sites=directory.sites, barred=barred,
        place=place_at(reader.places, now), codes=codes(directory), me=me,
    )  # fmt: skip


def _line(one: Credential, papers: list[Document], directory: Directory, today: date) -> Line:
    mine = tuple(paper for paper in papers if paper.credential == one.id)
    cells = typed(one.kind, one.fact, codes(directory))
    if cells.get("status") == "expired":
        cells["status"] = "active"  # what a renewal makes of it
    return Line(one, mark_of(one.fact, today), cells, mine)
