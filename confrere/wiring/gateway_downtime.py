"""What gateways call for downtime: hand over what was read there, learn who may read and what is read.

A gateway asks every few seconds while the line is up, so that what it last heard is fresh when
the line breaks; and first of all when the line is back, before any image.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection

from confrere.audit import service as audit
from confrere.audit.model import ACTIONS, Agent, Event, storable
from confrere.database.engine import transaction
from confrere.identity import away
from confrere.imaging import service as imaging
from confrere.kernel.errors import DomainError, Invalid
from confrere.kernel.ids import ReaderId, StudyId, UserId
from confrere.network import gatewaying
from confrere.network import service as network
from confrere.network.gateways import Gateway
from confrere.network.model import READS_HERE, Directory, Site
from confrere.reading import back_entry
from confrere.reading.downtime import Signed
from confrere.wiring.gateway_door import GatewayOnly, answer, read_json, trouble
from confrere.wiring.house import House
from confrere.worklist import downtime as exams

LOOKED_BACK = timedelta(
    days=7
)  # exams that were finished earlier are forgotten at a gateway too
MOST_EVENTS, MOST_READS, MOST_BEGUN = 500, 20, 200
MOST_BODY = 16 << 20
AHEAD = timedelta(minutes=5)  # a gateway's clock may be so much ahead of ours


def downtime_router(house: House) -> APIRouter:
    """Make the route."""
    router = APIRouter(prefix="/gateway")
    only = GatewayOnly(house)
    Caller = Annotated[Gateway, Depends(only)]  # noqa: N806 - a type

    @router.post("/downtime")
    async def downtime(request: Request, gateway: Caller) -> Response:
        asked = await read_json(request, MOST_BODY)
        token = request.headers.get("authorization", "").partition(" ")[2].strip()
        return await run_in_threadpool(_exchange, house, gateway, token, asked)

    return router


def _exchange(house: House, gateway: Gateway, token: str, asked: Mapping[str, Any]) -> Response:
    now = house.now()
    groups = frozenset({gateway.owner_group})
    try:
        told = {str(one["key"]): _read(house, gateway, one, now) for one in _list(
            asked, "reads", MOST_READS
        )}  # fmt: skip
        with transaction(house.app, groups) as conn:
            begun = _begun(house, conn, gateway, asked, now)
            standing = standing_of(conn, gateway, token, now)
            audited = _audit(house, conn, gateway, asked, now)
    except DomainError as error:
        return trouble(error)
    digest = hashlib.sha256(json.dumps(standing, sort_keys=True).encode()).hexdigest()
    return answer(200, {
        "at": now.isoformat(), "reads": told, "begun": begun, "audited_to": audited,
        "digest": digest, "standing": None if asked.get("known") == digest else standing,
    })  # fmt: skip


def _read(
    house: House, gateway: Gateway, given: Mapping[str, Any], now: datetime
) -> dict[str, str]:
    """Take one signature, in a transaction of its own: one that is refused stops no other."""
    try:
        came = signed_of(given)
        if came.signed_at > now + AHEAD:
            raise Invalid("it was signed in the future: set the gateway's clock", "signed_at")
        with transaction(house.app, frozenset({gateway.owner_group})) as conn:
            kept = back_entry.receive(conn, gateway, came, now)
            signer = _person(gateway, given)
            audit.note(conn, house.audit_key, Event(
                gateway.owner_group, now, "C", "report", "gateway", signer,
                object_id=kept.report or kept.id,
                detail={"act": "signed in downtime", "state": kept.state, "kind": came.kind},
            ))  # fmt: skip
    except DomainError as error:
        return {"state": "refused", "why": str(error)}
    return {"state": kept.state, "why": kept.why}


def _begun(
    house: House, conn: Connection, gateway: Gateway, asked: Mapping[str, Any], now: datetime
) -> dict[str, str]:
    """Hold for its reader what was begun there and not signed; say what could not be held."""
    told: dict[str, str] = {}
    lease = timedelta(minutes=house.settings.claim_minutes)
    given = _list(asked, "begun", MOST_BEGUN)
    directory = network.directory(conn, now) if given else None
    for one in given:
        uid, number = _text(one, "study_uid", 64), _text(one, "accession", 64)
        reader = directory.readers.get(ReaderId(_id(one, "reader"))) if directory else None
        if directory is None or reader is None or reader.group != gateway.owner_group:
            told[uid] = "its reader is not known any more"
            continue
        found, _ = back_entry.exam_of(conn, gateway.owner_group, gateway.site, uid, number)
        told[uid] = exams.hold(conn, found, reader, directory, now, lease)
    return told


def _audit(
    house: House, conn: Connection, gateway: Gateway, asked: Mapping[str, Any], now: datetime
) -> int:
    """Add what the gateway noted to the group's trail, each once, with its own times."""
    chain = _text(asked, "chain", 32)
    last = gateway.audited_to if gateway.audited_chain == chain else 0
    fresh = [one for one in _list(asked, "events", MOST_EVENTS) if _number(one, "seq") > last]
    if not fresh:
        return last
    last = max(_number(one, "seq") for one in fresh)
    if not gatewaying.note_audited(conn, gateway, chain, last):
        return last  # another request brought them just now
    for one in fresh:
        uid = _text(one, "study_uid", 64)
        study = imaging.of_uid(conn, gateway.owner_group, uid) if uid else None
        given = dict(one.get("detail") or {})
        detail: dict[str, str | int] = {str(k)[:40]: str(v)[:200] for k, v in given.items()}
        audit.note(conn, house.audit_key, Event(
            gateway.owner_group, min(_at(one, "at"), now), _action(one),
            _text(one, "kind", 40), "gateway in downtime", _person(gateway, one),
            _text(one, "outcome", 20) or "success",
            study_id=StudyId(study.id) if study else None, object_id=gateway.id,
            detail=detail | {"gateway": gateway.name, "number": _number(one, "seq")}
            | ({"study_uid": uid} if uid else {}),
        ))  # fmt: skip
    return last


