"""QIDO-RS: search (PS3.18 section 10.6)."""

import re
from collections.abc import Sequence
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import Connection

from confrere.database.engine import transaction
from confrere.dicomweb import accept, answers
from confrere.dicomweb.door import PRIVATE, VIEW, DicomRoute, Door, NotAcceptable, base_url
from confrere.imaging import finding
from confrere.imaging.attributes import Level, named
from confrere.imaging.matching import MOST_RESULTS, Match, Query, match
from confrere.kernel.errors import Invalid
from confrere.kernel.principal import Principal

Pairs = Sequence[tuple[str, str]]
CONTROLS = frozenset({"limit", "offset", "includefield", "fuzzymatching", "accept", "charset"})
DEFAULT_LIMIT = 100
LARGEST_OFFSET = 1_000_000
MOST_KEYS = 64
MOST_VIEWED = 8
FUZZY = (
    '299 confrere: "The fuzzymatching parameter is not supported. '
    'Only literal matching has been performed."'
)
MORE = '299 confrere: "There are additional results that can be requested"'


def routes(door: Door) -> APIRouter:
    """Make the search routes."""
    router = APIRouter(route_class=DicomRoute)
    Allowed: TypeAlias = Annotated[Principal, Depends(door.allow(VIEW))]

    @router.get("/studies")
    def studies(request: Request, principal: Allowed) -> Response:
        return _search(door, request, principal, Level.STUDY)

    @router.get("/series")
    @router.get("/studies/{study}/series")
    def series(request: Request, principal: Allowed, study: str = "") -> Response:
        return _search(door, request, principal, Level.SERIES, study_uid=study)

    @router.get("/instances")
    @router.get("/studies/{study}/instances")
    @router.get("/studies/{study}/series/{series}/instances")
    def instances(
        request: Request, principal: Allowed, study: str = "", series: str = ""
    ) -> Response:
        return _search(
            door, request, principal, Level.INSTANCE, study_uid=study, series_uid=series
        )

    return router


def beside_a_viewer(door: Door) -> APIRouter:
    """Make the searches of a viewer that shows certain studies, named in its address.

    OHIF asks for a patient's other studies by PatientID alone, which two assigners may have
    given to two people: of studies only those of the shown studies' persons are found.
    """
    router = APIRouter(prefix="/viewed/{viewed}", route_class=DicomRoute)
    Allowed: TypeAlias = Annotated[Principal, Depends(door.allow(VIEW))]

    @router.get("/studies")
    def studies(request: Request, principal: Allowed, viewed: str) -> Response:
        shown = viewed.split(",")[:MOST_VIEWED]
        return _search(door, request, principal, Level.STUDY, viewed=shown)

    @router.get("/studies/{study}/series")
    def series(request: Request, principal: Allowed, study: str) -> Response:
        return _search(door, request, principal, Level.SERIES, study_uid=study)

    @router.get("/studies/{study}/instances")
    @router.get("/studies/{study}/series/{series}/instances")
    def instances(
        request: Request, principal: Allowed, study: str, series: str = ""
    ) -> Response:
        return _search(
            door, request, principal, Level.INSTANCE, study_uid=study, series_uid=series
        )

    return router


def _search(
    door: Door,
    request: Request,
    principal: Principal,
    level: Level,
    *,
    study_uid: str = "",
    series_uid: str = "",
    viewed: Sequence[str] = (),
) -> Response:
    pairs = request.query_params.multi_items()
    asked = accept.wishes(
        request.query_params.get("accept") or request.headers.get("accept", "")
    )
    if not accept.takes_json(asked):
        raise NotAcceptable("searches answer with application/dicom+json: accept that")
    matches = _matches(pairs, level)
    if series_uid:
        matches.append(_key("SeriesInstanceUID", series_uid, level))
    limit, offset = _page(pairs)
    with transaction(door.engine, principal.groups) as conn:
        scope = door.scope(conn, principal)
        study = finding.pick_study(conn, scope, study_uid) if study_uid else None
        # one more than asked for tells whether a next page exists
        persons = finding.persons_of(conn, scope, viewed) if viewed else None
        asked_for = [_fuzzy(conn, one, pairs) for one in matches if one is not None]
        query = Query(scope, tuple(asked_for), limit + 1, offset, persons)
        found = finding.search(conn, level, query, study.id if study else None)
        if study:
            door.note(conn, principal, "search", study)
        else:
            for owner in {*principal.groups, *(one.study.owner_group for one in found)}:
                door.note_access(conn, principal, "search", None, None, owner)
    headers = dict(PRIVATE)
    warnings = []
    if len(found) > limit:
        warnings.append(MORE)
    if _is_fuzzy(pairs) and any(_literal_only(key) for key, _ in pairs):
        warnings.append(FUZZY)
    if warnings:
        headers["Warning"] = ", ".join(warnings)
    content = answers.results(found[:limit], level, _extra(pairs), base_url(request))
    return Response(content, headers=headers, media_type=accept.JSON)


def _matches(pairs: Pairs, level: Level) -> list[Match | None]:
    keys = [(key, value) for key, value in pairs if key not in CONTROLS]
    if len(keys) > MOST_KEYS:
        raise Invalid(f"use at most {MOST_KEYS} search keys")
    return [_key(key, value, level) for key, value in keys]


def _fuzzy(conn: Connection, one: Match, pairs: Pairs) -> Match:
    """Match the patient's name by its sound as well, where that is asked."""
    texts = [value for key, value in pairs if named(key) == one.attribute]
    return finding.sounding(conn, one, texts[0]) if texts and _is_fuzzy(pairs) else one


def _is_fuzzy(pairs: Pairs) -> bool:
    return "true" in (value.lower() for key, value in pairs if key == "fuzzymatching")


def _literal_only(key: str) -> bool:
    attribute = None if key in CONTROLS else named(key)
    return attribute is not None and attribute.vr == "PN" and attribute.column != "patient_name"


def _key(name: str, value: str, level: Level) -> Match | None:
    attribute = named(name)
    if attribute is None or attribute.level > level:
        shown = re.sub(r"[^0-9A-Za-z._-]", "?", name[:64])
        raise Invalid(f"{shown} can't be searched at this level: leave it out", shown)
    return match(attribute, value)


def _page(pairs: Pairs) -> tuple[int, int]:
    values = dict(pairs)
    limit = _number(values.get("limit", str(DEFAULT_LIMIT)), "limit")
    offset = _number(values.get("offset", "0"), "offset")
    if offset > LARGEST_OFFSET:
        raise Invalid(f"offset can be at most {LARGEST_OFFSET}: narrow the search", "offset")
    return min(limit, MOST_RESULTS), offset


def _number(text: str, field: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise Invalid(f"{field} must be a whole number from 0 up", field)
    return int(text)


def _extra(pairs: Pairs) -> frozenset[str]:
    """Read includefield; what is not indexed is not returned (PS3.18 8.3.4.3)."""
    names = [
        name.strip()
        for key, value in pairs
        if key == "includefield"
        for name in value.split(",")
    ]
    known = [named(name) for name in names]
    return frozenset({one.hex for one in known if one} | ({"all"} if "all" in names else set()))
