"""Foreign archives: register and test them, see what was fetched and what failed, try again."""

from datetime import time
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, StringConstraints

from confrere.archives import service as archives
from confrere.archives.model import DICOMWEB, DIMSE, Archive
from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import GroupId, SiteId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.web.access import allow
from confrere.web.acts import note_act, note_seen, show
from confrere.web.context import context_of

PAGE, PART = "network.html", "parts/archives_body.html"
_NEW = UUID(int=0)  # the database gives the real id
Looker = Annotated[Principal, Depends(allow(Permission.READ_DELIVERY))]
Keeper = Annotated[Principal, Depends(allow(Permission.MANAGE_PEERS))]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=400)]

router = APIRouter(default_response_class=HTMLResponse)


class Asked(BaseModel):
    """An archive as it was typed."""

    name: Text = ""
    way: Text = ""
    aet: Text = ""
    address: Text = ""
    port: Text = ""
    url: Text = ""
    token: Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)] = ""
    assigner: Text = ""
    site: Text = ""
    keeps_days: Text = "30"
    most_studies: Text = "3"
    pause_seconds: Text = "1"
    night_from: Text = ""
    night_until: Text = ""
    plain: Text = ""


@router.get("/network/archives")
def listed(request: Request, me: Looker) -> Response:
    """Show the own group's archives and what is fetched from them."""
    return _show(request, me)


@router.post("/network/archives")
def register(request: Request, me: Keeper, asked: Annotated[Asked, Form()]) -> Response:
    """Register an archive."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        own = {str(s.id): s for s in network.sites(conn) if s.owner_group == me.group}
        if asked.site not in own:
            raise Invalid("Choose the site whose exams it keeps.", "site")
        one = _read(asked, own[asked.site].owner_group)
        made = archives.register(conn, one, asked.token, context.now())
        archives.queue_test(conn, made)
        note_act(conn, request, me, "archive", object_id=made.id, action="C", way=made.way)
    return _show(request, me, f"{made.name} is registered and being tried.")


def _read(asked: Asked, owner: GroupId) -> Archive:
    dimse = asked.way == DIMSE
    return Archive(
        _NEW, owner, asked.name, asked.way, asked.assigner,
        asked.aet if dimse else "", asked.address if dimse else "",
        _number(asked.port, "port") if dimse else 0, "" if dimse else asked.url,
        SiteId(UUID(asked.site)), _number(asked.keeps_days, "keeps_days"),
        _number(asked.most_studies, "most_studies"),
        _number(asked.pause_seconds, "pause_seconds"), _night(asked), asked.plain == "yes",
    )  # fmt: skip


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 7):  # noqa: PLR2004
        raise Invalid("Give a whole number.", name)
    return int(text)


def _night(asked: Asked) -> tuple[time, time] | None:
    if not asked.night_from and not asked.night_until:
        return None
    try:
        return time.fromisoformat(asked.night_from), time.fromisoformat(asked.night_until)
    except ValueError:
        raise Invalid(
            "Give both times of the night, as 22:00 and 06:00.", "night_from"
        ) from None


@router.post("/network/archives/{key}/{act}")
def act_on(request: Request, me: Keeper, key: UUID, act: str) -> Response:
    """Test an archive, or switch it on or off."""
    with transaction(context_of(request).engine, me.groups) as conn:
        found = archives.get(conn, key)
        if act == "test":
            archives.queue_test(conn, found)
            said = f"{found.name} is being tried."
        elif act in ("enable", "disable"):
            archives.enable(conn, key, enabled=act == "enable")
            said = f"{found.name} is {'asked again' if act == 'enable' else 'asked no more'}."
        else:
            raise NotFound("there is test, enable and disable")
        note_act(conn, request, me, "archive", object_id=key, act=act)
    return _show(request, me, said)


@router.post("/network/fetches/{key}/retry")
def retry(request: Request, me: Keeper, key: UUID) -> Response:
    """Try to fetch a study again."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        archives.retry(conn, key, context.now())
        note_act(conn, request, me, "archive", object_id=key, act="retry")
    return _show(request, me, "The study is fetched again.")


def _show(request: Request, me: Principal, said: str = "") -> Response:
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        found = archives.listed(conn)
        fetches = archives.fetches(conn)
        counts = archives.counts(conn)
        sites = {site.id: site for site in network.sites(conn)}
        if fetches:
            note_seen(conn, request, me, "fetch list", now=context.now())
    return show(
        request, PAGE, PART, said=said, tab="archives", archives=found, fetches=fetches,
        counts=counts, sites=sites, names={one.id: one.name for one in found},
        own_sites=[s for s in sites.values() if s.owner_group == me.group],
        settings=context.settings, ways=(DIMSE, DICOMWEB),
        trying=any(one.tested == "being tried" for one in found),
    )  # fmt: skip
