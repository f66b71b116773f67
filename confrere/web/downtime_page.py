"""What was read at gateways while this deployment could not be reached: entered, or for a person."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import StringConstraints
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission, may
from confrere.kernel.errors import Invalid
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.reading import back_entry
from confrere.reading import service as reading
from confrere.reading.downtime import (
    ASIDE,
    CONFLICT,
    ENTERED,
    UNMATCHED,
    WAITING,
    DowntimeRead,
)
from confrere.reading.model import SECTIONS, Report, Version
from confrere.web.access import allow
from confrere.web.acts import note_act, note_seen, show
from confrere.web.context import context_of
from confrere.worklist.model import Item

PAGE, BODY = "downtime.html", "parts/downtime_body.html"
LABELS = {
    CONFLICT: "In conflict", UNMATCHED: "To be matched", WAITING: "Waiting for its exam",
    ENTERED: "Entered", ASIDE: "Set aside",
}  # fmt: skip
Looker = Annotated[Principal, Depends(allow(Permission.READ_WORKLIST))]
Decider = Annotated[Principal, Depends(allow(Permission.RESOLVE_DOWNTIME))]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), Form()]
Number = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]
State = Annotated[str, Query(max_length=20)]

router = APIRouter(default_response_class=HTMLResponse)


@dataclass(frozen=True, slots=True)
class Line:
    """One downtime read, the exams it may belong to, and what the centre has of them."""

    read: DowntimeRead
    exams: list[tuple[Item, Report | None, list[Version]]]
    typed: str = ""  # the accession number that was looked up


@router.get("/downtime")
def downtime_reads(request: Request, me: Looker, state: State = "") -> Response:
    """Show the own group's, what needs a person first."""
    return _show(request, me, state)


@router.post("/downtime/{key}/look")
def look_up(
    request: Request, me: Decider, key: UUID, accession: Annotated[Number, Form()]
) -> Response:
    """Look for the exam of an accession number, to compare before anything is entered."""
    return _show(request, me, "", looked=key, accession=accession)


@router.post("/downtime/{key}/enter")
def enter(
    request: Request, me: Decider, key: UUID, item: Annotated[UUID, Form()],
    words: Words = "", checked: Annotated[str, Form(max_length=8)] = "",
) -> Response:  # fmt: skip
    """Enter a read into the exam that a person chose."""
    if not words:
        raise Invalid("Say why this read counts for this exam.", "words")
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        read = back_entry.get(conn, key)
        chosen = back_entry.chosen(conn, read, item)
        if read.what.mrn != chosen.mrn and checked != "yes":
            raise Invalid(
                "This exam names another MRN than the read: compare the patients, then confirm "
                "that you checked.",
                "checked",
            )
        back_entry.enter_by_hand(conn, key, chosen, words, me.name, context.now())
        note_act(
            conn, request, me, "downtime read", object_id=key, patient=chosen.patient,
            study=chosen.study, act="entered by hand",
        )  # fmt: skip
    return _show(request, me, "", f"Entered: the report says {read.provenance}.")


@router.post("/downtime/{key}/aside")
def set_aside(request: Request, me: Decider, key: UUID, words: Words = "") -> Response:
    """Close a read that is not entered, in words."""
    if not words:
        raise Invalid("Say what was found and done.", "words")
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        back_entry.set_aside(conn, key, words, me.name, context.now())
        note_act(conn, request, me, "downtime read", object_id=key, act="set aside")
    return _show(request, me, "", "Set aside. Its text stays kept, under Set aside.")


@router.post("/downtime/{key}/reopen")
def reopen(request: Request, me: Decider, key: UUID) -> Response:
    """Take up again what was set aside."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        read = back_entry.reopen(conn, key, context.now())
        note_act(conn, request, me, "downtime read", object_id=key, act="taken up again")
    return _show(request, me, "", f"Taken up again: {LABELS[read.state].lower()}.")


def _show(
    request: Request, me: Principal, state: str, said: str = "", *,
    looked: UUID | None = None, accession: str = "",
) -> Response:  # fmt: skip
    context = context_of(request)
    chosen = [state] if state in LABELS else [CONFLICT, UNMATCHED, WAITING]
    lines, counts, sites = [], {}, {}
    with transaction(context.engine, me.groups) as conn:
        if me.group is not None:
            counts = back_entry.counts(conn, me.group)
            found = back_entry.listed(conn, me.group, chosen)
            lines = [_line(conn, one, accession if one.id == looked else "") for one in found]
            sites = {site.id: site for site in network.sites(conn)}
            note_seen(
                conn, request, me, "downtime reads", now=context.now(), shown=len(lines)
            )  # fmt: skip
    order = {name: number for number, name in enumerate(LABELS)}
    lines.sort(key=lambda line: order[line.read.state])
    return show(
        request, PAGE, BODY, said=said, lines=lines, labels=LABELS, sites=sites,
        state=state if state in LABELS else "", sections=SECTIONS, own=me.group is not None,
        decides=may(me, Permission.RESOLVE_DOWNTIME),
        filters=[(name, label, counts.get(name, 0)) for name, label in LABELS.items()],
        open=sum(counts.get(one, 0) for one in (CONFLICT, UNMATCHED, WAITING)),
    )  # fmt: skip


def _line(conn: Connection, read: DowntimeRead, accession: str) -> Line:
    exams = []
    for item in back_entry.likely(conn, read, accession):
        report = reading.of_item(conn, item.id)
        versions = reading.versions(conn, [report.id])[report.id] if report else []
        exams.append((item, report, versions))
    return Line(read, exams, accession)
