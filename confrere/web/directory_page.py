"""Admit a group, add its sites and readers, and say what a site's bylaws ask for."""

from collections.abc import Callable
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.exc import IntegrityError
from starlette.responses import RedirectResponse

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Conflict, Invalid
from confrere.kernel.ids import GroupId, ReaderId, SiteId
from confrere.kernel.principal import Principal
from confrere.network import credentialing, modes
from confrere.network import service as network
from confrere.network.facts import read_fact
from confrere.network.fields import STATE, WHOLE, Field
from confrere.network.kinds import KINDS
from confrere.network.model import (
    LIVE,
    READS_ELSEWHERE,
    READS_HERE,
    SHADOW,
    Group,
    Reader,
    Site,
)
from confrere.network.npi import npi_holds
from confrere.network.signing import By
from confrere.web import directory_asked as asked
from confrere.web.access import allow
from confrere.web.acts import note_act
from confrere.web.context import context_of
from confrere.web.credential_scope import Typed, groups_of, recorded_by, scope_of

NEW = UUID(int=0)  # the database gives the real ids
KINDS_OF_SITE = ("hospital", "imaging center")
OLDEST_CHILD = 21
Made = TypeVar("Made")
Admitter = Annotated[Principal, Depends(allow(Permission.ADMIT))]
Keeper = Annotated[Principal, Depends(allow(Permission.MANAGE_CREDENTIALS))]

router = APIRouter(default_response_class=HTMLResponse)


@router.post("/network/groups")
def admit(request: Request, me: Admitter, form: Typed) -> Response:
    """Admit a group."""
    group = Group(
        GroupId(NEW), asked.code(form), asked.text(form, "name", "Name"), asked.zone(form),
        tin=form.get("tin", "").strip(),
    )  # fmt: skip
    with transaction(context_of(request).engine, frozenset()) as conn:
        made = _once(lambda: network.add_group(conn, group), "a group with this code is there")
        note_act(
            conn, request, me, "group", object_id=made, owner=made, action="C", code=group.code
        )
    return _back(request, "/network")


@router.post("/network/sites")
def add_site(request: Request, me: Keeper, form: Typed) -> Response:
    """Add a hospital or imaging centre of a group."""
    owner = _group(request, me, form)
    name = asked.text(form, "name", "Name")
    site = Site(
        SiteId(NEW), owner, asked.code(form), name, form.get("short_name", "").strip() or name,
        asked.read(form, Field("state", "State", STATE, required=True)), asked.zone(form),
        asked.one_of(form, "kind", KINDS_OF_SITE), asked.text(form, "assigner", "Assigner of MRNs"),
        form.get("accession_prefix", "").strip(),
        asked.one_of(form, "reporting", (READS_HERE, READS_ELSEWHERE)),
        targets=asked.targets(form), each_claim=asked.money(form, "each_claim"),
        aggregate=asked.money(form, "aggregate"),
        forbids_offshore=form.get("forbids_offshore") == "yes",
    )  # fmt: skip
    with transaction(context_of(request).engine, scope_of(me, owner)) as conn:
        said = "a site with this code is there"
        made = _once(lambda: network.add_site(conn, site, recorded_by(request, me)), said)
        if asked.one_of(form, "mode", (LIVE, SHADOW)) == SHADOW:
            by = By(owner, me.name, me.user)
            modes.change(
                conn, made, SHADOW, by, "it starts in shadow mode", context_of(request).now()
            )
        note_act(
            conn, request, me, "site", object_id=made, owner=owner, action="C", code=site.code
        )
    return _back(request, "/network")


