"""Performed procedure steps joined to orders, sites and their switches."""

from dataclasses import dataclass

from sqlalchemy import Connection

from confrere.audit.model import Event
from confrere.database.engine import transaction
from confrere.dimse.identifier import Identifier, Value
from confrere.dimse.performed import PerformedService, read_change, read_step
from confrere.dimse.service import Request
from confrere.kernel.errors import NotFound, Refused
from confrere.kernel.ids import SiteId
from confrere.network.model import Site
from confrere.network.systems import Peer, SiteHints
from confrere.orders import performing
from confrere.wiring.device_audit import Caller
from confrere.wiring.dicom_query import Desk, agent_of
from confrere.wiring.site_switches import sites_with

_SCHEDULED, _ACCESSION = 0x00400270, 0x00080050


def performed_service(desk: Desk) -> PerformedService:
    """MPPS, offered where a site's switch is on."""
    return PerformedService(Steps(desk))


@dataclass(frozen=True, slots=True)
class Steps:
    """Keeps steps in the caller's group, for the sites that take them."""

    desk: Desk

    def create(self, request: Request, step_uid: str, values: Identifier) -> None:
        """Keep a new step."""
        caller, house = self.desk.caller(request), self.desk.house
        peer = caller.peer
        site = self._site(peer, values)
        step = read_step(step_uid, values, site.time_zone)
        with transaction(house.app, frozenset({peer.owner_group})) as conn:
            performing.create(conn, peer.owner_group, site.id, peer.id, step, house.now())
        self._note(caller, "begun")

    def change(self, request: Request, step_uid: str, values: Identifier) -> None:
        """Apply what an N-SET tells."""
        caller, house = self.desk.caller(request), self.desk.house
        peer = caller.peer
        with transaction(house.app, frozenset({peer.owner_group})) as conn:
            zone = self._zone(conn, peer, step_uid)
            told = read_change(values, zone)
            performing.change(conn, peer.owner_group, peer.id, step_uid, told, house.now())
        self._note(caller, (told.state or "changed").lower())

    def _zone(self, conn: Connection, peer: Peer, step_uid: str) -> str:
        site = performing.site_of(conn, peer.owner_group, step_uid)
        if site is None:
            raise NotFound("no step of this UID")
        return self._open(peer, site).time_zone

    def _site(self, peer: Peer, values: Identifier) -> Site:
        scheduled = values.get(_SCHEDULED, Value("SQ")).items
        accession = scheduled[0].get(_ACCESSION, Value("SH")).text if scheduled else ""
        found = self.desk.book.site_of(peer, SiteHints(accession=accession))
        if found is None:
            raise Refused("No site can be told for this step: register the machine with one")
        return self._open(peer, found.id)

    def _open(self, peer: Peer, site: SiteId) -> Site:
        if site not in sites_with(self.desk.book, peer, "performed"):
            raise Refused("This site does not take performed procedure steps")
        return self.desk.book.page().sites[site]

    def _note(self, caller: Caller, act: str) -> None:
        peer, house = caller.peer, self.desk.house
        self.desk.note(caller, Event(
            peer.owner_group, house.now(), "U", "performed step", "dicom", agent_of(caller),
            detail={"act": act},
        ))  # fmt: skip
