"""A site with systems of its own: exams that are claimed here, and messages both ways."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from confrere.delivery import service as delivery
from confrere.delivery.model import STATUS_KIND, Outgoing
from confrere.kernel.ids import MessageId, ReaderId
from confrere.network import service as network
from confrere.orders import service as orders
from confrere.reading.service import Hold
from confrere.wiring import exams, inbound_hl7, status_out
from confrere.worklist import claims
from confrere.worklist import service as worklist
from confrere.worklist.dispatch import dispatch
from confrere.worklist.model import Item
from tests.integration.world import NOW, World, build, order_message

LEASE = timedelta(minutes=30)
KEY = bytes(32)
TEXT = {"findings": "Acute left thalamic haemorrhage.", "impression": "Bleed."}
SETTLED = timedelta(seconds=4)
EARLIER = timedelta(hours=1)


def world_told(conn: Connection) -> World:
    """The small collaborative, whose site is told who reads."""
    world = build(conn)
    network.send_status_to(conn, world.site, world.results, NOW - EARLIER)
    return world


def receive(
    conn: Connection, world: World, raw: bytes, at: datetime = NOW, control: str = "MSG1"
) -> MessageId:
    """Take a message as the door and the worker do."""
    peer = network.peer(conn, world.hl7)
    kept = delivery.keep(conn, peer, "ORM^O01", control, raw, "127.0.0.1", at)
    inbound_hl7.process(conn, KEY, kept, at)
    return kept


def complete(
    conn: Connection, world: World, accession: str = "LM100", at: datetime = NOW
) -> Item:
    """An exam that is there to be read; the dispatcher has looked."""
    raw = order_message(accession, status="CM", control=f"C{accession}")
    kept = receive(conn, world, raw, at)
    assert delivery.received(conn, kept).state == "done", delivery.received(conn, kept).reason
    order = orders.search(conn, 1, accession=accession)[0]
    exams.order_changed(conn, order.id, at)
    dispatch(conn, network.directory(conn, at), at)
    return worklist.of_exam(conn, world.owner, None, [order.id])[0]


def claim(
    conn: Connection, item: Item, reader: ReaderId, at: datetime = NOW
) -> tuple[Item, Hold]:
    """Claim an exam."""
    who = network.reader(conn, reader, at)
    taken = claims.claim(conn, item, who, network.directory(conn, at), at, LEASE)
    assert taken.hold_token
    return taken, Hold(item.id, who, taken.hold_token)


def look(conn: Connection, at: datetime) -> int:
    """What the dispatcher tells sites at an instant."""
    return status_out.tell(conn, network.directory(conn, at), at)


def settle(conn: Connection, at: datetime) -> int:
    """Look twice, as long apart as a state must last to be told."""
    return look(conn, at) + look(conn, at + SETTLED)


def told(conn: Connection, state: str = "") -> list[Outgoing]:
    """Statuses in the outbox, in the order of their places."""
    found = delivery.outbox(conn, [state] if state else [])
    return sorted((m for m in found if m.kind == STATUS_KIND), key=lambda m: m.place)
