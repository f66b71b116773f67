"""A site with systems of its own: exams that are claimed here, and messages both ways."""

import itertools
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
numbers = itertools.count(1)


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


def stamp(at: datetime) -> str:
    return f"{at:%Y%m%d%H%M%S}+0000"


def status(
    order: str, result: str = "", reader: str = "S9&Smith&Sam", at: datetime = NOW,
    app: str = "RIS", accession: str = "LM100",
) -> bytes:  # fmt: skip
    """An order status of the site's own system; `reader` is OBR-32."""
    obr = ["OBR", "1", f"P{accession}", f"F{accession}", "CTHEAD^CT head without contrast^L"]
    obr += [""] * 13 + [accession] + [""] * 6 + [result] + [""] * 6 + [reader]
    return "\r".join([
        f"MSH|^~\\&|{app}|LMH|CONFRERE|LMH|{stamp(at)}||ORM^O01|ST{next(numbers)}|P|2.5.1",
        "PID|1||M1^^^LMH-MRN^MR||DOE^JANE||19620412|F",
        f"ORC|SC|P{accession}|F{accession}||{order}||||{stamp(at)}",
        "|".join(obr), "",
    ]).encode()  # fmt: skip


def report(result: str, text: str = "No bleed.", at: datetime = NOW) -> bytes:
    """A report of the site's own dictation system."""
    obr = (
        ["OBR", "1", "PLM100", "FLM100", "CTHEAD^CT head^L"] + [""] * 13 + ["LM100", "", "", ""]
    )
    obr += [stamp(at), "", "", result] + [""] * 6 + ["S9&Smith&Sam"]
    return "\r".join([
        f"MSH|^~\\&|RIS|LMH|CONFRERE|LMH|{stamp(at)}||ORU^R01|RE{next(numbers)}|P|2.5.1",
        "PID|1||M1^^^LMH-MRN^MR||DOE^JANE||19620412|F",
        "ORC|RE|PLM100|FLM100", "|".join(obr),
        *([f"OBX|1|TX|18748-4||{text}||||||{result}"] if result not in ("I", "S") else []), "",
    ]).encode()  # fmt: skip
