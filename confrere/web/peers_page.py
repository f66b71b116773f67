"""The machines that may speak to Confrere, and those to which it sends results."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Connection

from confrere.audit import service as audit
from confrere.audit.service import EventQuery
from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.delivery.model import SENT
from confrere.identity.permissions import Permission
from confrere.kernel.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from confrere.kernel.ids import GroupId, PeerId
from confrere.kernel.principal import Principal
from confrere.network import service as network
from confrere.network.systems import TAKES, Peer, check_peer, differences
from confrere.settings import is_loopback
from confrere.web.access import allow
from confrere.web.acts import note_act, show
from confrere.web.context import context_of
from confrere.web.peer_form import DICOM, HL7, RESULTS, Asked, read_peer
from confrere.web.reaching import reach

DOORS = (
    (DICOM, "PACS and modalities", "DICOM"),
    (HL7, "Interface engines", "HL7 over MLLP"),
    (RESULTS, "Results destinations", "HL7 ORU over MLLP"),
)
LOOPBACK = "127.0.0.1"
LOOKED_AT = 300  # newest events or messages searched for a machine's last sign of life
Looker = Annotated[Principal, Depends(allow(Permission.READ_DELIVERY))]
Keeper = Annotated[Principal, Depends(allow(Permission.MANAGE_PEERS))]

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/network/peers")
def peers(request: Request, me: Looker) -> Response:
    """Show the own group's machines."""
    return _show(request, me)


@router.post("/network/peers")
def register(request: Request, me: Keeper, asked: Annotated[Asked, Form()]) -> Response:
    """Register a machine."""
    if me.group is None:
        raise Invalid("Machines belong to a group; sign in with a group's account.", "group")
    with transaction(context_of(request).engine, me.groups) as conn:
        own = {site.id: site for site in network.sites(conn) if site.owner_group == me.group}
        peer = read_peer(asked, me.group, own, context_of(request).settings)
        if any(_is_same(peer, one) for one in network.peers(conn, peer.door)):
            raise Conflict("This machine is registered already; enable it in the list.")
        added = network.register_peer(conn, peer)
        if peer.door == RESULTS and peer.site and own[peer.site].result_peer is None:
            network.send_results_to(conn, peer.site, added)
        note_act(conn, request, me, "peer", object_id=added, action="C", door_of_peer=peer.door)
    said = f"{peer.name} is registered; the doors know it within two seconds."
    return _show(request, me, said)


@router.get("/network/peers/{peer_id}/change")
def change_form(request: Request, me: Keeper, peer_id: UUID) -> Response:
    """Show a machine's registration to be changed."""
    with transaction(context_of(request).engine, me.groups) as conn:
        peer = network.peer(conn, PeerId(peer_id))
    if peer.owner_group != me.group or peer.door != DICOM:
        raise NotFound("no such DICOM machine of your group")
    return _show(request, me, editing=peer)


@router.post("/network/peers/{peer_id}/change")
def change(
    request: Request, me: Keeper, peer_id: UUID, asked: Annotated[Asked, Form()]
) -> Response:
    """Change a machine's registration; first say what that changes, and do it once confirmed."""
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        before = network.peer(conn, PeerId(peer_id))
        if me.group is None or before.owner_group != me.group:
            raise NotFound("no such machine of your group")
        own = {site.id: site for site in network.sites(conn) if site.owner_group == me.group}
        typed = asked.model_copy(update={"door": before.door})
        after = replace(
            read_peer(typed, me.group, own, context.settings),
            id=before.id, application=before.application, facility=before.facility,
            enabled=before.enabled,
        )  # fmt: skip
        check_peer(after)
        changes = differences(before, after, {one.id: one.name for one in own.values()})
        done = bool(changes) and asked.confirmed == "yes"
        if done:
            network.change_peer(conn, after)
            note_act(
                conn, request, me, "peer", object_id=after.id, act="changed",
                fields=", ".join(field for field, _, _ in changes),
            )  # fmt: skip
    if not changes:
        return _show(request, me, f"{before.name}: nothing was changed.")
    if done:
        return _show(
            request, me, f"{after.name} is changed; the doors know within two seconds."
        )
    return _show(request, me, asking=(after, changes, typed))


@router.post("/network/peers/{peer_id}/enable")
def enable(request: Request, me: Keeper, peer_id: UUID) -> Response:
    """Open the door for one machine."""
    return _switch(request, me, PeerId(peer_id), enabled=True)


@router.post("/network/peers/{peer_id}/disable")
def disable(request: Request, me: Keeper, peer_id: UUID) -> Response:
    """Close the door for one machine."""
    return _switch(request, me, PeerId(peer_id), enabled=False)


@router.post("/network/peers/{peer_id}/use")
def use(request: Request, me: Keeper, peer_id: UUID) -> Response:
    """Send its site's results to this destination from now on."""
    with transaction(context_of(request).engine, me.groups) as conn:
        peer = network.peer(conn, PeerId(peer_id))
        if peer.door != RESULTS or peer.site is None:
            raise Invalid("Only a results destination of a site can receive results.", "door")
        site = network.site(conn, peer.site)
        if site.owner_group != me.group:
            raise NotFound("no such site in your group")
        network.send_results_to(conn, site.id, peer.id)
        note_act(conn, request, me, "peer", object_id=peer.id, act="receives the results")
    return _show(request, me, f"Results of {site.name} go to {peer.name} from now on.")


