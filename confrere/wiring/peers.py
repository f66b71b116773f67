"""Who may speak at the DICOM and HL7 doors: registered peers, by title or name and address.

The book is read with the system role, because a caller's group is not known before it is
recognised, and again every few seconds, so that a change on the network page acts at once.
"""

import hmac
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from confrere.database.engine import transaction
from confrere.kernel.ids import GroupId, SiteId
from confrere.network import service as network
from confrere.network import serving
from confrere.network.model import Site
from confrere.network.site_resolution import resolve_site
from confrere.network.site_services import SiteServices
from confrere.network.systems import Peer, SiteHints, SiteRule
from confrere.settings import is_loopback

FRESH = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Page:
    """The book as it was read."""

    peers: tuple[Peer, ...]
    rules: dict[GroupId, tuple[SiteRule, ...]]
    sites: dict[SiteId, Site]
    services: dict[SiteId, SiteServices]
    read_at: datetime
    found: dict[tuple[str, str, str | None], Peer] = field(default_factory=dict)


class PeerBook:
    """The registered peers of every group; safe to use from many threads."""

    def __init__(self, system: Engine, now: Callable[[], datetime]) -> None:
        self._system = system
        self._now = now
        self._lock = threading.Lock()
        self._page = Page((), {}, {}, {}, datetime.min.replace(tzinfo=UTC))

    def page(self) -> Page:
        """The book, at most FRESH old."""
        with self._lock:
            if self._now() - self._page.read_at > FRESH:
                self._page = self._read()
            return self._page

    def _read(self) -> Page:
        with transaction(self._system, frozenset()) as conn:
            peers = tuple(network.peers(conn))
            owners = {peer.owner_group for peer in peers}
            rules = {owner: tuple(network.site_rules(conn, owner)) for owner in owners}
            sites = {site.id: site for site in network.sites(conn)}
            services = serving.services(conn)
        return Page(peers, rules, sites, services, self._now())

    def by_title(self, title: str, address: str, secured: str | None = None) -> Peer | None:
        """The DICOM peer that calls with this AE title from this address.

        `secured`: by TLS, with this certificate's fingerprint (empty: none); None: in the clear.
        """
        page, asked = self.page(), (title, address, secured)
        if asked in page.found:  # asked anew for every instance
            return page.found[asked]
        found = self._first(
            address,
            lambda p: p.door == "dicom" and p.aet.strip(" ") == title.strip(" "),
            secured,
        )
        if found is not None:  # so no stranger fills it
            page.found[asked] = found
        return found

    def by_application(self, application: str, facility: str, address: str) -> Peer | None:
        """The HL7 peer that sends as this application and facility from this address."""
        return self._first(
            address,
            lambda p: (
                p.door == "hl7"
                and (not p.application or p.application == application)
                and (not p.facility or p.facility == facility)
            ),
        )

    def knows_address(self, door: str, address: str) -> bool:
        """Say whether any peer of a door may come from this address."""
        return any(p.door == door and may_come_from(p, address) for p in self.page().peers)

    def site_of(self, peer: Peer, hints: SiteHints) -> Site | None:
        """Which site a message or image of this peer belongs to."""
        page = self.page()
        found = resolve_site(peer, page.rules.get(peer.owner_group, ()), hints)
        return page.sites.get(found) if found else None

    def _first(
        self, address: str, says: Callable[[Peer], bool], secured: str | None = None
    ) -> Peer | None:
        able = [p for p in self.page().peers if says(p) and may_come_from(p, address, secured)]
        # a peer with an address of its own is meant before one that only says loopback
        return min(able, key=lambda p: (not p.address, str(p.id)), default=None)


def may_come_from(peer: Peer, address: str, secured: str | None = None) -> bool:
    """Say whether an enabled peer may speak from this address, in the clear or `secured`.

    One registered with a certificate must show just that one; one without may not come from
    beyond loopback by TLS, since nothing proves who it is.
    """
    if not peer.enabled:
        return False
    if peer.certificate:
        same = secured is not None and hmac.compare_digest(secured, peer.certificate)
        here = is_loopback(address) and (not peer.address or is_loopback(peer.address))
        return same and (here or peer.address == address)
    if secured is not None and not is_loopback(address):
        return False
    if is_loopback(address):
        return not peer.address or is_loopback(peer.address)
    return peer.plain_beyond_loopback and peer.address == address
