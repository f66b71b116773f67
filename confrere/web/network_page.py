"""The collaborative: groups and sites, readers with what they may do."""

from datetime import UTC
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.ids import GroupId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network.kinds import KINDS
from confrere.network.model import Directory, Licence, Privilege, Reader, Site
from confrere.orders.priorities import MINUTES, NAMES
from confrere.web.access import allow
from confrere.web.acts import show
from confrere.web.context import context_of
from confrere.web.credential_marks import LAPSED, SOON, count_of, mark_of

PAGE = "network.html"
Member = Annotated[Principal, Depends(allow(Permission.READ_DIRECTORY))]

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/network")
def places(request: Request, me: Member) -> Response:
    """Show groups and their sites."""
    return show_places(request, me)


def show_places(request: Request, me: Principal, said: str = "") -> Response:
    """The tab of groups and sites."""
    directory = _directory(request, me)
    staff = {one.id: 0 for one in directory.groups.values()}
    for reader in directory.readers.values():
        staff[reader.group] += reader.active
    groups = [
        (one, staff[one.id], [s for s in directory.sites.values() if s.owner_group == one.id])
        for one in _mine_first(directory, me)
    ]
    targets = {site.id: _targets(site) for site in directory.sites.values()}
    part = "parts/network_places.html"
    return show(
        request, PAGE, part, groups=groups, targets=targets, tab="places", said=said,
        certificate=KINDS["facility certificate"],
    )  # fmt: skip


@router.get("/network/readers")
def readers(request: Request, me: Member) -> Response:
    """Show readers with their licences and privileges, and how those stand today."""
    now, directory = context_of(request).now(), _directory(request, me)
    today = now.astimezone(UTC).date()
    order = {group.id: n for n, group in enumerate(_mine_first(directory, me))}
    listed = sorted(
        (one for one in directory.readers.values() if one.active),
        key=lambda one: (order[one.group], one.name),
    )
    held: list[Licence | Privilege] = [c for r in listed for c in r.licences]
    held += [c for r in listed for c in r.privileges]
    marks = {one: mark_of(one, today) for one in held}
    return show(
        request, PAGE, "parts/network_readers.html", readers=listed, marks=marks, tab="readers",
        groups=directory.groups, sites=directory.sites, words=_words(listed, directory),
        on_duty=sum(one.on_duty(now) for one in listed),
        lapsed=count_of(LAPSED, marks.values()), soon=count_of(SOON, marks.values()),
    )  # fmt: skip


def _directory(request: Request, me: Principal) -> Directory:
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        return network.directory(conn, context.now())


def _mine_first(directory: Directory, me: Principal) -> list[Any]:
    return sorted(directory.groups.values(), key=lambda g: (g.id != me.group, g.name))


def _targets(site: Site) -> list[tuple[str, int, bool]]:
    agreed = site.targets or {}
    merged = MINUTES | agreed
    return [(NAMES.get(name, name), merged[name], name in agreed) for name in merged]


def _words(listed: list[Reader], directory: Directory) -> dict[UUID, str]:
    """What the page's search box looks through, in lower case."""
    return {
        one.id: " ".join(
            (one.name, _group_name(directory, one.group), *one.subspecialties,
             *(licence.state for licence in one.licences),
             *(directory.sites[p.site].name for p in one.privileges))
        ).casefold()
        for one in listed
    }  # fmt: skip


def _group_name(directory: Directory, group: GroupId) -> str:
    return directory.groups[group].name
