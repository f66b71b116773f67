"""The Modality Worklist joined to orders, patients and the sites' switches."""

from collections.abc import Iterator
from dataclasses import dataclass

from confrere.audit.model import Event
from confrere.database.engine import transaction
from confrere.dimse import worklist
from confrere.dimse.identifier import Identifier, Value
from confrere.dimse.key_matching import asked_of, fits
from confrere.dimse.query import FindService, Matched
from confrere.dimse.service import Request
from confrere.dimse.supported import PROVIDED
from confrere.kernel.ids import OrderId
from confrere.network.systems import Peer
from confrere.orders import service as orders
from confrere.orders.model import ORDERED, Order
from confrere.patients import service as patients
from confrere.patients.model import Patient
from confrere.wiring.dicom_query import Desk, agent_of
from confrere.wiring.site_switches import sites_with

MOST_ORDERS = 5_000  # newest first; an order that waits behind so many is no plan for today


def worklist_service(desk: Desk) -> FindService:
    """C-FIND of the Modality Worklist."""
    return FindService("worklist", frozenset(PROVIDED["worklist"].classes), Planner(desk))


@dataclass(frozen=True, slots=True)
class Planner:
    """Answers what is ordered and not yet done."""

    desk: Desk

    def find(self, request: Request, keys: Identifier) -> Iterator[Matched]:
        """Yield the items that fit, newest order first."""
        caller = self.desk.caller(request)
        house, peer = self.desk.house, caller.peer
        open_sites = sites_with(self.desk.book, peer, "worklist")
        self.desk.note(caller, Event(
            peer.owner_group, house.now(), "E", "search", "dicom", agent_of(caller),
            detail={"level": "WORKLIST"},
        ))  # fmt: skip
        with transaction(house.app, frozenset({peer.owner_group})) as conn:
            waiting = orders.search(
                conn, MOST_ORDERS, status=ORDERED, owners=[peer.owner_group],
                sites=sorted(open_sites),
            ) if open_sites else []  # fmt: skip
            people = {p.id: p for p in patients.get_many(conn, [o.patient for o in waiting])}
        for order in waiting:
            found = self._item(order, people[order.patient], keys, request)
            if fits(found, keys):
                self._keep_uid(peer, order)
                yield Matched(asked_of(found, keys))

    def _item(
        self, order: Order, patient: Patient, keys: Identifier, request: Request
    ) -> Identifier:
        site = self.desk.book.page().sites[order.site]
        steps = keys.get(worklist.STEPS, Value("SQ")).items
        station = steps[0].get(worklist.STATION_AET) if steps else None
        named = station.text if station and not set("*?") & set(station.text) else ""
        return worklist.item(order, patient, site.time_zone, named or request.call.calling_aet)

    def _keep_uid(self, peer: Peer, order: Order) -> None:
        """Keep the study's UID with the order before it is given out: images will bear it."""
        if order.content.study_uid:
            return
        with transaction(self.desk.house.app, frozenset({peer.owner_group})) as conn:
            orders.keep_study_uid(conn, OrderId(order.id), worklist.study_uid_of(order))
