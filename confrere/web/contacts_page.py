"""Call lists: a group's chief and lead, its readers, its sites' people; and the tiers that are on."""

from dataclasses import replace
from datetime import time
from typing import Annotated
from uuid import UUID
from zoneinfo import available_timezones

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid, Refused
from confrere.kernel.ids import GroupId, ReaderId, SiteId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network.model import Directory
from confrere.notices import service as notices
from confrere.notices.contacts import CHIEF, LEAD, OF_GROUP, OF_SITE, READER, ROLES, Contact
from confrere.notices.model import OUTSIDE, Channel
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.agreement_asked import read_id
from confrere.web.context import context_of
from confrere.web.credential_scope import Typed
from confrere.worklist.escalation import LADDER, PERCENTS

NEW = UUID(int=0)  # the database gives the real id
PAGE, PART = "notices.html", "parts/contacts.html"
WAYS = {Channel.MAIL: "mail", Channel.SMS: "SMS", Channel.VOICE: "call"}
Keeper = Annotated[Principal, Depends(allow(Permission.MANAGE_NOTICES))]

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/notices/contacts")
def page(request: Request, me: Keeper) -> Response:
    """Show the own group's call lists."""
    return _show(request, me)


@router.post("/notices/contacts")
def add(request: Request, me: Keeper, form: Typed) -> Response:
    """Add a line."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        directory = network.directory(conn, context.now())
        new = _read(form, NEW, _group(me), directory)
        made = notices.add_contact(conn, new, me.name, context.now())
        note_act(conn, request, me, "contact", object_id=made, action="C", role=new.role)
    return _show(request, me, f"{new.name} is on the list.")


@router.post("/notices/contacts/{contact_id}")
def change(request: Request, me: Keeper, contact_id: UUID, form: Typed) -> Response:
    """Change a line's name, addresses, ways and quiet hours."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        known = notices.contact(conn, contact_id)
        changed = replace(_addresses(form, known), name=form.get("name", ""))
        notices.change_contact(conn, changed, me.name, context.now())
        note_act(conn, request, me, "contact", object_id=contact_id, role=known.role)
    return _show(request, me, f"{changed.name} is changed.")


@router.post("/notices/contacts/{contact_id}/remove")
def remove(request: Request, me: Keeper, contact_id: UUID) -> Response:
    """Take a line off the list."""
    with transaction(context_of(request).engine, me.groups) as conn:
        notices.remove_contact(conn, contact_id)
        note_act(conn, request, me, "contact", object_id=contact_id, action="D")
    return _show(request, me, "Taken off the list.")


@router.post("/notices/tiers")
def tiers(request: Request, me: Keeper, form: Typed) -> Response:
    """Choose which tiers are on for the own group's exams."""
    on = frozenset(one for one in PERCENTS if form.get(f"tier_{one}") == "yes")
    with transaction(context_of(request).engine, me.groups) as conn:
        notices.set_tiers(conn, _group(me), on, PERCENTS)
        note_act(
            conn, request, me, "escalation", object_id=_group(me),
            tiers=" ".join(map(str, sorted(on))) or "none",
        )  # fmt: skip
    return _show(request, me, "The tiers are kept. They count from the next round on.")


def _read(form: dict[str, str], key: UUID, group: GroupId, directory: Directory) -> Contact:
    role = form.get("role", "")
    reader = ReaderId(read_id(form["reader"], "reader")) if form.get("reader") else None
    known = directory.readers.get(reader) if reader else None
    if reader and (known is None or known.group != group):
        raise Invalid("choose a reader of your own group", "reader")
    site = SiteId(read_id(form["site"], "site")) if form.get("site") else None
    if site and (site not in directory.sites or directory.sites[site].owner_group != group):
        raise Invalid("choose a site of your own group", "site")
    reader, site = (None if role in OF_SITE else reader), (site if role in OF_SITE else None)
    name = form.get("name", "") or (known.name if known and reader else "")
    zone = directory.sites[site].time_zone if site else directory.groups[group].time_zone
    return _addresses(form, Contact(key, group, role, name, reader, site, time_zone=zone))


def _addresses(form: dict[str, str], contact: Contact) -> Contact:
    return replace(
        contact, mail=form.get("mail", ""), phone=form.get("phone", ""),
        channels=frozenset(one for one in OUTSIDE if form.get(f"way_{one.value}") == "yes"),
        quiet_from=_time(form, "quiet_from"), quiet_until=_time(form, "quiet_until"),
        time_zone=form.get("time_zone") or contact.time_zone,
    )  # fmt: skip


def _time(form: dict[str, str], name: str) -> time | None:
    if not form.get(name):
        return None
    try:
        return time.fromisoformat(form[name])
    except ValueError:
        raise Invalid("write the time as 22:00", name) from None


def _group(me: Principal) -> GroupId:
    if me.group is None:
        raise Refused("call lists belong to a group: sign in with a group's account")
    return me.group


def _show(request: Request, me: Principal, said: str = "") -> Response:
    context, group = context_of(request), _group(me)
    with transaction(context.engine, me.groups) as conn:
        directory = network.directory(conn, context.now())
        found = notices.contacts(conn)
        on = notices.tiers(conn).get(group, PERCENTS)
    order = [*OF_GROUP, *OF_SITE, READER]
    rows = sorted(
        ((one, directory.sites[one.site].name if one.site in directory.sites else "")
         for one in found),
        key=lambda pair: (order.index(pair[0].role), pair[1], pair[0].name),
    )  # fmt: skip
    return show(
        request, PAGE, PART, said=said, tab="lists", rows=rows, roles=ROLES, ways=WAYS,
        group_roles=OF_GROUP, site_roles=OF_SITE, ladder=LADDER, on=on,
        leads=sum(one.role in (CHIEF, LEAD) for one in found), zones=sorted(available_timezones()),
        readers=sorted((r for r in directory.readers.values() if r.group == group and r.active),
                       key=lambda r: r.name),
        sites=sorted((s for s in directory.sites.values() if s.owner_group == group),
                     key=lambda s: s.name),
        own_zone=directory.groups[group].time_zone,
    )  # fmt: skip