@router.post("/network/sites/{site_id}/bylaws")
def change_bylaws(request: Request, me: Keeper, site_id: UUID, form: Typed) -> Response:
    """Say which malpractice limits, ages and places a site's bylaws and contract ask for."""
    site = _site(request, site_id)
    years = asked.read(form, Field("child_below", "Paediatric below, years", WHOLE)) or 0
    if years > OLDEST_CHILD:
        raise Invalid(f"an age of at most {OLDEST_CHILD} years", "child_below")
    with transaction(context_of(request).engine, scope_of(me, site.owner_group)) as conn:
        network.set_bylaws(
            conn, site.id, asked.money(form, "each_claim"), asked.money(form, "aggregate"), years,
            forbids_offshore=form.get("forbids_offshore") == "yes",
        )  # fmt: skip
        note_act(
            conn, request, me, "site", object_id=site.id, owner=site.owner_group,
            act="bylaws changed",
        )  # fmt: skip
    return _back(request, "/network")


@router.post("/network/sites/{site_id}/certificate")
def add_certificate(request: Request, me: Keeper, site_id: UUID, form: Typed) -> Response:
    """Record a site's MQSA certificate; the one before it is replaced when this one serves."""
    site, kind = _site(request, site_id), KINDS["facility certificate"]
    fact = read_fact(kind, form, {})
    with transaction(context_of(request).engine, scope_of(me, site.owner_group)) as conn:
        before = credentialing.held(conn, None, site.id)
        recorded = recorded_by(request, me)
        made = (
            credentialing.renew(conn, before[-1].id, fact, recorded)
            if before
            else credentialing.record(conn, None, site.id, fact, recorded)
        )
        note_act(
            conn, request, me, "credential", object_id=made, owner=site.owner_group,
            act="recorded", of_kind=kind.code,
        )  # fmt: skip
    return _back(request, "/network")


@router.post("/network/readers")
def add_reader(request: Request, me: Keeper, form: Typed) -> Response:
    """Add a radiologist; the credentials follow on the reader's page."""
    group = _group(request, me, form)
    npi = form.get("npi", "").strip()
    if not npi_holds(npi):
        raise Invalid("an NPI has ten digits, the last a check digit", "npi")
    words = frozenset(form.get("subspecialties", "").replace(",", " ").casefold().split())
    reader = Reader(
        ReaderId(NEW), group, asked.text(form, "name", "Name"), npi, words,
        sits_in_state=asked.read(form, Field("sits_in_state", "Sits in", STATE, required=True)),
    )  # fmt: skip
    with transaction(context_of(request).engine, scope_of(me, group)) as conn:
        made = network.add_reader(conn, reader, recorded_by(request, me))
        note_act(conn, request, me, "reader", object_id=made, owner=group, action="C", npi=npi)
    return _back(request, f"/network/readers/{made}")


@router.post("/network/readers/{reader_id}/membership")
def change_membership(request: Request, me: Keeper, reader_id: UUID, form: Typed) -> Response:
    """End a reader's membership, or take the reader in again."""
    context = context_of(request)
    with transaction(context.engine, frozenset()) as conn:
        reader = network.reader(conn, ReaderId(reader_id), context.now())
    is_active = form.get("active") == "yes"
    with transaction(context_of(request).engine, scope_of(me, reader.group)) as conn:
        network.set_active(conn, reader.id, active=is_active)
        note_act(
            conn, request, me, "reader", object_id=reader.id, owner=reader.group,
            act="reinstated" if is_active else "membership ended",
        )  # fmt: skip
    return _back(request, f"/network/readers/{reader_id}")


def _group(request: Request, me: Principal, form: dict[str, str]) -> GroupId:
    """The group that something is added to: one's own, or the one an administrator chose."""
    found = [one for one in groups_of(request, me) if str(one) == form.get("group", "")]
    if found:
        return found[0]
    if me.group is None:
        raise Invalid("choose the group", "group")
    return me.group


def _site(request: Request, site_id: UUID) -> Site:
    with transaction(context_of(request).engine, frozenset()) as conn:
        return network.site(conn, SiteId(site_id))


def _once(add: Callable[[], Made], taken: str) -> Made:
    try:
        return add()
    except IntegrityError:
        raise Conflict(f"{taken} already; choose another") from None


def _back(request: Request, path: str) -> Response:
    """Show where the change can be seen; htmx follows by itself."""
    if "hx-request" in request.headers:
        return Response(status_code=204, headers={"hx-redirect": path})
    return RedirectResponse(path, 303)
