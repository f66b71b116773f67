"""Agreements: the list, each one's own page, and what a group does about it."""

from datetime import UTC
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import Connection

from confrere.analytics import service as analytics
from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid
from confrere.kernel.ids import AgreementId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network import signing
from confrere.network.model import Agreement
from confrere.network.signing import By
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.agreement_view import acts, history, rows, stopped, terms_shown
from confrere.web.agreement_words import LABELS, lifetime, sentence
from confrere.web.context import context_of

LIST, ONE = "agreements.html", "agreement.html"
MONTHS = 12
Member = Annotated[Principal, Depends(allow(Permission.READ_DIRECTORY))]
Party = Annotated[Principal, Depends(allow(Permission.MANAGE_AGREEMENTS))]
Words = Annotated[str, Form()]
Number = Annotated[int, Form()]

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/network/agreements")
def agreements(request: Request, me: Member) -> Response:
    """Show the own group's agreements, and what waits for its signature."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        directory = network.directory(conn, context.now())
        waiting = signing.proposals(conn, [one.id for one in directory.agreements])
    today = context.now().astimezone(UTC).date()
    listed = rows(directory, me.group, waiting, today) if me.group else []
    return show(
        request, LIST, "parts/network_agreements.html", tab="agreements",
        waiting=[row for row in listed if row.waits_for_me],
        lends=[row for row in listed if row.agreement.owner_group == me.group],
        reads=[row for row in listed if row.agreement.reading_group == me.group],
    )  # fmt: skip


@router.get("/network/agreements/{agreement_id}")
def agreement(request: Request, me: Member, agreement_id: UUID) -> Response:
    """Show one agreement: terms, signatures, history, and what was given under it."""
    return _one(request, me, AgreementId(agreement_id))


@router.post("/network/agreements/{agreement_id}/sign")
def sign(request: Request, me: Party, agreement_id: UUID, version: Number) -> Response:
    """Counter-sign exactly the version that was shown."""
    with transaction(context_of(request).engine, me.groups) as conn:
        head = signing.sign(
            conn, AgreementId(agreement_id), version, by(me), context_of(request).now()
        )
        noted(conn, request, me, head, "signed", version=version)
    said = f"Version {version} is signed by both and in force."
    return _one(request, me, head.id, said)


@router.post("/network/agreements/{agreement_id}/refuse")
def refuse(request: Request, me: Party, agreement_id: UUID, version: Number) -> Response:
    """Withdraw the own proposal, or decline the other group's."""
    with transaction(context_of(request).engine, me.groups) as conn:
        which = AgreementId(agreement_id)
        how = signing.refuse(conn, which, version, by(me), context_of(request).now())
        noted(conn, request, me, signing.get(conn, which), how, version=version)
    return _one(request, me, which, f"Version {version} is {how}; what was in force stays.")


@router.post("/network/agreements/{agreement_id}/suspend")
def suspend(request: Request, me: Party, agreement_id: UUID, reason: Words = "") -> Response:
    """Suspend an agreement at once, from either side."""
    with transaction(context_of(request).engine, me.groups) as conn:
        now = context_of(request).now()
        head = signing.suspend(conn, AgreementId(agreement_id), by(me), reason, now)
        noted(conn, request, me, head, "suspended")
    said = "Suspended. Offers under it are taken back within seconds."
    return _one(request, me, head.id, said)


@router.post("/network/agreements/{agreement_id}/resume")
def resume(request: Request, me: Party, agreement_id: UUID) -> Response:
    """End the own side's suspension."""
    with transaction(context_of(request).engine, me.groups) as conn:
        now = context_of(request).now()
        head = signing.resume(conn, AgreementId(agreement_id), by(me), now)
        noted(conn, request, me, head, "resumed")
    said = "In force again. Exams are offered under it from now on."
    if head.suspensions:
        said = "Your group's suspension is over; the other group's still stands."
    return _one(request, me, head.id, said)


@router.post("/network/agreements/{agreement_id}/end")
def end(request: Request, me: Party, agreement_id: UUID, reason: Words = "") -> Response:
    """End an agreement for good."""
    with transaction(context_of(request).engine, me.groups) as conn:
        now = context_of(request).now()
        head = signing.end(conn, AgreementId(agreement_id), by(me), reason, now)
        noted(conn, request, me, head, "ended")
    return _one(request, me, head.id, "Ended. Nothing is read under it from now on.")


def by(me: Principal) -> By:
    """Who acts, for which group; Invalid for the collaborative's own people."""
    if me.group is None:
        raise Invalid("Agreements are between groups; sign in with a group's account.", "group")
    return By(me.group, me.name, me.user)


def noted(
    conn: Connection, request: Request, me: Principal, head: Agreement, act: str,
    action: str = "U", version: int = 0,
) -> None:  # fmt: skip
    """Note an act in both parties' trails: each must find it in its own."""
    for party in sorted({head.owner_group, head.reading_group}):
        note_act(
            conn, request, me, "agreement", object_id=head.id, owner=party, action=action,
            act=act, version=version or head.version,
        )  # fmt: skip


def to_page(request: Request, head: AgreementId) -> Response:
    """Send a browser to an agreement's page, also from a form that htmx sent."""
    path = f"/network/agreements/{head}"
    if "hx-request" in request.headers:
        return Response(headers={"hx-redirect": path})
    return RedirectResponse(path, 303)


def _one(request: Request, me: Principal, which: AgreementId, said: str = "") -> Response:
    context = context_of(request)
    now = context.now()
    if me.group is None:
        by(me)
    with transaction(context.engine, me.groups) as conn:
        head = signing.get(conn, which)
        directory = network.directory(conn, now)
        versions = signing.versions(conn, which)
        stops = signing.suspensions(conn, which)
        given = analytics.lent(conn, head.owner_group, head.reading_group, now, MONTHS)
        back = analytics.lent(conn, head.reading_group, head.owner_group, now, MONTHS)
    waiting = next((one for one in versions if one.is_open and not head.ended), None)
    assert me.group is not None  # noqa: S101 - `by` refused
    return show(
        request, ONE, "parts/agreement_body.html", said=said, a=head, waiting=waiting,
        words=sentence(
            head, head.owner_group, head.reading_group, directory.groups, directory.sites
        ),
        span=lifetime(head, now.astimezone(UTC).date()), labels=LABELS,
        terms=terms_shown(head, versions, directory.sites),
        steps=history(head, versions, directory.sites), stops=stops,
        stopped=stopped(head, directory), groups=directory.groups, sites=directory.sites,
        acts=acts(head, waiting, me.group), given=given, back=back,
    )  # fmt: skip
