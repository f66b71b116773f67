"""Propose an agreement or a change to one, with a sentence that says what it will mean."""

from collections.abc import Iterable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Conflict, Invalid
from confrere.kernel.ids import AgreementId, GroupId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network import signing
from confrere.network.model import Directory
from confrere.network.terms import READ_TYPES, Terms, check, open_proposal, version_in_force
from confrere.network.wall_time import local_day
from confrere.orders.priorities import MINUTES, NAMES
from confrere.web.access import allow
from confrere.web.acts import show
from confrere.web.agreement_asked import (
    LEND,
    MODALITIES,
    READ,
    Asked,
    blank,
    filled,
    parties,
    read_id,
    read_terms,
)
from confrere.web.agreement_words import DAYS, sentence
from confrere.web.agreements_page import by, noted, to_page
from confrere.web.context import context_of
from confrere.web.rendering import render

NOTHING = AgreementId(UUID(int=0))  # a new agreement is in nobody's way
Party = Annotated[Principal, Depends(allow(Permission.MANAGE_AGREEMENTS))]
Typed = Annotated[Asked, Form()]

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/network/propose")
def propose_form(request: Request, me: Party, to: str = "") -> Response:
    """Show the form of a new agreement."""
    mine, directory = by(me).group, _directory(request, me)
    zone = directory.groups[mine].time_zone
    terms = blank(zone, local_day(context_of(request).now(), zone))
    return _form(request, mine, directory, terms, direction=LEND, other=to)


@router.post("/network/agreements")
def propose(request: Request, me: Party, asked: Typed) -> Response:
    """Propose, signed by the proposer."""
    who = by(me)
    owner, reading = parties(asked, who.group)
    with transaction(context_of(request).engine, me.groups) as conn:
        now = context_of(request).now()
        made = signing.propose(conn, owner, reading, read_terms(asked), who, now)
        head = signing.get(conn, made)
        noted(conn, request, me, head, "proposed", "C", version=1)
    return to_page(request, made)


@router.post("/network/agreements/preview")
def preview(request: Request, me: Party, asked: Typed) -> Response:
    """Say in a sentence what the typed terms will mean, or what they lack."""
    words = trouble = ""
    others: list[str] = []
    try:
        with transaction(context_of(request).engine, me.groups) as conn:
            owner, reading, which = _sides(conn, asked, by(me).group)
            directory = network.directory(conn, context_of(request).now())
            terms = read_terms(asked)
            check(terms, directory.groups, directory.sites, owner, reading)
            words = sentence(terms, owner, reading, directory.groups, directory.sites)
            others = signing.overlapping(conn, which, owner, reading, terms)
    except Invalid as lacking:
        trouble = str(lacking)
    part = "parts/agreement_preview.html"
    return render(request, part, words=words, trouble=trouble, others=others)


@router.get("/network/agreements/{agreement_id}/amend")
def amend_form(request: Request, me: Party, agreement_id: UUID) -> Response:
    """Show the form with the terms that stand."""
    mine, which = by(me).group, AgreementId(agreement_id)
    with transaction(context_of(request).engine, me.groups) as conn:
        head = signing.get(conn, which)
        versions = signing.versions(conn, which)
        directory = network.directory(conn, context_of(request).now())
    waiting = open_proposal(versions)
    if waiting and waiting.proposed_by != mine:
        raise Conflict("the other group's proposal waits: sign or decline it first")
    stands = waiting or version_in_force(head, versions) or versions[0]
    lends = head.owner_group == mine
    other = head.reading_group if lends else head.owner_group
    return _form(
        request, mine, directory, stands.terms, direction=LEND if lends else READ,
        other=str(other), agreement=which,
    )  # fmt: skip


@router.post("/network/agreements/{agreement_id}/amend")
def amend(request: Request, me: Party, agreement_id: UUID, asked: Typed) -> Response:
    """Propose a further version, signed by the proposer."""
    which = AgreementId(agreement_id)
    with transaction(context_of(request).engine, me.groups) as conn:
        now = context_of(request).now()
        number = signing.amend(conn, which, read_terms(asked), by(me), now)
        noted(conn, request, me, signing.get(conn, which), "change proposed", version=number)
    return to_page(request, which)


def _sides(
    conn: Connection, asked: Asked, mine: GroupId
) -> tuple[GroupId, GroupId, AgreementId]:
    if not asked.agreement:
        return *parties(asked, mine), NOTHING
    head = signing.get(conn, AgreementId(read_id(asked.agreement, "agreement")))
    return head.owner_group, head.reading_group, head.id


def _directory(request: Request, me: Principal) -> Directory:
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        return network.directory(conn, context.now())


def _same(names: Iterable[str]) -> list[tuple[str, str]]:
    return [(one, one) for one in names]


def _form(
    request: Request, mine: GroupId, directory: Directory, terms: Terms, *, direction: str,
    other: str, agreement: AgreementId | None = None,
) -> Response:  # fmt: skip
    values: dict[str, Any] = filled(terms)
    reads = {one for reader in directory.readers.values() for one in reader.subspecialties}
    zones = {one.time_zone for one in directory.groups.values()}
    zones |= {one.time_zone for one in directory.sites.values()}
    path = f"/network/agreements/{agreement}/amend" if agreement else "/network/agreements"
    return show(
        request, "agreement_form.html", "parts/agreement_form.html", f=values, mine=mine,
        path=path, direction=direction, other=other, agreement=agreement or "",
        groups=sorted(directory.groups.values(), key=lambda one: one.name),
        sites=sorted(directory.sites.values(), key=lambda one: one.name),
        subspecialties=_same(sorted(reads | terms.subspecialties)), modalities=_same(MODALITIES),
        priorities=[(one, NAMES[one]) for one in MINUTES], minutes=MINUTES,
        days=list(enumerate(DAYS)), read_types=_same(READ_TYPES), zones=sorted(zones | {terms.window_zone}),
    )  # fmt: skip
