"""Which sites' switches let a calling machine use a service."""

from collections.abc import Callable

from confrere.kernel.ids import SiteId
from confrere.network.site_services import SiteServices
from confrere.network.systems import Peer
from confrere.wiring.peers import PeerBook

SWITCHED: dict[str, Callable[[SiteServices], bool]] = {
    "worklist": lambda switches: switches.worklist,
    "commitment": lambda switches: switches.commits,
    "performed": lambda switches: switches.performed,
}


def sites_with(book: PeerBook, peer: Peer, service: str) -> frozenset[SiteId]:
    """The sites for which a peer may use a service: its own, or its group's when it has none."""
    says = SWITCHED[service]
    return frozenset(
        site
        for site, switched in book.page().services.items()
        if says(switched)
        and switched.owner_group == peer.owner_group
        and peer.site in (None, site)
    )


def services_for(book: PeerBook, peer: Peer, all_services: frozenset[str]) -> frozenset[str]:
    """The services that a peer is offered: those with a switch only where one is on."""
    off = {name for name in SWITCHED if not sites_with(book, peer, name)}
    return all_services - off