def _person(gateway: Gateway, one: Mapping[str, Any]) -> Agent:
    """Who acted at the gateway, as the gateway says; someone unknown has no account."""
    given = str(one.get("user") or "")
    user = UserId(UUID(given)) if _is_id(given) else None
    session = f"gateway:{gateway.id}:{_text(one, 'session', 40)}"
    return Agent(user, _text(one, "name", 128), gateway.owner_group, session, "treatment")


def standing_of(
    conn: Connection, gateway: Gateway, token: str, now: datetime
) -> dict[str, Any]:
    """What a gateway needs to know for the time when it cannot ask."""
    site = network.site(conn, gateway.site)
    why = _why_not(gateway, site)
    told: dict[str, Any] = {
        "offers": not why, "why": why, "site": site.name, "time_zone": site.time_zone,
        "cleared": site.viewer_cleared_on is not None, "gateway": gateway.name,
        "readers": [], "exams": [],
    }  # fmt: skip
    if why:
        return told
    directory = network.directory(conn, now)
    return told | {
        "readers": _readers(conn, gateway, token, directory),
        "exams": _exams(conn, gateway, directory, now),
    }


def _why_not(gateway: Gateway, site: Site) -> str:
    if not gateway.downtime:
        return "reading in downtime is switched off for this gateway"
    if site.is_shadow or site.reporting != READS_HERE:
        return "the site's exams are read in its own system"
    return ""


def _readers(
    conn: Connection, gateway: Gateway, token: str, directory: Directory
) -> list[dict[str, Any]]:
    return [
        {
            "user": str(one.user.id), "username": one.user.username, "name": one.user.name,
            "role": one.user.role.value, "reader": str(one.user.reader),
            "verifier": one.verifier.told(),
        }
        for one in away.readers_of(conn, gateway.owner_group, token)
        if one.user.reader in directory.readers
    ]  # fmt: skip


def _exams(
    conn: Connection, gateway: Gateway, directory: Directory, now: datetime
) -> list[dict[str, Any]]:
    found = exams.of_site(conn, gateway.site, now - LOOKED_BACK)
    ids = [one.study for one in found if one.study]
    uids = {one.id: one.study_uid for one in imaging.get_many(conn, ids)}
    told = []
    for one in found:
        by = directory.readers.get(one.finished_by) if one.finished_by else None
        is_held = one.held_at_instant(now)
        since = one.finished_at or (one.held_at if is_held else None)
        told.append({
            "study_uid": uids.get(one.study, "") if one.study else "",
            "accessions": list(one.accessions), "mrn": one.mrn, "state": one.state.value,
            "by": by.name if by else one.held_name if is_held else one.outside_by,
            "reader": str(one.held_by) if is_held else "",
            "outside": one.is_read_outside, "since": since.isoformat() if since else "",
        })  # fmt: skip
    return told


def signed_of(given: Mapping[str, Any]) -> Signed:
    """Read one signature; raises Invalid naming the field."""
    sections = given.get("sections")
    if not isinstance(sections, dict):
        raise Invalid("a read has sections", "sections")
    images_at = _at(given, "images_at") if given.get("images_at") else None
    return Signed(
        _id(given, "key"), _text(given, "kind", 20),
        {str(name): str(words) for name, words in sections.items()},
        ReaderId(_id(given, "reader")), _text(given, "name", 128), _at(given, "opened_at"),
        _at(given, "signed_at"), images_at, _number(given, "image_count"),
        _text(given, "study_uid", 64), _text(given, "accession", 64), _text(given, "mrn", 64),
        _text(given, "patient_name", 200), _text(given, "description", 200),
        _text(given, "taken_over", 300),
    )  # fmt: skip


def _list(asked: Mapping[str, Any], name: str, most: int) -> list[dict[str, Any]]:
    given = asked.get(name, [])
    right = isinstance(given, list) and all(isinstance(one, dict) for one in given)
    if not right or len(given) > most:
        raise Invalid(f"send a list of at most {most} objects", name)
    return list(given)


def _text(given: Mapping[str, Any], name: str, longest: int) -> str:
    return storable(str(given.get(name) or ""))[:longest]


def _number(given: Mapping[str, Any], name: str) -> int:
    value = given.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 60:
        raise Invalid("send a whole number", name)
    return value


def _at(given: Mapping[str, Any], name: str) -> datetime:
    try:
        found = datetime.fromisoformat(str(given.get(name)))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Invalid("send an instant with its offset, as 2026-11-24T15:00:00+00:00", name)
    return found


def _id(given: Mapping[str, Any], name: str) -> UUID:
    text = str(given.get(name) or "")
    if not _is_id(text):
        raise Invalid("send a UUID", name)
    return UUID(text)


def _action(given: Mapping[str, Any]) -> str:
    told = _text(given, "action", 1)
    return told if told in ACTIONS else "E"


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
