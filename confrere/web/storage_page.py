"""How full the image store is, what will leave it when, and the rules of that."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, StringConstraints
from sqlalchemy import Connection

from confrere.archives import again
from confrere.database.engine import transaction
from confrere.identity.permissions import Permission
from confrere.imaging import service as imaging
from confrere.keeping import service as keeping
from confrere.keeping.model import TierRule
from confrere.keeping.retention import Rule
from confrere.kernel.errors import Invalid, NotFound, Refused
from confrere.kernel.ids import SiteId, StudyId
from confrere.kernel.principal import Principal
from confrere.network.model import Site
from confrere.web import storage_view as view
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.context import context_of

PAGE = "storage.html"
Looker = Annotated[Principal, Depends(allow(Permission.READ_STORAGE))]
Keeper = Annotated[Principal, Depends(allow(Permission.MANAGE_STORAGE))]
Fetcher = Annotated[Principal, Depends(allow(Permission.CORRECT_IMAGES))]
Word = Annotated[str, StringConstraints(strip_whitespace=True, max_length=16)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=400)]
_NEW = UUID(int=0)  # the database gives the real id

router = APIRouter(default_response_class=HTMLResponse)


class AskedTier(BaseModel):
    """A site's tier rule as it was typed; empty days are no rule."""

    unused_days: Word = ""
    age_days: Word = ""
    warm: Word = ""


class AskedRule(BaseModel):
    """A group's own retention rule as it was typed."""

    code: Annotated[str, StringConstraints(strip_whitespace=True, max_length=32)] = ""
    words: Line = ""
    site: Line = ""
    modality: Annotated[str, StringConstraints(strip_whitespace=True, max_length=16)] = ""
    years: Word = ""
    until_age: Word = ""
    source: Line = ""


@router.get("/storage")
def overview(request: Request, me: Looker) -> Response:
    """Show the places, what lies there of the own group's sites, and what will leave."""
    return _overview(request, me)


@router.post("/storage/tiers/{site_id}")
def set_tier(
    request: Request, me: Keeper, site_id: UUID, asked: Annotated[AskedTier, Form()]
) -> Response:
    """Say when a site's studies go to the cold store."""
    with transaction(context_of(request).engine, me.groups) as conn:
        site = _own(conn, me, site_id)
        rule = TierRule(
            site.id, site.owner_group, _number(asked.unused_days, "unused_days"),
            _number(asked.age_days, "age_days"), asked.warm == "yes",
        )  # fmt: skip
        keeping.set_tier(conn, rule)
        note_act(
            conn, request, me, "storage rule", object_id=site.id, act="tiers",
            unused_days=rule.unused_days or 0, age_days=rule.age_days or 0,
        )  # fmt: skip
    return _overview(
        request, me, f"Saved: {site.short_name} follows from now on, a few studies at a time."
    )


@router.get("/storage/rules")
def rules(request: Request, me: Looker) -> Response:
    """Show the retention rules, with their sources."""
    return _rules(request, me)


@router.post("/storage/rules")
def add_rule(request: Request, me: Keeper, asked: Annotated[AskedRule, Form()]) -> Response:
    """Add a rule of the own group: it can only lengthen."""
    if me.group is None:
        raise Refused("rules belong to groups, and your account belongs to none")
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        site = _own(conn, me, _uuid(asked.site, "site")) if asked.site else None
        keeping.add_rule(conn, Rule(
            _NEW, asked.code, asked.words, _number(asked.years, "years") or 0, asked.source,
            context.now().date(), me.group, site.id if site else None,
            asked.modality.upper(), until_age=_number(asked.until_age, "until_age"),
            by_name=me.name,
        ))  # fmt: skip
        note_act(
            conn, request, me, "storage rule", action="C", act="retention", code=asked.code
        )
    return _rules(request, me, f"Rule {asked.code} is in force.")


@router.post("/storage/rules/{rule_id}/end")
def end_rule(request: Request, me: Keeper, rule_id: UUID) -> Response:
    """End a rule of the own group."""
    if me.group is None:
        raise Refused("rules belong to groups, and your account belongs to none")
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        keeping.end_rule(conn, rule_id, me.group, context.now().date(), me.name)
        note_act(conn, request, me, "storage rule", object_id=rule_id, act="retention ended")
    return _rules(
        request, me, "The rule is ended. Lists of removals are judged again by the rest."
    )


@router.post("/storage/fetch/{study_id}")
def fetch(request: Request, me: Fetcher, study_id: UUID) -> Response:
    """Fetch a study's images from the site's PACS again."""
    context, key = context_of(request), StudyId(study_id)
    with transaction(context.engine, me.groups) as conn:
        if imaging.study(conn, key).owner_group != me.group:
            raise NotFound("no such study of your group; reload the page")
        again.by_hand(conn, key, context.now())
        note_act(conn, request, me, "study", object_id=key, study=key, act="fetched again")
    return RedirectResponse(f"/images/{study_id}", 303)


def _overview(request: Request, me: Principal, said: str = "") -> Response:
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        found = view.sites_kept(conn, me, context.now())
        places = sorted(keeping.states(conn).values(), key=lambda one: one.name != "main")
        without = view.elsewhere(conn, me)
    return show(
        request, PAGE, "parts/storage_body.html", said=said, tab="overview", sites=found,
        stores=places, without=without, size=view.size, used=view.used, full=view.FULL,
        cold=bool(context.settings.cold_url), most=view.MOST,
    )  # fmt: skip


def _rules(request: Request, me: Principal, said: str = "") -> Response:
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        found = keeping.rules(conn, me.group)
        sites = view.own_sites(conn, me)
    return show(
        request, PAGE, "parts/storage_rules.html", said=said, tab="rules", rules=found,
        sites=sites, names={one.id: one.short_name for one in sites},
        today=context.now().date(),
    )  # fmt: skip


def _own(conn: Connection, me: Principal, key: UUID) -> Site:
    for site in view.own_sites(conn, me):
        if site.id == SiteId(key):
            return site
    raise NotFound("no such site in your group")


def _number(text: str, name: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise Invalid("Give a whole number, or leave it empty.", name)
    return int(text)


def _uuid(text: str, name: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("Choose one from the list.", name) from None
