"""Whose credentials a person sees and keeps, and how forms come in."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request

from confrere.database.engine import transaction
from confrere.kernel.errors import NotFound, Refused
from confrere.kernel.ids import GroupId, ReaderId, SiteId
from confrere.kernel.principal import Principal, Role
from confrere.network import service as network
from confrere.network.model import Directory, Reader
from confrere.network.records import Recorded
from confrere.web.context import context_of


async def read_form(request: Request) -> dict[str, str]:
    """What was typed into a form whose fields the page chose."""
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


Typed = Annotated[dict[str, str], Depends(read_form)]


def keeps_all(me: Principal) -> bool:
    """Say whether a person acts for the whole collaborative."""
    return me.role is Role.ADMINISTRATOR and me.group is None


def may_see(me: Principal, reader: Reader) -> bool:
    """Say whether a reader's credentials are this person's to see: oneself, or one's group's."""
    if me.role in (Role.RADIOLOGIST, Role.RESIDENT):
        return reader.id == me.reader
    return keeps_all(me) or reader.group == me.group


def kept_reader(directory: Directory, me: Principal, reader_id: object) -> Reader:
    """The reader of that id, when this person may see the credentials; else NotFound."""
    found = directory.readers.get(ReaderId(reader_id))  # type: ignore[arg-type]
    if found is None or not may_see(me, found):
        raise NotFound("no such reader among yours")
    return found


def scope_of(me: Principal, group: GroupId) -> frozenset[GroupId]:
    """The groups whose rows a transaction for `group` may touch."""
    if keeps_all(me):
        return frozenset({group})
    if me.group != group:
        raise Refused("only the reader's own group keeps these credentials")
    return me.groups


def recorded_by(request: Request, me: Principal) -> Recorded:
    """Who records something now."""
    return Recorded(me.name, context_of(request).now())


def site_names(directory: Directory) -> dict[str, SiteId]:
    """Sites by id and by code, as forms and files name them."""
    named: dict[str, SiteId] = {str(one): one for one in directory.sites}
    return named | {one.code: one.id for one in directory.sites.values()}


def codes(directory: Directory) -> Mapping[SiteId, str]:
    """The code of each site."""
    return {one.id: one.code for one in directory.sites.values()}


def groups_of(request: Request, me: Principal) -> frozenset[GroupId]:
    """The groups whose credentials a person keeps: one's own, or all of the collaborative."""
    if not keeps_all(me):
        return me.groups
    with transaction(context_of(request).engine, frozenset()) as conn:
        return frozenset(one.id for one in network.groups(conn))
