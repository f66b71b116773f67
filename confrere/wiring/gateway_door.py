"""What gateways at hospitals call: enrolment, images, HL7 messages, signs of life.

They call us, never we them. Each call but enrolment carries the gateway's token, and what it
brings belongs to the gateway's group and site, whatever it says itself.
"""

import base64
import binascii
import json
import logging
import os
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection
from starlette.requests import ClientDisconnect

from confrere.audit import service as audit
from confrere.audit.model import COLLABORATIVE, Agent, Event
from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.hl7.envelope import Envelope, read_envelope
from confrere.hl7.parse import LARGEST_MESSAGE
from confrere.kernel.errors import DomainError, Invalid, Refused
from confrere.network import gatewaying
from confrere.network import service as network
from confrere.network.gateways import Gateway
from confrere.web.access import Admits
from confrere.wiring import gateway_frames as frames
from confrere.wiring.device_permissions import may_send
from confrere.wiring.gateway_objects import Desk, Taken
from confrere.wiring.house import House

log = logging.getLogger(__name__)

MOST_MESSAGES = 24 << 20  # one of the largest, in base 64
RANKS = ("STAT", "urgent", "routine")
COUNTS = (
    "bytes", "messages", "messages_refused", "oldest_seconds", "put_off", "free_bytes",
    "readers", "reads",
)  # fmt: skip
MOST_SAID = 4096  # characters of what a gateway tells of itself