@router.post("/network/peers/{peer_id}/status")
def tell(request: Request, me: Keeper, peer_id: UUID) -> Response:
    """Tell this destination what becomes of its site's exams from now on."""
    return _tell(request, me, PeerId(peer_id), begins=True)


@router.post("/network/peers/{peer_id}/status/stop")
def stop_telling(request: Request, me: Keeper, peer_id: UUID) -> Response:
    """Tell this destination nothing more of its site's exams."""
    return _tell(request, me, PeerId(peer_id), begins=False)


def _tell(request: Request, me: Principal, peer_id: PeerId, *, begins: bool) -> Response:
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        peer = network.peer(conn, peer_id)
        if peer.door != RESULTS or peer.site is None:
            raise Invalid("Only a results destination of a site can be told of exams.", "door")
        site = network.site(conn, peer.site)
        network.send_status_to(conn, site.id, peer.id if begins else None, context.now())
        act = "is told who reads" if begins else "is told no more who reads"
        note_act(conn, request, me, "peer", object_id=peer.id, act=act)
    if begins:
        return _show(request, me, f"{peer.name} is told who reads each exam of {site.name}.")
    return _show(request, me, f"{peer.name} is told no more who reads exams of {site.name}.")


@router.post("/network/peers/{peer_id}/test")
def test_connection(request: Request, me: Keeper, peer_id: UUID) -> Response:
    """Try to reach a machine: a DICOM echo to a PACS, else nothing is sent."""
    context = context_of(request)
    with transaction(context_of(request).engine, me.groups) as conn:
        peer = network.peer(conn, PeerId(peer_id))
        note_act(
            conn, request, me, "peer", object_id=peer.id, action="E", act="connection test"
        )
    host = peer.address or LOOPBACK
    if not peer.port or peer.door not in (RESULTS, DICOM):
        raise Invalid("This machine calls us; test the connection from its side.", "door")
    if not peer.enabled:
        raise Conflict("This destination is switched off.")
    try:
        took = context.verify(peer) if peer.door == DICOM else _reach(peer, host)
    except (Unavailable, Refused, Invalid) as trouble:
        return _show(request, me, trouble=f"{peer.name}: {trouble}")
    spent = max(1, round(took / timedelta(milliseconds=1)))
    how = " by TLS" if peer.tls else ""
    return _show(request, me, f"{peer.name}: {host}:{peer.port} answers{how} ({spent} ms).")


def _reach(peer: Peer, host: str) -> timedelta:
    if not (is_loopback(host) or peer.plain_beyond_loopback):
        raise Conflict("This destination may not be reached in the clear.")
    return reach(host, peer.port)


def _is_same(one: Peer, other: Peer) -> bool:
    def told(peer: Peer) -> tuple[object, ...]:
        return (
            peer.aet, peer.application, peer.facility, peer.address, peer.port,
            peer.certificate,
        )  # fmt: skip

    return told(one) == told(other)


def _switch(request: Request, me: Principal, peer_id: PeerId, *, enabled: bool) -> Response:
    with transaction(context_of(request).engine, me.groups) as conn:
        network.enable_peer(conn, peer_id, enabled=enabled)
        peer = network.peer(conn, peer_id)
        act = "enabled" if enabled else "disabled"
        note_act(conn, request, me, "peer", object_id=peer_id, act=act)
    word = "may speak again" if enabled else "is refused from now on"
    if peer.door == RESULTS:
        word = "receives results again" if enabled else "gets nothing; its messages wait"
    return _show(request, me, f"{peer.name} {word}.")


def _show(
    request: Request, me: Principal, said: str = "", trouble: str = "",
    asking: tuple[Peer, list[tuple[str, str, str]], Asked] | None = None,
    editing: Peer | None = None,
) -> Response:  # fmt: skip
    context = context_of(request)
    with transaction(context.engine, me.groups) as conn:
        listed = network.peers(conn)
        sites = {site.id: site for site in network.sites(conn)}
        seen = _last_signs(conn, me.group) if me.group else {}
        skews = delivery.skews(conn)
    by_door = {door: [p for p in listed if p.door == door] for door, _, _ in DOORS}
    return show(
        request, "network.html", "parts/network_peers.html", said=said, trouble=trouble,
        tab="peers", doors=DOORS, peers=by_door, sites=sites, seen=seen, skews=skews,
        own_sites=[site for site in sites.values() if site.owner_group == me.group],
        settings=context.settings, loopback=LOOPBACK, asking=asking, takes=TAKES,
        editing=editing,
    )  # fmt: skip


def _last_signs(conn: Connection, owner: GroupId) -> dict[str, datetime]:
    """When each machine was last heard of, as far as the newest entries tell."""
    seen: dict[str, datetime] = {}
    query = EventQuery(owner_group=owner, kind="association", door="dicom")
    for link in audit.events(conn, query, LOOKED_AT):
        parts = link.event.agent.session.split(":")  # peer:<id>:<association>
        if len(parts) > 1:
            seen.setdefault(parts[1], link.event.at)
    for message in delivery.inbox(conn, [], LOOKED_AT):
        seen.setdefault(str(message.peer), message.received_at)
    for sent in delivery.outbox(conn, [SENT], LOOKED_AT):
        if sent.sent_at:
            seen.setdefault(str(sent.peer), sent.sent_at)
    return seen
