"""Over real doors: a site's status comes in by MLLP, ours goes out by MLLP, nothing crosses."""

from datetime import timedelta
from pathlib import Path

import hl7

from confrere.database.engine import transaction
from confrere.delivery import service as delivery
from confrere.files.folder import BlobStore
from confrere.hl7.mllp import Listener
from confrere.hl7.sender import Sender
from confrere.network import service as network
from confrere.settings import Settings
from confrere.wiring import inbound_hl7, results
from confrere.wiring.hl7_door import open_hl7_door
from confrere.wiring.house import House
from confrere.wiring.peers import PeerBook
from confrere.worklist import service as worklist
from confrere.worklist.model import Item
from tests.acceptance.foreign import foreign_listener
from tests.database import Databases
from tests.integration.beside_house import KEY, claim, complete, settle, status
from tests.integration.world import NOW, build

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def said(fresh: Databases, door: Listener, raw: bytes) -> None:
    """Send to the door as the site does; process what it kept as the worker does."""
    host, port = door.address
    assert Sender().send(host, port, raw, 5 * SECOND).code == "AA"
    with transaction(fresh.system, frozenset()) as conn:
        for message in delivery.inbox(conn, ["stored"]):
            inbound_hl7.process(conn, KEY, message.id, NOW + 10 * MINUTE)


def now(fresh: Databases, item: Item) -> Item:
    with transaction(fresh.system, frozenset()) as conn:
        return worklist.get(conn, item.id)


def test_both_ways_meet_on_one_exam(fresh: Databases, tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    house = House(
        Settings(home=tmp_path), fresh.app, fresh.system, blobs, KEY, lambda: NOW, lambda: 0.0
    )
    with foreign_listener() as inbox:
        with transaction(fresh.system, frozenset()) as conn:
            world = build(conn, results_port=inbox.port)
            network.send_status_to(conn, world.site, world.results, NOW - 60 * MINUTE)
            item = complete(conn, world)
        door = open_hl7_door(house, PeerBook(fresh.system, lambda: NOW), "127.0.0.1", 0)
        try:
            said(fresh, door, status("IP", at=NOW + MINUTE))
            assert now(fresh, item).outside_by == "Smith, Sam"
            said(fresh, door, status("SC", at=NOW + 2 * MINUTE))
            said(fresh, door, status("IP", at=NOW + MINUTE))
            assert now(fresh, item).outside_since is None
            with transaction(fresh.system, frozenset()) as conn:
                claim(conn, now(fresh, item), world.neuro, NOW + 3 * MINUTE)
                settle(conn, NOW + 3 * MINUTE)
                peer = network.peer(conn, world.results)
                assert delivery.deliver_next(
                    conn, peer.id, lambda m: results.transmit(peer, m), NOW + 4 * MINUTE, 0
                )
            (sent,) = inbox.messages
            back = str(sent).replace("CONFRERE|LMH|RIS|LMH", "RIS|LMH|CONFRERE|LMH").encode()
            said(fresh, door, back.rstrip(b"\r") + b"\r")
            assert now(fresh, item).outside_since is None, "our own word, sent back"
        finally:
            door.stop(SECOND)
    assert isinstance(sent, hl7.Message)
    assert str(sent.segment("ORC")[5]) == "IP"