class GatewayOnly(Admits):
    """Admits who carries the token of a gateway that is not revoked."""

    def __init__(self, house: House) -> None:
        self._house = house

    def __call__(self, request: Request) -> Gateway:
        """Return the gateway; raises Refused."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        found = None
        if scheme.lower() == "bearer":
            # by the system role: whose it is, is not known before it is recognised
            with transaction(self._house.system, frozenset()) as conn:
                found = gatewaying.of_token(conn, token.strip())
        if found is None:
            raise Refused("this gateway is not known or was revoked: enrol it again")
        return found


class OneTimeCode(Admits):
    """Admits anyone to the enrolment, where the one-time code decides."""

    def __call__(self) -> None:
        """Nothing is known of the caller yet."""


def gateway_router(house: House) -> APIRouter:
    """Make the routes."""
    router = APIRouter(prefix="/gateway")
    desk = Desk(house)
    only = GatewayOnly(house)
    Caller = Annotated[Gateway, Depends(only)]  # noqa: N806 - a type

    @router.post("/enrol", dependencies=[Depends(OneTimeCode())])
    async def enrol(request: Request) -> Response:
        asked = await read_json(request)
        return await run_in_threadpool(_enrol, house, asked)

    @router.post("/objects")
    async def objects(request: Request, gateway: Caller) -> Response:
        body = await _bytes(request)
        return await run_in_threadpool(_objects, desk, gateway, body)

    @router.get("/objects/{digest}")
    def have(gateway: Caller, digest: str) -> Response:
        try:
            return answer(200, {"have": desk.have(gateway, _digest(digest))})
        except DomainError as error:
            return trouble(error)

    @router.post("/messages")
    async def messages(request: Request, gateway: Caller) -> Response:
        asked = await read_json(request, MOST_MESSAGES)
        return await run_in_threadpool(_messages, house, gateway, asked)

    @router.post("/signs")
    async def signs(request: Request, gateway: Caller) -> Response:
        asked = await read_json(request)
        return await run_in_threadpool(_signs, house, gateway, asked)

    return router


def _enrol(house: House, asked: Mapping[str, Any]) -> Response:
    now = house.now()
    try:
        with transaction(house.system, frozenset()) as conn:
            known, token = gatewaying.enrol(
                conn, str(asked.get("code", "")), str(asked.get("version", "")), now, os.urandom
            )
            site = network.site(conn, known.site)
    except DomainError as error:
        _note(house, Event(
            COLLABORATIVE, now, "E", "gateway", "gateway", Agent(None, "unknown gateway", None),
            "refused", detail={"act": "enrol"},
        ))  # fmt: skip
        return trouble(error)
    _note(house, Event(
        known.owner_group, now, "E", "gateway", "gateway", agent_of(known), object_id=known.id,
        detail={"act": "enrolled"},
    ))  # fmt: skip
    return answer(200, {"token": token, "name": known.name, "site": site.name})


def _objects(desk: Desk, gateway: Gateway, body: bytes) -> Response:
    try:
        taken = desk.take(gateway, list(frames.read(body)))
    except DomainError as error:
        return trouble(error)
    except OSError as error:
        log.error("a gateway's images can't be kept: %s", type(error).__name__)  # noqa: TRY400
        return answer(503, {"message": "the centre's disk is full or failed"})
    return answer(200, {"objects": [_told(one) for one in taken]})


def _told(one: Taken) -> dict[str, object]:
    return {"digest": one.digest.hex(), "state": one.state, "have": one.have, "why": one.why}


def _messages(house: House, gateway: Gateway, asked: Mapping[str, Any]) -> Response:
    given = asked.get("messages")
    if not isinstance(given, list) or len(given) > frames.MOST_FRAMES:
        return trouble(Invalid("send a list of at most 64 messages", "messages"))
    with transaction(house.app, frozenset({gateway.owner_group})) as conn:
        answers = [_message(house, conn, gateway, one) for one in given]
    return answer(200, {"messages": answers})


def _message(
    house: House, conn: Connection, gateway: Gateway, given: object
) -> dict[str, object]:
    """Keep one message in the inbox that MLLP feeds, unless it is there already."""
    try:
        one = given if isinstance(given, dict) else {}
        raw = base64.b64decode(str(one.get("content", "")), validate=True)
        envelope = _sendable(raw)
    except (DomainError, binascii.Error) as error:
        return {"state": "refused", "why": str(error)}
    peer = network.peer(conn, gateway.peer)
    kind = f"{envelope.message_type}^{envelope.trigger}".strip("^")
    if delivery.is_known(conn, peer, envelope.control_id, raw):
        return {"state": "same", "why": ""}
    address = f"{str(one.get('address', ''))[:45]} via {gateway.name}"
    delivery.keep(conn, peer, kind, envelope.control_id, raw, address, house.now())
    return {"state": "stored", "why": ""}


def _sendable(raw: bytes) -> Envelope:
    envelope = read_envelope(raw)
    if not envelope.readable or envelope.batch or not envelope.control_id:
        raise Invalid("a message begins with MSH and has a control id (MSH-10)", "MSH")
    if len(raw) > LARGEST_MESSAGE:
        raise Invalid("the message is too large", "MSH")
    if not may_send(envelope.message_type):
        raise Refused(f"{envelope.message_type or 'no'} messages are not taken here: MSH-9")
    return envelope


def _signs(house: House, gateway: Gateway, asked: Mapping[str, Any]) -> Response:
    said = asked.get("said")
    if not isinstance(said, dict) or len(json.dumps(said)) > MOST_SAID:
        return trouble(Invalid("tell counts and states, in at most 4096 characters", "said"))
    now = house.now()
    told = _told_of_itself(said)
    with transaction(house.app, frozenset({gateway.owner_group})) as conn:
        gatewaying.hear(conn, gateway.id, str(asked.get("version", "")), told, now)
        for alert in set(told["alerts"]) - set(gateway.said.get("alerts", [])):
            audit.note(conn, house.audit_key, Event(
                gateway.owner_group, now, "E", "gateway", "gateway", agent_of(gateway),
                object_id=gateway.id, detail={"alert": alert},
            ))  # fmt: skip
    return answer(200, {"at": now.isoformat()})


def _told_of_itself(said: Mapping[str, Any]) -> dict[str, Any]:
    """Take what we know how to show, as what it should be: counts, and a few short texts."""
    images, alerts = said.get("images"), said.get("alerts")
    given = images if isinstance(images, dict) else {}
    return {
        "images": {rank: _count(given.get(rank)) for rank in RANKS},
        **{name: _count(said.get(name)) for name in COUNTS},
        "put_off_because": str(said.get("put_off_because", ""))[:200],
        "alerts": [str(one)[:200] for one in alerts[:20]] if isinstance(alerts, list) else [],
    }


def _count(value: object) -> int:
    return max(0, int(value)) if isinstance(value, int | float) else 0


def agent_of(gateway: Gateway) -> Agent:
    """The gateway as who did it."""
    return Agent.of_peer(gateway.peer, gateway.name, gateway.owner_group, str(gateway.id))


def _note(house: House, event: Event) -> None:
    with transaction(house.app, frozenset()) as conn:
        audit.note(conn, house.audit_key, event)


async def _bytes(request: Request, most: int = frames.MOST_BODY) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise Invalid(f"send at most {most >> 20} MiB at once", "body")
    except ClientDisconnect:
        raise Invalid("the upload broke off: send it again", "body") from None
    return bytes(body)


async def read_json(request: Request, most: int = frames.MOST_BODY) -> dict[str, Any]:
    """Read a JSON object of at most so many bytes; raises Invalid."""
    try:
        asked = json.loads(await _bytes(request, most))
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise Invalid("send a JSON object", "body")
    return asked


def _digest(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 32:  # noqa: PLR2004 - SHA-256
        raise Invalid("the digest is 64 hexadecimal digits", "digest")
    return found


def trouble(error: DomainError) -> Response:
    """Answer what went wrong."""
    status = 403 if isinstance(error, Refused) else 400
    return answer(status, {"message": str(error)})


def answer(status: int, content: Mapping[str, object]) -> Response:
    """Answer JSON, for nobody to keep."""
    return Response(
        json.dumps(content), status, media_type="application/json",
        headers={"cache-control": "no-store"},
    )  # fmt: skip
