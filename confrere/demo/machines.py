"""The demonstration's machines at the doors: PACS, interface engines, results listeners."""

import socket
from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from sqlalchemy import Connection

from confrere.demo import places
from confrere.demo.history_load import Ids
from confrere.kernel.ids import PeerId
from confrere.network import service as network
from confrere.network.model import READS_ELSEWHERE
from confrere.network.systems import Peer, SiteRule

LOOPBACK = "127.0.0.1"
DICTATION = "DICTATION"  # MSH-3 of an external dictation system
_NEW = PeerId(UUID(int=0))  # the database gives the real id


def register_machines(conn: Connection, ids: Ids, ports: Mapping[str, int]) -> None:
    """Register senders and site rules once, and results listeners at their present ports."""
    if not network.peers(conn, "dicom"):
        for number, site in enumerate(places.SITES):
            _register_senders(conn, ids, site)
            if places.shares_its_machines(site):
                _add_rules(conn, ids, site, 10 * number)
    for code, port in ports.items():
        _listen(conn, ids, places.site(code), port)


def result_ports(conn: Connection) -> dict[str, int]:
    """The port of each site's enabled results listener, by site code."""
    codes = {one.id: one.code for one in network.sites(conn)}
    return {
        codes[one.site]: one.port
        for one in network.peers(conn, "results")
        if one.enabled and one.site is not None
    }


def free_ports(wanted: Mapping[str, int]) -> dict[str, int]:
    """Find a loopback port for each site: the one it had if it is free (0: none), or another."""
    held, chosen = [], {}
    try:
        for code, port in wanted.items():
            held.append(_bind(port) or _bind(0) or socket.socket())
            chosen[code] = held[-1].getsockname()[1]
    finally:
        for one in held:
            one.close()
    return chosen


def _bind(port: int) -> socket.socket | None:
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError:
        return None


def _register_senders(conn: Connection, ids: Ids, site: places.SitePlan) -> None:
    owner, shared = ids.groups[site.group], places.shares_its_machines(site)
    where = None if shared else ids.sites[site.code]
    known = {(one.aet, one.application) for one in network.peers(conn)}
    name = f"{site.short_name} PACS"
    if (site.aet, "") not in known:
        network.register_peer(conn, Peer(_NEW, owner, "dicom", name, aet=site.aet, site=where))
    if ("", site.application) not in known:
        facility = "" if shared else site.facility
        network.register_peer(
            conn,
            Peer(
                _NEW, owner, "hl7", f"{site.short_name} interface engine",
                application=site.application, facility=facility, site=where,
            ),
        )  # fmt: skip
    if site.reporting == READS_ELSEWHERE:
        network.register_peer(
            conn,
            Peer(
                _NEW, owner, "hl7", f"{site.short_name} dictation", application=DICTATION,
                facility=site.facility, site=where,
            ),
        )  # fmt: skip


def _add_rules(conn: Connection, ids: Ids, site: places.SitePlan, rank: int) -> None:
    """What a message says of its place comes first, then the number's beginning."""
    rule = SiteRule(ids.groups[site.group], ids.sites[site.code])
    telling = (
        replace(rule, facility=site.facility),
        replace(rule, issuer=site.assigner),
        replace(rule, institution=site.name),
        replace(rule, accession_prefix=site.prefix),
    )
    for place, one in enumerate(telling):
        network.add_site_rule(conn, replace(one, rank=100 * place + rank))


def _listen(conn: Connection, ids: Ids, site: places.SitePlan, port: int) -> None:
    mine = [
        one
        for one in network.peers(conn, "results")
        if one.site == ids.sites[site.code] and one.enabled
    ]
    if any(one.port == port for one in mine):
        return
    for one in mine:
        network.enable_peer(conn, one.id, enabled=False)
    peer = network.register_peer(
        conn,
        Peer(
            _NEW, ids.groups[site.group], "results", f"{site.short_name} results",
            application=site.application, facility=site.facility, address=LOOPBACK,
            port=port, site=ids.sites[site.code],
        ),
    )  # fmt: skip
    network.send_results_to(conn, ids.sites[site.code], peer)
